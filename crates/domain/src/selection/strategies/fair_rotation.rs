//! `fair-rotation`, the default: shows the candidate with the least [tallied time](Candidate::tallied) in this
//! broadcast.
//!
//! If two campaigns are candidates during a whole broadcast, their times differ by at most the longest slot, because a
//! campaign gains time only while it has no more time than the other.

use gametriggers_types::{CampaignId, SignedDuration, Timestamp};

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// Puts all weight on the candidate with the least tallied time. Ties go to the one shown longest ago, then to the
/// smaller id.
pub(super) struct FairRotation;

impl SelectionStrategy for FairRotation {
    fn name(&self) -> &'static str {
        "fair-rotation"
    }

    fn description(&self) -> &'static str {
        "Every campaign gets the same time on your screen."
    }

    fn weigh(&self, _: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let next = candidates.iter().zip(weights).min_by_key(|(candidate, _)| turn(candidate));
        if let Some((_, weight)) = next {
            *weight = 1.0;
        }
    }
}

/// The order of candidates in a fair rotation: the candidate with the least value is next. `None` sorts before any
/// time, so a campaign that was never shown counts as shown longest ago.
pub(super) fn turn(candidate: &Candidate<'_>) -> (SignedDuration, Option<Timestamp>, CampaignId) {
    (candidate.tallied, candidate.last_shown, candidate.campaign)
}
