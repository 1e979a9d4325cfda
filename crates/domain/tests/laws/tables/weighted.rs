//! `weighted`.

use super::*;

/// The first candidate has half the greatest rate, has waited for 15 of 30 minutes, and has a CTR of ½ %. The second
/// has the greatest rate, was never shown, and has no impressions. The third has a rate of 0, was shown just now, and
/// has more clicks than impressions.
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
        Candidate { payment: cpm(0.0), impressions: 3, clicks: 5, last_shown: Some(noon()), ..candidate(3) },
    ]
}

fn weigh_by(pay: f64, performance: f64, fairness: f64) -> Vec<f64> {
    let weights = weights(pay, performance, fairness);
    weigh("weighted", &SelectionContext { parameters: Parameters::new(weights, None), ..at_noon() }, &three())
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

/// Defect S6: fairness was computed from `updatedAt`, which is not the time of the last display.
#[test]
fn s6_fairness_is_the_time_since_the_last_display() {
    let table = [
        (None, 1.0),
        (Some("2026-11-20T12:00:00Z"), 0.0),
        (Some("2026-11-20T11:57:00Z"), 0.1),
        (Some("2026-11-20T11:30:00Z"), 1.0),
        (Some("2026-11-19T12:00:00Z"), 1.0),
        // Another instance's clock is ahead.
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

/// If the weights of all candidates are 0, all candidates get the same weight. This is no error.
#[test]
fn campaigns_of_which_nothing_speaks_for_any_are_equal() {
    let weights = weights(1.0, 1.0, 0.0);
    let free = [1, 2].map(|number| Candidate { payment: cpm(0.0), ..candidate(number) });
    let ctx = SelectionContext { parameters: Parameters::new(weights, None), ..at_noon() };
    let selection = select(selection::find("weighted").unwrap(), &ctx, &free).unwrap();
    assert!(!selection.weights_unusable);
    assert_close(&[selection.shares.at(0).probability, selection.shares.at(1).probability], &[0.5, 0.5]);
}
