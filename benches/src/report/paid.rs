//! The part of the report about events that are paid: the demands, and all runs over one or several instances.

use super::{Bound, Demand, figure, rate_of, rates_of, seconds, table};
use crate::{
    results::{
        Backend, Measured, PAYMENTS_IN_FLIGHT, Results, Run, grouped, median,
        paying::{Cache, FIFTY, HOT, Paying, Receipts, Sent, of_instances, on},
    },
    scope::{AUDIENCES, CLICKERS},
};

/// The events that are paid, as most pages send them.
const PAID: [Sent; 2] = [Sent::Visits, Sent::Displays(Receipts::Given)];
/// The greatest p99 of paid events, in milliseconds.
const P99_MAX: f64 = 60.0;

/// One instance with everything in memory.
const fn warm(backend: Backend, sent: Sent, campaigns: u32) -> Paying {
    Paying { backend, campaigns, cache: Cache::Warm, sent, instances: 1 }
}

/// What is asked of paid events.
pub(super) fn demands(results: &Results) -> Vec<Demand> {
    let mut demands = Vec::new();
    for backend in Backend::ALL {
        for sent in PAID {
            of_several_instances(results, warm(backend, sent, HOT), &mut demands);
            of_one_instance(results, warm(backend, sent, HOT), &mut demands);
        }
    }
    for measured in results.runs.keys() {
        let Measured::Audiences { streamers, backend } = *measured else { continue };
        let of_all = |run: &Run| f64::from(AUDIENCES) / run.per_second;
        let mut what = format!(
            "minutes of {} audiences on {backend}, {}: committed within",
            grouped(AUDIENCES),
            on(FIFTY)
        );
        if streamers < AUDIENCES {
            what = format!("{what}, reckoned from {}", grouped(streamers));
        }
        let (bound, measured) = (Bound::AtMost(1.0), results.median(*measured, of_all));
        demands.push(Demand { what, bound, unit: " s", measured });
    }
    demands
}

/// What is asked of two and three instances on one hot campaign, in comparison with one instance; and of fifty campaigns
/// in comparison with a hot one.
fn of_several_instances(results: &Results, hot: Paying, demands: &mut Vec<Demand>) {
    let Paying { backend, sent, .. } = hot;
    let p99 = |run: &Run| run.p99.as_secs_f64();
    // Writers of one SQLite file wait for each other, so less is asked of them.
    let asked: &[_] = match backend {
        Backend::MongoDb => &[(2, 0.95), (3, 0.9)],
        Backend::Sqlite => &[(2, 0.8)],
    };
    for &(count, bound) in asked {
        let of = format!("{sent} on {backend}, {}, {} ÷ 1", on(HOT), of_instances(count));
        let mut ask = |name, bound, what: &dyn Fn(&Run) -> f64| {
            let measured = results.ratio(Measured::Paying(hot.on(count)), Measured::Paying(hot), what);
            demands.push(Demand { what: format!("{of}: {name}"), bound, unit: "", measured });
        };
        ask("events/s", Bound::AtLeast(bound), &rate_of);
        if backend == Backend::MongoDb {
            ask("p99", Bound::AtMost(2.0), &p99);
        }
    }
    for count in [1, 2, 3] {
        let (fifty, hot) = (hot.over(FIFTY).on(count), hot.on(count));
        let measured = results.ratio(Measured::Paying(fifty), Measured::Paying(hot), rate_of);
        let what =
            format!("{sent} on {backend}, {}: {} ÷ {}: events/s", of_instances(count), on(FIFTY), on(HOT));
        demands.push(Demand { what, bound: Bound::AtLeast(1.0), unit: "", measured });
    }
}

/// What is asked of one instance, in comparison with clicks and with the bare driver.
fn of_one_instance(results: &Results, hot: Paying, demands: &mut Vec<Demand>) {
    let Paying { backend, sent, .. } = hot;
    let clicks = Measured::Paying(hot.sending(Sent::Clicks(Receipts::Given)));
    let mut ask = |what, bound, unit, measured| demands.push(Demand { what, bound, unit, measured });
    for paying in [hot, hot.over(FIFTY)] {
        let measured = Measured::Paying(paying);
        let of = format!("{sent} on {backend}, {}", on(paying.campaigns));
        ask(
            format!("{of} ÷ clicks with receipts on {}: events/s", on(HOT)),
            Bound::AtLeast(0.7),
            "",
            results.ratio(measured, clicks, rate_of),
        );
        if backend == Backend::Sqlite {
            continue;
        }
        let bare = Measured::BarePayments { budgets: paying.campaigns };
        ask(
            format!(
                "{of} ÷ bare driver's payments, {PAYMENTS_IN_FLIGHT} in flight, {}: events/s",
                on(paying.campaigns)
            ),
            Bound::AtLeast(4.0),
            "",
            results.ratio(measured, bare, rate_of),
        );
        let p99 = results.median(measured, |run| run.p99.as_secs_f64() * 1e3);
        ask(format!("{of}, {CLICKERS} connections: p99"), Bound::AtMost(P99_MAX), " ms", p99);
    }
}

/// All runs over one or several instances, each beside the same events on one instance.
pub(super) fn runs(results: &Results) -> Option<String> {
    let rows = results.runs.keys().filter_map(|&measured| {
        let Measured::Paying(paying) = measured else { return None };
        let time = |what: fn(&Run) -> f64| seconds(results.median(measured, what)?);
        let (least, most) = rates_of(results, measured)?;
        let beside_one = if paying.instances == 1 {
            None
        } else {
            results.ratio(measured, Measured::Paying(paying.on(1)), rate_of)
        };
        let aborted: Option<Vec<_>> = results.runs[&measured].iter().map(|run| run.aborted).collect();
        let aborted = aborted.and_then(median);
        let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
        let Paying { backend, campaigns, cache, sent, instances } = paying;
        let what = match cache {
            Cache::Warm => format!("{sent}, {backend}"),
            Cache::Cold => format!("{sent}, {backend}, nothing in memory"),
        };
        Some(vec![
            what,
            grouped(campaigns),
            instances.to_string(),
            grouped(results.median(measured, rate_of)?.round()),
            format!("{}–{}", grouped(least.round()), grouped(most.round())),
            optional(beside_one),
            time(|run| run.p50.as_secs_f64())?,
            time(|run| run.p99.as_secs_f64())?,
            optional(aborted),
        ])
    });
    let head = [
        "what",
        "campaigns",
        "instances",
        "a second",
        "lowest–highest",
        "÷ one instance",
        "p50",
        "p99",
        "aborted ÷ committed transactions",
    ];
    let table = table(&head, rows.collect())?;
    Some(format!(
        "{table}\nThe rate of visits is that of the paid ones, read from the store's counters; their latency is that of the \
         answer, which comes before. All {CLICKERS} connections together are spread evenly over the instances.\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::PathBuf, time::Duration};

    use super::*;
    use crate::scope::{Effort, Part, Scope};

    fn run(per_second: f64, p99: u64) -> Run {
        Run { per_second, p99: Duration::from_millis(p99), ..Run::default() }
    }

    fn row<'a>(text: &'a str, part: &str) -> &'a str {
        text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part} in {text}"))
    }

    /// The results of one run of 1,000 events per second of everything.
    fn of_everything() -> Results {
        let scope = Scope {
            parts: BTreeSet::from([Part::Paid, Part::Viewers]),
            backends: Backend::ALL.into(),
            effort: Effort::FULL,
            server: PathBuf::new(),
            mongodb: String::new(),
        };
        let runs = scope.measured().into_iter().map(|measured| (measured, vec![run(1_000.0, 5)]));
        Results { runs: runs.collect(), ..Results::default() }
    }

    #[test]
    fn everything_that_is_asked_for_is_measured() {
        let demands = demands(&of_everything());
        let missing: Vec<_> =
            demands.iter().filter(|demand| demand.measured.is_none()).map(|demand| &demand.what).collect();
        assert!(missing.is_empty(), "{missing:#?}");
        let audiences = demands.iter().find(|demand| demand.what.contains("audiences")).unwrap();
        assert_eq!(audiences.measured, Some(10.0), "10,000 entries at 1,000 a second");
    }

    #[test]
    fn several_instances_are_compared_with_one_within_their_repetition() {
        let mut results = Results::default();
        let hot = warm(Backend::MongoDb, Sent::Visits, HOT);
        let runs = |rates: [f64; 3]| rates.map(|rate| run(rate, 10)).to_vec();
        results.runs.insert(Measured::Paying(hot), runs([8_000.0, 4_000.0, 8_000.0]));
        results.runs.insert(Measured::Paying(hot.on(2)), runs([7_200.0, 3_600.0, 6_400.0]));
        let table = super::runs(&results).unwrap();
        assert!(row(&table, "| 2 |").contains("| 6,400 | 3,600–7,200 | 0.90 |"), "{table}");
        assert!(row(&table, "| 1 |").contains("| 8,000 | 4,000–8,000 | – |"), "{table}");
        let demands = demands(&results);
        let of_two = demands.iter().find(|demand| demand.what.contains("2 instances ÷ 1: events/s")).unwrap();
        assert_eq!(of_two.measured, Some(0.9));
        assert!(!of_two.bound.is_met_by(0.9));
    }

    #[test]
    fn aborted_transactions_are_told_only_if_every_run_has_them() {
        let mut results = Results::default();
        let hot = warm(Backend::MongoDb, Sent::Visits, HOT);
        let aborted = |aborted| Run { aborted, ..run(1_000.0, 10) };
        results.runs.insert(Measured::Paying(hot), vec![aborted(Some(0.25)), aborted(Some(0.35))]);
        results.runs.insert(Measured::Paying(hot.on(2)), vec![aborted(Some(0.25)), aborted(None)]);
        let table = runs(&results).unwrap();
        assert!(row(&table, "| 1 |").ends_with("| 0.30 |"), "{table}");
        assert!(row(&table, "| 2 |").ends_with("| – |"), "{table}");
    }
}
