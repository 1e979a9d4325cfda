//! Keeps [`Snapshots`] true to the store, by asking it what has changed.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use gametriggers_persistence::{ChangeFeed, ChangeStream, StorageError};
use tokio::time::{Instant, sleep, timeout};

use crate::snapshots::Snapshots;

/// A store that does not answer for so long is given up, and asked anew.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// The wait before a lost subscription is renewed; it doubles with each attempt up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Asks the store what has changed, for as long as anybody has the snapshots.
pub(crate) struct Follower {
    snapshots: Weak<Snapshots>,
    feed: Arc<dyn ChangeFeed>,
    wait: Duration,
    /// Whether that it failed was said already.
    complained: bool,
}

impl Follower {
    pub(crate) fn new(snapshots: &Arc<Snapshots>, feed: Arc<dyn ChangeFeed>) -> Self {
        Self { snapshots: Arc::downgrade(snapshots), feed, wait: FIRST_WAIT, complained: false }
    }

    pub(crate) async fn run(mut self) {
        while let Err(error) = self.follow().await {
            let Some(snapshots) = self.snapshots.upgrade() else { return };
            snapshots.distrust();
            drop(snapshots);
            if !self.complained {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot follow changes: every screen is read from the store");
                self.complained = true;
            }
            sleep(self.wait).await;
            self.wait = LONGEST_WAIT.min(2 * self.wait);
        }
    }

    /// Ends well when nobody has the snapshots any more.
    async fn follow(&mut self) -> Result<(), StorageError> {
        let mut changes: Box<dyn ChangeStream> = answered(self.feed.subscribe()).await?;
        let mut asked = Instant::now();
        let mut answer = answered(changes.next()).await?;
        if self.complained {
            tracing::info!("changes are followed again");
        }
        (self.complained, self.wait) = (false, FIRST_WAIT);
        while let Some(snapshots) = self.snapshots.upgrade() {
            snapshots.heard(asked, &answer);
            drop(snapshots);
            asked = Instant::now();
            answer = answered(changes.next()).await?;
        }
        Ok(())
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    timeout(GIVEN_UP_AFTER, answer).await.unwrap_or_else(|elapsed| {
        Err(StorageError::Unavailable { outcome_unknown: false, source: elapsed.into() })
    })
}
