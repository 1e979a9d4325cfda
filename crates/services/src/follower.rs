//! Keeps [`Snapshots`] true to the store, by asking it what has changed.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use gametriggers_persistence::{ChangeFeed, ChangeStream, StorageError};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    snapshots::Snapshots,
    tasks::{Next, Work},
};

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
}

impl Work for Follower {
    const NAME: &'static str = "changes";

    /// Follows changes until the subscription is lost, and waits before the next one. A lost subscription, also by a panic, means
    /// that nothing in memory is trusted.
    async fn step(&mut self) -> Next {
        let trust = Trust(self.snapshots.clone());
        let followed = self.follow().await;
        drop(trust);
        let Err(error) = followed else { return Next::End };
        if !self.complained {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "cannot follow changes: every screen is read from the store");
            self.complained = true;
        }
        sleep(self.wait).await;
        self.wait = LONGEST_WAIT.min(2 * self.wait);
        Next::Step
    }
}

/// That changes are followed. When this is dropped, nothing in memory is trusted.
struct Trust(Weak<Snapshots>);

impl Drop for Trust {
    fn drop(&mut self) {
        if let Some(snapshots) = self.0.upgrade() {
            snapshots.distrust();
        }
    }
}

impl Follower {
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
