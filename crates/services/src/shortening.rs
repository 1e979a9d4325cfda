//! Replaces old decisions by their short form, so that they take less space.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use gametriggers_persistence::{DecisionRepository, StorageError};
use gametriggers_types::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::{
    Clock,
    tasks::{Next, Work},
};

/// The number of decisions that are looked at in one transaction.
const PAGE: u32 = 200;
/// The pause between two transactions, in which others can write.
const PAUSE: Duration = Duration::from_millis(50);
/// The time between two searches for old decisions.
const EVERY: Duration = Duration::from_hours(1);

/// Shortens all decisions that ended more than `days` before `now`, except each streamer's latest. No receipt can name
/// them any more, because receipts are valid for less than a day. Returns the number of shortened decisions.
///
/// # Errors
/// [`StorageError`]. Decisions that were shortened before the error stay so.
pub async fn shorten(
    decisions: &dyn DecisionRepository,
    now: Timestamp,
    days: NonZeroU32,
) -> Result<u64, StorageError> {
    let age = SignedDuration::from_hours(24 * i64::from(days.get()));
    let ended_before = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
    let (mut after, mut shortened) = (None, 0);
    loop {
        let page = decisions.shorten(ended_before, after, PAGE).await?;
        shortened += page.shortened;
        after = page.last;
        if after.is_none() {
            return Ok(shortened);
        }
        sleep(PAUSE).await;
    }
}

/// Calls [`shorten`] at once and then every hour.
pub struct ShortenDecisions {
    /// Where the decisions are.
    pub decisions: Arc<dyn DecisionRepository>,
    /// Tells how old a decision is.
    pub clock: Arc<dyn Clock>,
    /// The age in days from which decisions are shortened.
    pub days: NonZeroU32,
}

impl Work for ShortenDecisions {
    const NAME: &'static str = "shorten decisions";

    async fn step(&mut self) -> Next {
        match shorten(self.decisions.as_ref(), self.clock.now(), self.days).await {
            Ok(0) => {}
            Ok(decisions) => tracing::info!(decisions, "gave old decisions their short form"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot give old decisions their short form; trying again in an hour");
            }
        }
        sleep(EVERY).await;
        Next::Step
    }
}
