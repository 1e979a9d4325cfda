//! `fair-rotation`, the default: shows the campaign that was on screen for the shortest time in this broadcast.
//!
//! If two campaigns are candidates during a whole broadcast, their times differ by at most the longest slot: only the
//! one with less or equal time gains time.

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

/// The order of candidates in a fair rotation: the least is next. `None` sorts before any time, so a campaign that was
/// never shown counts as shown longest ago.
pub(super) fn turn(candidate: &Candidate<'_>) -> (SignedDuration, Option<Timestamp>, CampaignId) {
    (candidate.tallied, candidate.last_shown, candidate.campaign)
}
