//! Whether the clocks of instances agree, as far as their decisions show it.
//!
//! A decision that begins [more than two minutes](CLOCKS_AGREE_WITHIN) in the future is superseded. Two instances warn in
//! their logs: the one that supersedes the decision, and the one that made it, when it next reads that screen. Neither
//! knows whose clock is wrong.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gametriggers_domain::decision::{CLOCKS_AGREE_WITHIN, Decision};
use gametriggers_types::{DecisionId, Timestamp, UserId};
use moka::sync::Cache;
use tokio::time::Instant;

/// The number of screens whose latest decision this instance remembers, and the time for which it does: the longest slot.
const REMEMBERED_MAX: u64 = 100_000;
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
/// How often the same warning may be logged.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// What this instance knows about its own clock and those of other instances. Clones share it.
#[derive(Clone)]
pub(crate) struct Clocks {
    /// The latest decision that this instance made for a streamer, and when it began.
    made: Cache<UserId, (DecisionId, Timestamp)>,
    /// Limits the warning that this instance supersedes a decision.
    superseded: Arc<WarningLimit>,
    /// Limits the warning that a decision of this instance was superseded.
    was_superseded: Arc<WarningLimit>,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        let made = Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED_FOR).build();
        Self { made, superseded: Arc::default(), was_superseded: Arc::default() }
    }

    /// Notes a decision that this instance made.
    pub(crate) fn note(&self, decision: &Decision) {
        self.made.insert(decision.id.streamer, (decision.id, decision.from));
    }

    /// Compares a streamer's latest decision, read at `now`, with `now` and with the latest decision that this instance made
    /// for the streamer. Warns if the clocks do not agree.
    pub(crate) fn compare(&self, latest: &Decision, now: Timestamp) {
        if latest.is_ahead_of(now) && self.superseded.is_due() {
            tracing::warn!(
                decision = %latest.id,
                seconds = latest.from.duration_since(now).as_secs(),
                "a decision begins in the future and is superseded: the clock of the instance that made it runs ahead, or \
                 this one's behind; synchronise them (NTP)"
            );
        }
        let Some((made, from)) = self.made.get(&latest.id.streamer) else { return };
        if made.ordinal >= latest.id.ordinal {
            return;
        }
        self.made.invalidate(&latest.id.streamer);
        let ahead = from.duration_since(latest.from);
        if ahead > CLOCKS_AGREE_WITHIN && self.was_superseded.is_due() {
            tracing::warn!(
                decision = %made,
                seconds = ahead.as_secs(),
                "a decision of this instance was superseded by one that begins before it: this instance's clock runs ahead, \
                 or another's behind; synchronise them (NTP)"
            );
        }
    }
}

/// Limits how often a warning is logged, by the time at which it was last logged.
#[derive(Default)]
struct WarningLimit(Mutex<Option<Instant>>);

impl WarningLimit {
    /// Whether the warning may be logged now. If so, the caller logs it.
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = last.is_none_or(|last| now.duration_since(last) >= WARN_EVERY);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}
