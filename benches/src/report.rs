//! Renders the figures as Markdown: the demands beside the measured values, and then all figures.

mod paid;

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use crate::{
    results::{Backend, Documents, Measured, Results, Run, Selection, grouped},
    scope::{CLICKERS, Effort, SCREENS, SMALLEST},
};

/// The file name of the plot; the tables refer to it.
pub(crate) const PLOT: &str = "performance-size.svg";
/// The file name of the tables.
pub(crate) const TABLES: &str = "performance-table.md";

/// The number of streamers for which memory is reported.
const STREAMERS: f64 = 100_000.0;
const MEGABYTE: f64 = 1e6;

/// Facts about the run that are not figures.
pub(crate) struct Circumstances {
    pub(crate) machine: String,
    pub(crate) versions: String,
    pub(crate) date: String,
    pub(crate) effort: Effort,
    pub(crate) has_plot: bool,
}

/// The complete report.
pub(crate) fn render(results: &Results, circumstances: &Circumstances) -> String {
    let sections = [
        heading(results, circumstances),
        section("What was asked for, and what was measured", demands_table(results)),
        section("Throughput and latency", runs_table(results)),
        section("Events on one or several instances", paid::runs(results)),
        circumstances
            .has_plot
            .then(|| format!("![Cost of a request against the size of the store]({PLOT})\n")),
        section("Choosing one of several campaigns", selection_table(&results.selections)),
        section("Memory", memory(results)),
        section("What the stores hold in the end", list(&results.checks)),
    ];
    sections.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn heading(results: &Results, circumstances: &Circumstances) -> Option<String> {
    let Circumstances { machine, versions, date, effort, .. } = circumstances;
    let mut text = format!("{machine}; {versions}; {date}.\n\n");
    write!(
        text,
        "Load generator, server and store share these cores: ratios carry over to other machines, absolute figures do not. \
         Medians of {} of {:.1} s after {:.1} s of warm-up, made in turn; ratios are medians of those within a turn.",
        plural(effort.repetitions, "run"),
        effort.measured.as_secs_f64(),
        effort.warm_up.as_secs_f64(),
    )
    .ok()?;
    if let Some(bytes) = results.body_bytes {
        write!(text, " An answer of `/data` has {bytes} bytes.").ok()?;
    }
    text.push('\n');
    Some(text)
}

fn section(title: &str, content: Option<String>) -> Option<String> {
    Some(format!("### {title}\n\n{}", content?))
}

/// A bound that a figure should meet.
struct Demand {
    what: String,
    bound: Bound,
    unit: &'static str,
    measured: Option<f64>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

fn demands(results: &Results) -> Vec<Demand> {
    let mut demands = Vec::new();
    let mut ask = |what: String, bound, unit, measured| demands.push(Demand { what, bound, unit, measured });
    let rate = rate_of;
    let p99 = |run: &Run| run.p99.as_secs_f64() * 1e3;
    let data = |size, backend| Measured::Data { size, backend };
    let clicks = |size, backend| Measured::Clicks { size, connections: CLICKERS, backend };

    for backend in Backend::ALL {
        let shown = data(SMALLEST, backend);
        let what = format!("`/data` on {backend} ÷ bare actix handler, {SCREENS} connections");
        ask(
            format!("{what}: requests/s"),
            Bound::AtLeast(0.8),
            "",
            results.ratio(shown, Measured::Bare, rate),
        );
        ask(format!("{what}: p99"), Bound::AtMost(2.0), "", results.ratio(shown, Measured::Bare, p99));
    }
    for backend in Backend::ALL {
        let (full, clicked) = (data(SMALLEST, backend), clicks(SMALLEST, backend));
        let busy = results.ratio(Measured::Busy { backend }, full, rate);
        let what = format!(
            "`/data` on {backend} while settings change 20 times a second ÷ while none do: requests/s"
        );
        ask(what, Bound::AtLeast(0.8), "", busy);
        let empty = results.ratio(Measured::Empty { backend }, full, rate);
        ask(
            format!("`/data` on {backend}, empty screens ÷ full ones: requests/s"),
            Bound::AtLeast(0.8),
            "",
            empty,
        );
        let with_receipts = format!("clicks/s with them on {backend}, {CLICKERS} connections");
        let stale = results.ratio(Measured::Stale { backend }, clicked, rate);
        let what = format!("clicks/s without receipts after a change of their campaign ÷ {with_receipts}");
        ask(what, Bound::AtLeast(0.4), "", stale);
        let visits = results.ratio(Measured::Visits { backend }, clicked, rate);
        let bound = if backend == Backend::Sqlite { 0.7 } else { 0.55 };
        let what = format!("visits/s ÷ clicks/s with receipts on {backend}, {CLICKERS} connections");
        ask(what, Bound::AtLeast(bound), "", visits);
    }
    for backend in Backend::ALL {
        let of = |clicked| Measured::Apart { backend, clicked };
        let ratio = results.ratio(of(Documents::One), of(Documents::Many), Run::micros_each);
        let what = format!("cost of a click on {backend}: all on one campaign ÷ spread over all campaigns");
        ask(what, Bound::AtMost(1.3), "", ratio);
    }
    demands.extend(paid::demands(results));
    let mut ask = |what: String, bound, unit, measured| demands.push(Demand { what, bound, unit, measured });
    if let Some(largest) = sizes(results).last().copied().filter(|size| *size > SMALLEST) {
        let (largest_text, smallest_text) = (grouped(largest), grouped(SMALLEST));
        let of_size = |name: &str, backend| {
            format!("cost of {name} on {backend}: {largest_text} participations ÷ {smallest_text}")
        };
        for backend in Backend::ALL {
            let ratio = results.ratio(data(largest, backend), data(SMALLEST, backend), Run::micros_each);
            ask(of_size("`/data`", backend), Bound::AtMost(1.2), "", ratio);
            let ratio = results.ratio(clicks(largest, backend), clicks(SMALLEST, backend), Run::micros_each);
            ask(of_size("a click", backend), Bound::AtMost(1.2), "", ratio);
        }
    }
    for Selection { strategy, nanos, .. } in results.selections.iter().filter(|it| it.candidates == 10) {
        // `performance` draws 128 rounds, so it has its own bound.
        let bound = if *strategy == "performance" { 100.0 } else { 1.0 };
        ask(format!("choosing one of 10 by `{strategy}`"), Bound::AtMost(bound), " µs", Some(nanos / 1e3));
    }
    if let Some(memory) = results.memory {
        let mut what = format!("memory of {} streamers", grouped(STREAMERS));
        if f64::from(memory.streamers) < STREAMERS {
            what = format!("{what}, reckoned from {}", grouped(memory.streamers));
        }
        ask(what, Bound::AtMost(200.0), " MB", Some(memory.per_streamer() * STREAMERS / MEGABYTE));
    }
    demands
}

/// The store sizes for which screens were requested.
fn sizes(results: &Results) -> BTreeSet<u32> {
    let size = |measured: &Measured| match measured {
        Measured::Data { size, .. } => Some(*size),
        _ => None,
    };
    results.runs.keys().filter_map(size).collect()
}

fn demands_table(results: &Results) -> Option<String> {
    let mut rows = Vec::new();
    for Demand { what, bound, unit, measured } in demands(results) {
        let Some(measured) = measured else { continue };
        let asked = match bound {
            Bound::AtLeast(bound) => format!("≥ {bound}{unit}"),
            Bound::AtMost(bound) => format!("≤ {bound}{unit}"),
        };
        let verdict = if bound.is_met_by(measured) { "met" } else { "**not met**" };
        rows.push([what, asked, format!("{}{unit}", figure(measured)), verdict.to_owned()].to_vec());
    }
    table(&["what", "asked for", "measured", ""], rows)
}

/// All runs except those that have [a table of their own](paid::runs).
fn runs_table(results: &Results) -> Option<String> {
    let here = results.runs.keys().filter(|measured| !matches!(measured, Measured::Paying(_)));
    let rows = here.filter_map(|&measured| {
        let median = |what: fn(&Run) -> f64| results.median(measured, what);
        let time = |what: fn(&Run) -> f64| seconds(median(what)?);
        let (least, most) = rates_of(results, measured)?;
        Some(vec![
            measured.to_string(),
            grouped(median(rate_of)?.round()),
            format!("{}–{}", grouped(least.round()), grouped(most.round())),
            format!("{} µs", figure(median(Run::micros_each)?)),
            time(|run| run.p50.as_secs_f64())?,
            time(|run| run.p99.as_secs_f64())?,
            time(|run| run.p999.as_secs_f64())?,
        ])
    });
    table(&["what", "a second", "lowest–highest", "cost", "p50", "p99", "p99.9"], rows.collect())
}

const fn rate_of(run: &Run) -> f64 {
    run.per_second
}

/// The lowest and the highest rate over the repetitions.
fn rates_of(results: &Results, measured: Measured) -> Option<(f64, f64)> {
    let rates = || results.runs[&measured].iter().map(rate_of);
    Some((rates().reduce(f64::min)?, rates().reduce(f64::max)?))
}

/// A number of seconds as a text; `None` if no duration is as long.
fn seconds(seconds: f64) -> Option<String> {
    Duration::try_from_secs_f64(seconds).ok().map(duration)
}

fn selection_table(selections: &[Selection]) -> Option<String> {
    let counts: BTreeSet<_> = selections.iter().map(|selection| selection.candidates).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for selection in selections {
        let name = format!("`{}`", selection.strategy);
        if rows.last().is_none_or(|row| row[0] != name) {
            rows.push(vec![name]);
        }
        if let Some(row) = rows.last_mut() {
            row.push(duration(Duration::from_secs_f64(selection.nanos / 1e9)));
        }
    }
    let columns = counts.iter().map(|count| format!("of {}", grouped(count)));
    let head: Vec<_> = std::iter::once("strategy".to_owned()).chain(columns).collect();
    table(&head.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

fn memory(results: &Results) -> Option<String> {
    let memory = results.memory?;
    let each = memory.per_streamer();
    Some(format!(
        "{:.1} MB before and {:.1} MB after the screens of {} streamers were asked for once, within {:.0} s, on SQLite: {} \
         bytes each, {:.0} MB for {}.\n",
        memory.before as f64 / MEGABYTE,
        memory.after as f64 / MEGABYTE,
        grouped(memory.streamers),
        memory.within.as_secs_f64().ceil(),
        grouped(each.round()),
        each * STREAMERS / MEGABYTE,
        grouped(STREAMERS),
    ))
}

fn list(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| format!("- {}\n", items.join("\n- ")))
}

/// A Markdown table; `None` if it has no rows.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let rule = head.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
    let mut text = format!("| {} |\n| {rule} |\n", head.join(" | "));
    for row in rows {
        writeln!(text, "| {} |", row.join(" | ")).ok()?;
    }
    Some(text)
}

fn plural(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A number with three significant digits, or more if it is above 999.
fn figure(value: f64) -> String {
    match value {
        large if large >= 99.95 => grouped(large.round()),
        tens if tens >= 9.995 => format!("{tens:.1}"),
        small => format!("{small:.2}"),
    }
}

fn duration(duration: Duration) -> String {
    let nanos = duration.as_nanos() as f64;
    match nanos {
        seconds if seconds >= 1e9 => format!("{} s", figure(seconds / 1e9)),
        millis if millis >= 1e6 => format!("{} ms", figure(millis / 1e6)),
        micros if micros >= 1e3 => format!("{} µs", figure(micros / 1e3)),
        nanos => format!("{nanos:.0} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Memory;

    fn results() -> Results {
        let millis = Duration::from_millis;
        let run = |per_second, p99| {
            let p99 = millis(p99);
            Run { per_second, p50: millis(1), p99, p999: p99, ..Run::default() }
        };
        let mut results = Results::default();
        let clicks = |backend| Measured::Clicks { size: SMALLEST, connections: CLICKERS, backend };
        results.runs.insert(Measured::Driver(Documents::Many), vec![run(5_000.0, 90)]);
        results.runs.insert(clicks(Backend::MongoDb), vec![run(35_000.0, 25)]);
        results.runs.insert(clicks(Backend::Sqlite), vec![run(52_000.0, 9)]);
        let visits = |backend| Measured::Visits { backend };
        results.runs.insert(visits(Backend::MongoDb), vec![run(19_000.0, 25)]);
        results.runs.insert(visits(Backend::Sqlite), vec![run(36_400.0, 9)]);
        results
    }

    #[test]
    fn what_is_met_is_told_from_what_is_not_at_the_bound_itself() {
        let table = demands_table(&results()).unwrap();
        let row = |part: &str| table.lines().find(|line| line.contains(part)).unwrap().to_owned();
        assert!(row("receipts on SQLite").ends_with("| ≥ 0.7 | 0.70 | met |"), "{table}");
        assert!(row("receipts on MongoDB").ends_with("| ≥ 0.55 | 0.54 | **not met** |"), "{table}");
        assert!(!table.contains("bare actix"), "what was not measured is left out: {table}");
    }

    /// Of whatever is measured, the tables tell the rate.
    #[test]
    fn everything_that_was_measured_is_in_the_table_of_runs() {
        let results = results();
        let table = runs_table(&results).unwrap();
        assert_eq!(table.lines().count(), 2 + results.runs.len(), "{table}");
        assert_eq!(paid::runs(&results), None, "nothing is in two tables");
        assert!(table.contains("| bare driver, 128 in flight, distinct documents | 5,000 |"), "{table}");
    }

    #[test]
    fn costs_are_times_so_that_the_slower_one_is_the_dearer_one() {
        let mut results = results();
        let of = |clicked| Measured::Apart { backend: Backend::Sqlite, clicked };
        let run = |per_second| vec![Run { per_second, ..Run::default() }];
        results.runs.insert(of(Documents::One), run(10_000.0));
        results.runs.insert(of(Documents::Many), run(20_000.0));
        let table = demands_table(&results).unwrap();
        assert!(table.contains("spread over all campaigns | ≤ 1.3 | 2.00 | **not met** |"), "{table}");
    }

    #[test]
    fn memory_is_told_for_each_streamer() {
        let memory =
            Memory { streamers: 2_000, before: 20_000_000, after: 23_000_000, within: Duration::ZERO };
        let results = Results { memory: Some(memory), ..Results::default() };
        assert!(super::memory(&results).unwrap().contains("1,500 bytes each, 150 MB for 100,000"));
    }

    #[test]
    fn figures_have_three_digits_and_units_that_fit() {
        let shown = [0.812, 9.996, 99.96, 12_345.6].map(figure);
        assert_eq!(shown, ["0.81", "10.0", "100", "12,346"]);
        let shown = [17, 1_500, 25_000_000, 3_000_000_000].map(|nanos| duration(Duration::from_nanos(nanos)));
        assert_eq!(shown, ["17 ns", "1.50 µs", "25.0 ms", "3.00 s"]);
    }
}
