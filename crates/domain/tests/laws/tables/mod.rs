//! The rules of each strategy, and of spacing, against numbers that were worked out by hand.

mod capped_fair;
mod daypart;
mod fair_rotation;
mod pacing;
mod performance;
mod revenue_optimized;
mod spacing;
mod time_rotation;
mod weighted;

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
