//! Each strategy's weights against numbers worked out by hand.

use gametriggers_domain::selection::{self, Candidate, Parameters, SelectionContext, select};
use gametriggers_fixtures::{NOON, context, cpm, interval, minutes, noon, seed, time, weights};
use gametriggers_types::{Slot, Timestamp};

use crate::support::{candidate, number_of};

fn weigh(strategy: &str, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>]) -> Vec<f64> {
    let mut weights = vec![0.0; candidates.len()];
    selection::find(strategy).unwrap().weigh(ctx, candidates, &mut weights);
    weights
}

fn at_noon() -> SelectionContext<'static> {
    context(noon(), seed(0))
}

#[track_caller]
fn assert_close(actual: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(
        actual.len() == expected.len() && actual.iter().zip(expected).all(close),
        "{actual:?}, not {expected:?}"
    );
}

mod fair_rotation {
    use super::*;

    fn shown(number: u64, shown_minutes: i64, last_shown: Option<&str>) -> Candidate<'static> {
        Candidate { tallied: minutes(shown_minutes), last_shown: last_shown.map(time), ..candidate(number) }
    }

    #[track_caller]
    fn check(candidates: &[Candidate<'_>], expected: &[f64]) {
        assert_close(&weigh("fair-rotation", &at_noon(), candidates), expected);
    }

    #[test]
    fn the_least_shown_is_next() {
        let long_ago = Some("2026-11-20T11:00:00Z");
        let just_now = Some("2026-11-20T11:59:00Z");
        check(&[shown(1, 9, long_ago), shown(2, 6, just_now), shown(3, 9, None)], &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn of_equals_the_one_shown_longest_ago_and_never_is_longest() {
        let (earlier, later) = (Some("2026-11-20T11:54:00Z"), Some("2026-11-20T11:57:00Z"));
        check(&[shown(1, 3, later), shown(2, 3, earlier), shown(3, 6, None)], &[0.0, 1.0, 0.0]);
        check(&[shown(1, 3, later), shown(2, 3, earlier), shown(3, 3, None)], &[0.0, 0.0, 1.0]);
    }

    #[test]
    fn of_equals_in_all_that_the_lesser_id() {
        check(&[shown(3, 3, None), shown(1, 3, None), shown(2, 3, None)], &[0.0, 1.0, 0.0]);
    }
}

mod time_rotation {
    use super::*;

    fn joined(number: u64, when: &str) -> Candidate<'static> {
        Candidate { joined_at: time(when), ..candidate(number) }
    }

    /// The campaigns on screen in the first slots from `from`.
    fn timetable(candidates: &[Candidate<'_>], from: Timestamp, slots: i64) -> Vec<u64> {
        let five = interval(5);
        let shown_in = |slot: i64| {
            let now = from + minutes(5 * slot);
            let ctx = SelectionContext { slot: Slot::containing(now, five), ..context(now, seed(0)) };
            let selection = select(selection::find("time-rotation").unwrap(), &ctx, candidates).unwrap();
            number_of(selection.picked().campaign)
        };
        (0..slots).map(shown_in).collect()
    }

    /// Defect S7: the order was the database's. It is the order of joining; the first slot since the epoch has number 0.
    #[test]
    fn s7_the_timetable_goes_round_in_the_order_of_joining() {
        let [jan, feb, mar] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];
        let candidates = [joined(1, mar), joined(2, jan), joined(3, feb)];
        assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH, 7), [2, 3, 1, 2, 3, 1, 2]);
        assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH - minutes(10), 4), [3, 1, 2, 3]);
        // 1,780,000,000 s are 5,933,333 slots of five minutes and a bit; 5,933,333 mod 3 = 2.
        assert_eq!(timetable(&candidates, Timestamp::from_second(1_780_000_000).unwrap(), 4), [1, 2, 3, 1]);
        let listed_otherwise = [joined(3, feb), joined(1, mar), joined(2, jan)];
        assert_eq!(timetable(&listed_otherwise, Timestamp::UNIX_EPOCH, 7), [2, 3, 1, 2, 3, 1, 2]);
    }

    /// Participations sort the other way round than campaigns here.
    #[test]
    fn those_who_joined_at_the_same_time_follow_by_participation() {
        let candidates = [joined(1, NOON), joined(2, NOON), joined(3, NOON)];
        assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH, 4), [3, 2, 1, 3]);
    }

    #[test]
    fn the_whole_slot_shows_one_campaign() {
        let candidates = [joined(1, NOON), joined(2, NOON)];
        let early = timetable(&candidates, time("2026-11-20T12:00:00Z"), 3);
        assert_eq!(timetable(&candidates, time("2026-11-20T12:04:59.999Z"), 3), early);
        assert_ne!(timetable(&candidates, time("2026-11-20T12:05:00Z"), 3), early);
    }
}

mod weighted {
    use super::*;

    /// Half the greatest rate and a wait of 15 of 30 minutes; a CTR of ½ %. The whole rate, never shown, no
    /// impressions. No rate, shown just now, and more clicks than impressions.
    fn three() -> [Candidate<'static>; 3] {
        [
            Candidate {
                payment: cpm(830.0),
                impressions: 200,
                clicks: 1,
                last_shown: Some(time("2026-11-20T11:45:00Z")),
                ..candidate(1)
            },
            Candidate { payment: cpm(1_660.0), ..candidate(2) },
            Candidate {
                payment: cpm(0.0),
                impressions: 3,
                clicks: 5,
                last_shown: Some(noon()),
                ..candidate(3)
            },
        ]
    }

    fn weigh_by(pay: f64, performance: f64, fairness: f64) -> Vec<f64> {
        let weights = weights(pay, performance, fairness);
        weigh(
            "weighted",
            &SelectionContext { parameters: Parameters::new(weights, None), ..at_noon() },
            &three(),
        )
    }

    #[test]
    fn the_default_weighs_pay_more_than_performance_and_fairness() {
        // .4·½ + .3·½ + .3·½; .4·1 + .3·0 + .3·1; .4·0 + .3·1 + .3·0
        assert_close(&weigh("weighted", &at_noon(), &three()), &[0.5, 0.7, 0.3]);
    }

    /// Defect S1: the streamer's own weights were stored and ignored.
    #[test]
    fn s1_the_streamers_weights_change_what_is_shown() {
        assert_close(&weigh_by(1.0, 0.0, 0.0), &[0.5, 1.0, 0.0]);
        assert_close(&weigh_by(0.0, 1.0, 0.0), &[0.5, 0.0, 1.0]);
        assert_close(&weigh_by(0.0, 0.0, 1.0), &[0.5, 1.0, 0.0]);
        assert_close(&weigh_by(0.2, 1.0, 0.4), &[0.8, 0.6, 1.0]);
    }

    #[test]
    fn the_chance_is_the_share_of_the_weight() {
        let selection = select(selection::find("weighted").unwrap(), &at_noon(), &three()).unwrap();
        let chances: Vec<_> = selection.shares.iter().map(|share| share.probability).collect();
        assert_close(&chances, &[0.5 / 1.5, 0.7 / 1.5, 0.3 / 1.5]);
        assert!(!selection.weights_unusable);
    }

    /// Defect S6: fairness came from `updatedAt`, which is not when the campaign was on screen.
    #[test]
    fn s6_fairness_is_the_time_since_the_last_display() {
        let table = [
            (None, 1.0),
            (Some("2026-11-20T12:00:00Z"), 0.0),
            (Some("2026-11-20T11:57:00Z"), 0.1),
            (Some("2026-11-20T11:30:00Z"), 1.0),
            (Some("2026-11-19T12:00:00Z"), 1.0),
            // By another instance's clock.
            (Some("2026-11-20T12:00:05Z"), 0.0),
        ];
        let weights = weights(0.0, 0.0, 1.0);
        for (last_shown, expected) in table {
            let two = [Candidate { last_shown: last_shown.map(time), ..candidate(1) }, candidate(2)];
            assert_close(
                &weigh(
                    "weighted",
                    &SelectionContext { parameters: Parameters::new(weights, None), ..at_noon() },
                    &two,
                ),
                &[expected, 1.0],
            );
        }
    }

    /// Nothing to go by is no error: all are equal.
    #[test]
    fn campaigns_of_which_nothing_speaks_for_any_are_equal() {
        let weights = weights(1.0, 1.0, 0.0);
        let free = [1, 2].map(|number| Candidate { payment: cpm(0.0), ..candidate(number) });
        let ctx = SelectionContext { parameters: Parameters::new(weights, None), ..at_noon() };
        let selection = select(selection::find("weighted").unwrap(), &ctx, &free).unwrap();
        assert!(!selection.weights_unusable);
        assert_close(&[selection.shares.at(0).probability, selection.shares.at(1).probability], &[0.5, 0.5]);
    }
}

mod performance {
    use super::*;

    fn history(number: u64, impressions: u64, clicks: u64) -> Candidate<'static> {
        Candidate { impressions, clicks, ..candidate(number) }
    }

    /// The mean share of the first of two over 200 seeds of 128 draws; one standard deviation is at most 0.0032.
    fn mean_share_of_first(candidates: &[Candidate; 2]) -> f64 {
        const SEEDS: u32 = 200;
        let share = |number: u32| {
            let weights = weigh("performance", &context(noon(), seed(number.into())), candidates);
            weights[0] / (weights[0] + weights[1])
        };
        (0..SEEDS).map(share).sum::<f64>() / f64::from(SEEDS)
    }

    /// For X from Beta(1 + c, 1 + n − c) and Y from another, P(X > Y) is an integral that can be done by hand.
    #[test]
    fn the_weight_is_the_probability_of_being_the_best() {
        let table = [
            // Two uniform ones.
            (history(1, 0, 0), history(2, 0, 0), 1.0 / 2.0),
            // Uniform against Beta(2, 1): ∫ (1 − y)·2y dy.
            (history(1, 0, 0), history(2, 1, 1), 1.0 / 3.0),
            // Uniform against Beta(1, 3): ∫ (1 − y)·3(1 − y)² dy.
            (history(1, 0, 0), history(2, 2, 0), 3.0 / 4.0),
            // Beta(2, 1) against Beta(1, 2): ∫ (1 − y²)·2(1 − y) dy.
            (history(1, 1, 1), history(2, 1, 0), 5.0 / 6.0),
            // More clicks than impressions, found in old data, say no more than as many.
            (history(1, 0, 0), history(2, 1, 70), 1.0 / 3.0),
        ];
        for (one, other, expected) in table {
            let share = mean_share_of_first(&[one.clone(), other.clone()]);
            assert!((share - expected).abs() < 5.0 * 0.0032, "{share}, not {expected}: {one:?}, {other:?}");
        }
    }

    #[test]
    fn much_evidence_decides() {
        let share = mean_share_of_first(&[history(1, 10_000, 500), history(2, 10_000, 300)]);
        assert!(share > 0.999, "{share}");
    }
}

mod revenue_optimized {
    use super::*;

    fn cpm(number: u64, rate: f64) -> Candidate<'static> {
        Candidate { payment: gametriggers_fixtures::cpm(rate), ..candidate(number) }
    }

    fn fixed(number: u64, rate: f64, expected_impressions: u64, paid_units: u64) -> Candidate<'static> {
        let payment = gametriggers_fixtures::fixed(rate, expected_impressions);
        Candidate { payment, paid_units, ..candidate(number) }
    }

    fn cpc(number: u64, rate: f64, impressions: u64, visits: u64) -> Candidate<'static> {
        let payment = gametriggers_fixtures::cpc(rate);
        Candidate { payment, impressions, visits, ..candidate(number) }
    }

    /// The second of two, which has the greater id and so wins no tie, is expected to earn more.
    #[track_caller]
    fn assert_second_earns_more(candidates: [Candidate; 2]) {
        assert_close(&weigh("revenue-optimized", &at_noon(), &candidates), &[0.0, 1.0]);
        let [one, other] = candidates;
        assert_close(&weigh("revenue-optimized", &at_noon(), &[other, one]), &[1.0, 0.0]);
    }

    /// Defect S5: `fixed` was read as a rate per thousand.
    #[test]
    fn s5_each_way_of_paying_is_reckoned_per_impression() {
        // 1.66 against 1.245
        assert_second_earns_more([cpm(1, 1_245.0), cpm(2, 1_660.0)]);
        // 5,000 / 10,000 = 0.5 against 1.66
        assert_second_earns_more([fixed(1, 5_000.0, 10_000, 0), cpm(2, 1_660.0)]);
        // 5,000 / 2,000 = 2.5 against 1.66
        assert_second_earns_more([cpm(1, 1_660.0), fixed(2, 5_000.0, 2_000, 1_999)]);
        // 20 · (19 + 1) / (100 + 100) = 2 against 1.66
        assert_second_earns_more([cpm(1, 1_660.0), cpc(2, 20.0, 100, 19)]);
        // 20 · (15 + 1) / (100 + 100) = 1.6 against 1.66
        assert_second_earns_more([cpc(1, 20.0, 100, 15), cpm(2, 1_660.0)]);
    }

    #[test]
    fn a_fixed_rate_that_was_paid_in_full_earns_nothing_more() {
        assert_second_earns_more([fixed(1, 5_000.0, 2_000, 2_000), cpm(2, 1.0)]);
        assert_second_earns_more([fixed(1, 5_000.0, 2_000, 2_000), fixed(2, 1.0, 2_000, 0)]);
    }

    /// Defect S5: an unseen campaign was taken for one with a CTR of 1 % for ever, and beat proven ones.
    #[test]
    fn s5_history_outweighs_the_prior() {
        // 20 · 1/100 = 0.2 against 20 · 31/1,100 = 0.56
        assert_second_earns_more([cpc(1, 20.0, 0, 0), cpc(2, 20.0, 1_000, 30)]);
        // 20 · 1/1,100 = 0.018 against 0.15
        assert_second_earns_more([cpc(1, 20.0, 1_000, 0), cpm(2, 150.0)]);
        // 0.15 against 20 · 1/100 = 0.2
        assert_second_earns_more([cpm(1, 150.0), cpc(2, 20.0, 0, 0)]);
    }

    /// Defect S5: clicks, which earn nothing, raised the revenue. Visits earn.
    #[test]
    fn s5_clicks_that_earn_nothing_do_not_count() {
        let clicked = |one: Candidate<'static>| Candidate { impressions: 1_000, clicks: 1_000, ..one };
        assert_second_earns_more([clicked(cpm(1, 1_000.0)), cpm(2, 1_001.0)]);
        assert_second_earns_more([clicked(cpc(1, 20.0, 1_000, 0)), cpm(2, 150.0)]);
    }

    #[test]
    fn of_equals_the_lesser_id() {
        let weights = weigh("revenue-optimized", &at_noon(), &[cpm(3, 500.0), cpm(1, 500.0), cpm(2, 500.0)]);
        assert_close(&weights, &[0.0, 1.0, 0.0]);
        let weights = weigh("revenue-optimized", &at_noon(), &[cpm(2, 0.0), cpm(1, 0.0)]);
        assert_close(&weights, &[0.0, 1.0]);
    }
}
