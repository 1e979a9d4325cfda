//! Old decisions, given their short form, so that they take less room.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use gametriggers_persistence::{DecisionRepository, StorageError};
use gametriggers_types::{SignedDuration, Timestamp};
use tokio::time::sleep;

use crate::Clock;

/// How many decisions are looked at in one transaction.
const PAGE: u32 = 200;
/// The pause between two, in which others write.
const PAUSE: Duration = Duration::from_millis(50);
/// How often old decisions are looked for.
const EVERY: Duration = Duration::from_hours(1);

/// Gives their short form to all decisions that ended more than `days` before `now`, but for each streamer's latest. As a
/// day is longer than any receipt is good, no receipt can name them. Returns how many there were.
///
/// # Errors
/// [`StorageError`]; what was shortened before stays so.
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

/// [`shorten`]s at once and then every hour, for as long as it is run.
pub async fn run(decisions: Arc<dyn DecisionRepository>, clock: Arc<dyn Clock>, days: NonZeroU32) {
    loop {
        match shorten(decisions.as_ref(), clock.now(), days).await {
            Ok(0) => {}
            Ok(decisions) => tracing::info!(decisions, "gave old decisions their short form"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot give old decisions their short form; trying again in an hour");
            }
        }
        sleep(EVERY).await;
    }
}
