//! Writes when overlays were last seen. Each overlay reports itself twice a minute; many reports are written at once.

use std::sync::Arc;

use gametriggers_persistence::{StorageError, UserRepository};
use gametriggers_types::{Timestamp, UserId};

use crate::{
    group_commit::{Gathered, Queue, again, queue, tell_all},
    tasks::{Next, Tasks, Work},
};

type Seen = (UserId, Timestamp);

/// Notes when overlays were seen.
#[derive(Clone)]
pub(crate) struct Heartbeats {
    queue: Queue<Seen, ()>,
}

impl Heartbeats {
    /// Heartbeats that are written to this store of users. One of the `tasks` writes; that task ends when the last clone is
    /// dropped and everything is written. Must be called within a Tokio runtime.
    pub(crate) fn new(users: Arc<dyn UserRepository>, tasks: &Tasks) -> Self {
        let (queue, gathered) = queue();
        tasks.start_until_drained(Writer { users, gathered });
        Self { queue }
    }

    /// Notes that the overlay was seen at `now`. Returns when this is stored.
    pub(crate) async fn note(&self, streamer: UserId, now: Timestamp) -> Result<(), StorageError> {
        self.queue.submit((streamer, now)).await
    }
}

struct Writer {
    users: Arc<dyn UserRepository>,
    gathered: Gathered<Seen, ()>,
}

impl Work for Writer {
    const NAME: &'static str = "heartbeats";

    /// Writes one batch.
    async fn step(&mut self) -> Next {
        let Some((seen, answers)) = self.gathered.next().await else { return Next::End };
        let written = self.users.touch_overlays(&seen).await;
        tell_all(answers, || written.as_ref().map_err(again).copied());
        if let Err(away) = written
            && away.is_retryable()
        {
            self.gathered.give_up_on_those_who_waited(&away);
        }
        Next::Step
    }
}
