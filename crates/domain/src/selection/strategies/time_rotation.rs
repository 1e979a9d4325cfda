//! `time-rotation`: a timetable that can be published. In slot number *s*, candidate number *s* mod *N* is on screen.
//! The candidates are numbered in the order in which the streamer joined their campaigns.
//!
//! If the streamer wants a distance between campaigns, the engine sets candidates aside, and N changes from slot to slot. Then
//! there is no timetable, and a campaign may be on screen much more rarely than others.

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// Puts all weight on candidate number slot mod N, in the order (joined at, participation id).
pub(super) struct TimeRotation;

impl SelectionStrategy for TimeRotation {
    fn name(&self) -> &'static str {
        "time-rotation"
    }

    fn description(&self) -> &'static str {
        "Campaigns follow each other in a fixed order, so that you can publish a timetable."
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let key = |candidate: &Candidate<'_>| (candidate.joined_at, candidate.participation);
        let count = i64::try_from(candidates.len()).unwrap_or(i64::MAX).max(1);
        let turn = ctx.slot.index().rem_euclid(count);
        // Ranks are counted instead of sorting a copy: N is small, and nothing is allocated.
        for (candidate, weight) in candidates.iter().zip(weights) {
            let rank = candidates.iter().filter(|other| key(other) < key(candidate)).count();
            if i64::try_from(rank) == Ok(turn) {
                *weight = 1.0;
            }
        }
    }
}
