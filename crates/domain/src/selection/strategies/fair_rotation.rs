//! `fair-rotation`, the default: the campaign that was on screen least in this broadcast is next.
//!
//! Over a broadcast, two campaigns that are candidates all along differ by the longest slot at most: only the one that
//! is behind, or level, ever gains.

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// All weight on the candidate with the least displayed time; ties to the one shown longest ago, then by id.
pub(super) struct FairRotation;

impl SelectionStrategy for FairRotation {
    fn name(&self) -> &'static str {
        "fair-rotation"
    }

    fn weigh(&self, _: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        // `None` sorts before any time: never shown is longest ago.
        let key = |candidate: &Candidate| (candidate.shown, candidate.last_shown, candidate.campaign);
        let next = candidates.iter().zip(weights).min_by_key(|(candidate, _)| key(candidate));
        if let Some((_, weight)) = next {
            *weight = 1.0;
        }
    }
}
