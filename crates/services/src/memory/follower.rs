//! Keeps the [`Memory`] consistent with the store: asks the store for its changes.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use gametriggers_persistence::{ChangeFeed, ChangeStream, StorageError};
use tokio::time::{Instant, sleep, timeout};

use super::Memory;
use crate::tasks::{Next, Work};

/// The time within which the store must answer. Otherwise the subscription is replaced by a new one.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// The wait before a lost subscription is renewed. The wait doubles with each attempt, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Asks the store for its changes as long as anybody holds the memory.
pub(crate) struct Follower {
    memory: Weak<Memory>,
    feed: Arc<dyn ChangeFeed>,
    wait: Duration,
    /// Whether the log already says that the changes cannot be followed.
    complained: bool,
}

impl Follower {
    pub(crate) fn new(memory: &Arc<Memory>, feed: Arc<dyn ChangeFeed>) -> Self {
        Self { memory: Arc::downgrade(memory), feed, wait: FIRST_WAIT, complained: false }
    }
}

impl Work for Follower {
    const NAME: &'static str = "changes";

    /// Follows one subscription until it is lost, and waits before the next one. Ends when nobody holds the memory any more.
    async fn step(&mut self) -> Next {
        let trust = Trust(self.memory.clone());
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

/// Ends the trust in the memory when it is dropped, also by a panic. It is held while a subscription is followed.
struct Trust(Weak<Memory>);

impl Drop for Trust {
    fn drop(&mut self) {
        if let Some(memory) = self.0.upgrade() {
            memory.distrust();
        }
    }
}

impl Follower {
    /// Follows one subscription. Returns `Ok` when nobody holds the memory any more.
    async fn follow(&mut self) -> Result<(), StorageError> {
        let mut changes: Box<dyn ChangeStream> = answered(self.feed.subscribe()).await?;
        let mut asked = Instant::now();
        let mut answer = answered(changes.next()).await?;
        if self.complained {
            tracing::info!("changes are followed again");
        }
        (self.complained, self.wait) = (false, FIRST_WAIT);
        while let Some(memory) = self.memory.upgrade() {
            memory.take_over(asked, &answer);
            drop(memory);
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
