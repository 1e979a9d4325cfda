//! `fair-rotation`, the default: shows the campaign that was on screen for the shortest time in this broadcast.
//!
//! If two campaigns are candidates during a whole broadcast, their times differ by at most the longest slot: only the
//! one with less or equal time gains time.

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// Puts all weight on the candidate with the least time on screen. Ties go to the one shown longest ago, then to the
/// smaller id.
pub(super) struct FairRotation;

impl SelectionStrategy for FairRotation {
    fn name(&self) -> &'static str {
        "fair-rotation"
    }

    fn weigh(&self, _: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        // `None` sorts before any time, so a campaign that was never shown counts as shown longest ago.
        let key = |candidate: &Candidate| (candidate.shown, candidate.last_shown, candidate.campaign);
        let next = candidates.iter().zip(weights).min_by_key(|(candidate, _)| key(candidate));
        if let Some((_, weight)) = next {
            *weight = 1.0;
        }
    }
}
