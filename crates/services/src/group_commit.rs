//! Group commit: while one batch is being written the next one gathers, and is written as soon as that one is. Nobody
//! waits for more to come.

use gametriggers_persistence::StorageError;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

/// Items that may wait to be written at once; further ones are refused.
pub const QUEUE_MAX: usize = 8_192;
/// Items of one batch at most. Larger ones take longer than they save.
pub const BATCH_MAX: usize = 512;

/// To whoever waits for what became of an item.
pub(crate) type Answer<R> = oneshot::Sender<Result<R, StorageError>>;

/// Where items of one kind are handed in.
pub(crate) struct Queue<T, R> {
    sender: mpsc::Sender<(T, Answer<R>)>,
}

impl<T, R> Clone for Queue<T, R> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

/// What has been handed in.
pub(crate) struct Gathered<T, R> {
    receiver: mpsc::Receiver<(T, Answer<R>)>,
    next: Vec<(T, Answer<R>)>,
}

/// A queue, and what comes out of it.
pub(crate) fn queue<T, R>() -> (Queue<T, R>, Gathered<T, R>) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    (Queue { sender }, Gathered { receiver, next: Vec::new() })
}

impl<T, R> Queue<T, R> {
    /// Hands in an item, which is written also if nobody waits for its answer any more.
    ///
    /// # Errors
    /// What the writer answers; [`StorageError::Unavailable`] if the queue is full, or the writer has ended.
    pub(crate) async fn submit(&self, item: T) -> Result<R, StorageError> {
        let (answer, answered) = oneshot::channel();
        let refused = |error| match error {
            TrySendError::Full(_) => {
                unavailable(false, "more events wait for the store than it keeps up with")
            }
            TrySendError::Closed(_) => unavailable(false, "the server takes no more events"),
        };
        self.sender.try_send((item, answer)).map_err(refused)?;
        let stopped = |_| unavailable(true, "the server stopped before the outcome was known");
        answered.await.map_err(stopped)?
    }
}

impl<T, R> Gathered<T, R> {
    /// The next batch and who waits for each of its items; nothing once no queue is left and all that it
    /// took has been given out.
    pub(crate) async fn next(&mut self) -> Option<(Vec<T>, Vec<Answer<R>>)> {
        if self.receiver.recv_many(&mut self.next, BATCH_MAX).await == 0 {
            return None;
        }
        Some(self.next.drain(..).unzip())
    }
}

/// Tells everybody the same.
pub(crate) fn tell_all<R>(answers: Vec<Answer<R>>, told: impl Fn() -> Result<R, StorageError>) {
    for answer in answers {
        // Whoever waited may have hung up.
        answer.send(told()).ok();
    }
}

pub(crate) fn unavailable(outcome_unknown: bool, why: &str) -> StorageError {
    StorageError::Unavailable { outcome_unknown, source: why.into() }
}

/// The error once more, for another one whom it concerns.
pub(crate) fn again(error: &StorageError) -> StorageError {
    match error {
        StorageError::Unavailable { outcome_unknown, source } => {
            unavailable(*outcome_unknown, &source.to_string())
        }
        StorageError::Conflict(source) => StorageError::Conflict(source.to_string().into()),
        other => StorageError::Backend(other.to_string().into()),
    }
}
