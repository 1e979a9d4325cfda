//! `time-rotation`: a timetable that can be published. In slot number *s* of the streamer's time, candidate number
//! *s* mod *N* is on screen, in the order in which the streamer joined the campaigns.

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// All weight on candidate number slot mod N in order of (joined at, id).
pub(super) struct TimeRotation;

impl SelectionStrategy for TimeRotation {
    fn name(&self) -> &'static str {
        "time-rotation"
    }

    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        let key = |candidate: &Candidate| (candidate.joined_at, candidate.participation);
        let count = i64::try_from(candidates.len()).unwrap_or(i64::MAX).max(1);
        let turn = ctx.slot.index().rem_euclid(count);
        // Ranks instead of a sorted copy: N is small, and nothing is allocated.
        for (candidate, weight) in candidates.iter().zip(weights) {
            let rank = candidates.iter().filter(|other| key(other) < key(candidate)).count();
            if i64::try_from(rank) == Ok(turn) {
                *weight = 1.0;
            }
        }
    }
}
