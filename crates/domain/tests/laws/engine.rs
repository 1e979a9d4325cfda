//! Laws of the draw, under weights that the tests choose.

use gametriggers_domain::selection::{Candidate, Selection, SelectionContext, SelectionStrategy, select};
use gametriggers_fixtures::{context, noon, seed};
use proptest::prelude::*;

use crate::support::{any_context, candidate, number_of};

/// A strategy that gives campaign number n the n-th weight, whatever the order of the candidates.
pub(crate) struct Given(pub(crate) Vec<f64>);

impl SelectionStrategy for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn description(&self) -> &'static str {
        "Gives campaign number n the n-th weight."
    }

    fn weigh(&self, _: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        for (one, weight) in candidates.iter().zip(weights) {
            *weight = self.0[usize::try_from(number_of(one.campaign)).unwrap()];
        }
    }
}

/// As many candidates as there are weights.
pub(crate) fn candidates(weights: &[f64]) -> Vec<Candidate<'static>> {
    (0..).map(candidate).take(weights.len()).collect()
}

fn draw(weights: &[f64], ctx: &SelectionContext<'_>) -> Selection {
    select(&Given(weights.to_vec()), ctx, &candidates(weights)).unwrap()
}

fn probabilities(weights: &[f64]) -> Vec<f64> {
    let selection = draw(weights, &context(noon(), seed(0)));
    assert!(!selection.weights_unusable, "{weights:?}");
    selection.shares.iter().map(|share| share.probability).collect()
}

/// The tolerance is five standard deviations of the binomial distribution. The seeds are the same in each run.
#[test]
fn the_share_of_picks_converges_to_the_weight() {
    const DRAWS: u32 = 4_000;
    let cases: [&[f64]; 6] = [
        &[1.0],
        &[1.0, 1.0],
        &[0.7, 0.5, 0.3],
        &[5.0, 0.0, 5.0, 90.0],
        &[1e300, 3e300],
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
    ];
    for weights in cases {
        let mut picks = vec![0_u32; weights.len()];
        for number in 0..DRAWS {
            let selection = draw(weights, &context(noon(), seed(number.into())));
            let picked = selection.shares.iter().position(|share| share == selection.picked()).unwrap();
            picks[picked] += 1;
        }
        let greatest = weights.iter().copied().fold(0.0, f64::max);
        let sum: f64 = weights.iter().map(|weight| weight / greatest).sum();
        for (weight, count) in weights.iter().zip(&picks) {
            let chance = weight / greatest / sum;
            let expected = f64::from(DRAWS) * chance;
            let tolerance = 5.0 * (expected * (1.0 - chance)).sqrt();
            let error = (f64::from(*count) - expected).abs();
            assert!(error <= tolerance, "{weights:?}: {picks:?}, {error} off {expected}");
        }
    }
}

#[test]
fn unusable_weights_weigh_all_equally_and_the_record_says_so() {
    let cases = [
        [0.0, 0.0, 0.0, 0.0],
        [1.0, f64::NAN, 1.0, 1.0],
        [1.0, f64::INFINITY, 1.0, 1.0],
        [1.0, f64::NEG_INFINITY, 1.0, 1.0],
        [1.0, -1e-300, 1.0, 1.0],
        [f64::NAN; 4],
        [-1.0; 4],
    ];
    for weights in cases {
        let selection = draw(&weights, &context(noon(), seed(0)));
        assert!(selection.weights_unusable, "{weights:?}");
        for share in selection.shares.iter() {
            assert!((share.probability - 0.25).abs() < 1e-15, "{weights:?}: {}", share.probability);
        }
    }
}

#[test]
fn huge_and_tiny_weights_stay_finite() {
    const SUBNORMAL: f64 = 5e-324;
    let cases: [(&[f64], &[f64]); 6] = [
        (&[f64::MAX, f64::MAX], &[0.5, 0.5]),
        (&[f64::MAX; 4], &[0.25; 4]),
        (&[SUBNORMAL, SUBNORMAL], &[0.5, 0.5]),
        (&[3.0 * SUBNORMAL, SUBNORMAL], &[0.75, 0.25]),
        (&[f64::MAX, SUBNORMAL], &[1.0, 0.0]),
        (&[0.0, SUBNORMAL], &[0.0, 1.0]),
    ];
    for (weights, expected) in cases {
        assert_eq!(probabilities(weights), expected, "{weights:?}");
    }
}

proptest! {
    /// If a candidate that was not picked leaves, the pick stays the same. It follows that a candidate that joins is
    /// either picked or changes nothing.
    #[test]
    fn a_candidate_that_leaves_moves_no_pick_among_the_others(
        moment in any_context(),
        weights in prop::collection::vec(prop_oneof![Just(0.0), 1e-6..1e6], 2..8),
        leaves in prop::collection::vec(any::<bool>(), 8),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0.0));
        let ctx = moment.context("given");
        let before = draw(&weights, &ctx);
        let staying: Vec<_> = candidates(&weights)
            .into_iter()
            .zip(leaves)
            .filter(|(one, leaves)| !leaves || one.campaign == before.picked().campaign)
            .map(|(one, _)| one)
            .collect();
        let after = select(&Given(weights), &ctx, &staying).unwrap();
        prop_assert_eq!(after.picked().campaign, before.picked().campaign);
    }

    #[test]
    fn only_the_ratio_of_weights_matters(
        moment in any_context(),
        weights in prop::collection::vec(1e-6..1e6, 1..8),
        factor in -60..60_i32,
    ) {
        let scaled: Vec<_> = weights.iter().map(|weight| weight * 2_f64.powi(factor)).collect();
        let ctx = moment.context("given");
        prop_assert_eq!(draw(&weights, &ctx), draw(&scaled, &ctx));
    }
}
