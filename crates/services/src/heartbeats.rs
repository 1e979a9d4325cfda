//! Writes when overlays were last seen. Each overlay reports itself twice a minute; many reports are written at once.

use std::sync::Arc;

use gametriggers_persistence::{StorageError, UserRepository};
use gametriggers_types::{Timestamp, UserId};

use crate::group_commit::{Gathered, Queue, again, queue, tell_all};

type Seen = (UserId, Timestamp);

/// Notes when overlays were seen.
#[derive(Clone)]
pub(crate) struct Heartbeats {
    queue: Queue<Seen, ()>,
}

impl Heartbeats {
    /// Heartbeats that are written to this store of users. The writing task ends when the last clone is dropped and
    /// everything is written. Must be called within a Tokio runtime.
    pub(crate) fn new(users: Arc<dyn UserRepository>) -> Self {
        let (queue, gathered) = queue();
        tokio::spawn(write(users, gathered));
        Self { queue }
    }

    /// Notes that the overlay was seen at `now`. Returns when this is stored.
    pub(crate) async fn note(&self, streamer: UserId, now: Timestamp) -> Result<(), StorageError> {
        self.queue.submit((streamer, now)).await
    }
}

async fn write(users: Arc<dyn UserRepository>, mut gathered: Gathered<Seen, ()>) {
    while let Some((seen, answers)) = gathered.next().await {
        let written = users.touch_overlays(&seen).await;
        tell_all(answers, || written.as_ref().map_err(again).copied());
        if let Err(away) = written
            && away.is_retryable()
        {
            gathered.give_up_on_those_who_waited(&away);
        }
    }
}
