//! `performance`.

use super::*;

fn history(number: u64, impressions: u64, clicks: u64) -> Candidate<'static> {
    Candidate { impressions, clicks, ..candidate(number) }
}

/// The mean share of the first of two candidates, over 200 seeds with 128 rounds each. One standard deviation is at
/// most 0.0032.
fn mean_share_of_first(candidates: &[Candidate; 2]) -> f64 {
    const SEEDS: u32 = 200;
    let share = |number: u32| {
        let weights = weigh("performance", &context(noon(), seed(number.into())), candidates);
        weights[0] / (weights[0] + weights[1])
    };
    (0..SEEDS).map(share).sum::<f64>() / f64::from(SEEDS)
}

/// P(X > Y) can be worked out by hand, where X and Y have distributions Beta(1 + c, 1 + n − c) with small c and n.
#[test]
fn the_weight_is_the_probability_of_being_the_best() {
    let table = [
        // Uniform against uniform.
        (history(1, 0, 0), history(2, 0, 0), 1.0 / 2.0),
        // Uniform against Beta(2, 1): ∫ (1 − y)·2y dy.
        (history(1, 0, 0), history(2, 1, 1), 1.0 / 3.0),
        // Uniform against Beta(1, 3): ∫ (1 − y)·3(1 − y)² dy.
        (history(1, 0, 0), history(2, 2, 0), 3.0 / 4.0),
        // Beta(2, 1) against Beta(1, 2): ∫ (1 − y²)·2(1 − y) dy.
        (history(1, 1, 1), history(2, 1, 0), 5.0 / 6.0),
        // Old data may hold more clicks than impressions. Only as many clicks count as there are impressions.
        (history(1, 0, 0), history(2, 1, 70), 1.0 / 3.0),
    ];
    for (one, other, expected) in table {
        let share = mean_share_of_first(&[one, other]);
        assert!((share - expected).abs() < 5.0 * 0.0032, "{share}, not {expected}: {one:?}, {other:?}");
    }
}

#[test]
fn much_evidence_decides() {
    let share = mean_share_of_first(&[history(1, 10_000, 500), history(2, 10_000, 300)]);
    assert!(share > 0.999, "{share}");
}
