//! The replayed decisions of a period.

use gametriggers_persistence::StorageError;
use gametriggers_types::SignedDuration;
use serde::Serialize;

use super::{bootstrap::real, judged::JudgedDecision};

/// The greatest number of decisions that one replay holds in memory.
pub const DECISIONS_MAX: usize = 250_000;
/// The least time from the first to the last decision for which [`Log::per_day`] gives a number.
const PACE_FROM: SignedDuration = SignedDuration::from_hours(1);

/// Why decisions could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There are more decisions than fit in memory.
    #[error(
        "more than {DECISIONS_MAX} decisions were made in this time: choose a shorter time, or one streamer with --streamer"
    )]
    TooMany,
}

/// How many decisions of the period there were, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Decisions that were replayed.
    pub replayed: usize,
    /// The replayed decisions for which the recorded strategy gives the recorded probabilities again, within 0.01. The
    /// strategy decides with the documents as the replay rebuilds them.
    pub reproduced: usize,
    /// Decisions that show nothing.
    pub empty: usize,
    /// Decisions whose record is not complete. Either the decision was shortened, so that the other candidates are
    /// gone. Or its predecessor was shortened or cannot be read, so that the tally is gone. Or the record is damaged:
    /// its campaign has a probability of 0.
    pub shortened: usize,
    /// Decisions whose streamer, campaigns or participations are gone or cannot be read.
    pub gone: usize,
    /// Decisions that have not ended yet.
    pub unfinished: usize,
}

/// The replayed decisions that were made by one strategy with one exploration share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logged {
    /// The strategy's name.
    pub strategy: String,
    /// The share of decisions that was left to chance.
    pub exploration: f64,
    /// The number of decisions.
    pub decisions: usize,
}

/// The decisions of a period.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The decisions that were replayed, in order of time.
    pub(super) decisions: Vec<JudgedDecision>,
    pub(super) counts: Counts,
    /// The strategies and exploration shares that made the replayed decisions, in the order in which they were met.
    pub(super) logged: Vec<Logged>,
    /// The mean number of candidates of a replayed decision.
    pub(super) candidates_mean: f64,
    /// The time from the first to the last replayed decision.
    pub(super) span: SignedDuration,
}

impl Log {
    /// How many decisions a day were replayed, from the first to the last. `None` if they are less than an hour apart.
    pub(super) fn per_day(&self) -> Option<f64> {
        let days = self.span.as_secs_f64() / 86_400.0;
        (self.span >= PACE_FROM).then(|| real(self.decisions.len()) / days)
    }
}
