//! Group commit: while one batch is being written, the next one gathers. It is written as soon as the first is
//! finished. Nobody waits for a batch to fill up.

use std::time::{Duration, Instant};

use gametriggers_persistence::StorageError;
use tokio::sync::{
    mpsc::{
        self,
        error::{SendError, TrySendError},
    },
    oneshot,
};

/// The greatest number of waiting items. Further items are refused.
pub const QUEUE_MAX: usize = 8_192;
/// The greatest number of items in a batch. Larger batches take longer than they save.
pub const BATCH_MAX: usize = 512;

/// If the store is unavailable for a batch, waiting items that are older than this get the same error instead of
/// waiting for the next attempt.
const WAITED_MAX: Duration = Duration::from_secs(2);

/// Sends an item's outcome to the request that waits for it.
type Waiting<R> = oneshot::Sender<Result<R, StorageError>>;

/// Takes a batch's outcomes to the thread whose requests wait for them, which hands them out there.
type Courier<R> = mpsc::UnboundedSender<Vec<(Waiting<R>, Result<R, StorageError>)>>;

/// Where the outcome of an item has to be sent.
pub(crate) struct Answer<R> {
    waiting: Waiting<R>,
    courier: Option<Courier<R>>,
}

/// An item in the queue, where its outcome has to be sent, and when it was submitted.
struct Handed<T, R> {
    item: T,
    answer: Answer<R>,
    at: Instant,
}

/// The entrance of a queue for items of one kind.
pub(crate) struct Queue<T, R> {
    sender: mpsc::Sender<Handed<T, R>>,
    courier: Option<Courier<R>>,
}

impl<T, R> Clone for Queue<T, R> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), courier: self.courier.clone() }
    }
}

/// The exit of a queue: gives out batches.
pub(crate) struct Gathered<T, R> {
    receiver: mpsc::Receiver<Handed<T, R>>,
    next: Vec<Handed<T, R>>,
    /// The first item of the next batch, if it has been taken from the queue already.
    first: Option<Handed<T, R>>,
}

/// A new queue: its entrance and its exit.
pub(crate) fn queue<T, R>() -> (Queue<T, R>, Gathered<T, R>) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    (Queue { sender, courier: None }, Gathered { receiver, next: Vec::new(), first: None })
}

impl<T, R> Queue<T, R> {
    /// Submits an item and waits for its outcome. The item is written even if the caller stops waiting.
    ///
    /// # Errors
    /// The writer's error; [`StorageError::Unavailable`] if the queue is full or the writer has ended.
    pub(crate) async fn submit(&self, item: T) -> Result<R, StorageError> {
        let (waiting, answered) = oneshot::channel();
        let answer = Answer { waiting, courier: self.courier.clone() };
        let refused = |error| match error {
            TrySendError::Full(_) => {
                unavailable(false, "more events wait for the store than it keeps up with")
            }
            TrySendError::Closed(_) => unavailable(false, "the server takes no more events"),
        };
        self.sender.try_send(Handed { item, answer, at: Instant::now() }).map_err(refused)?;
        let failed = |_| unavailable(true, "the server failed or stopped before the outcome was known");
        answered.await.map_err(failed)?
    }
}

impl<T, R: 'static> Queue<T, R> {
    /// The same queue for requests that wait on one thread, and a future that must run on that thread. The future hands
    /// out the outcomes. A batch then wakes the thread once instead of once for each outcome.
    pub(crate) fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<T, R>) {
        let (courier, mut brought) = mpsc::unbounded_channel::<Vec<(Waiting<R>, _)>>();
        let handing_out = async move {
            while let Some(answers) = brought.recv().await {
                for (waiting, answer) in answers {
                    // The request may have been abandoned.
                    waiting.send(answer).ok();
                }
            }
        };
        (Self { sender: self.sender.clone(), courier: Some(courier) }, handing_out)
    }
}

impl<T, R> Gathered<T, R> {
    /// Waits until an item is there. Returns false when all entrances are dropped and all items have been given out.
    pub(crate) async fn is_waited_for(&mut self) -> bool {
        if self.first.is_none() {
            self.first = self.receiver.recv().await;
        }
        self.first.is_some()
    }

    /// The next batch, and where the outcome of each item has to be sent. `None` when all entrances are dropped and all
    /// items have been given out.
    pub(crate) async fn next(&mut self) -> Option<(Vec<T>, Vec<Answer<R>>)> {
        self.next.extend(self.first.take());
        if self.next.is_empty() || !self.receiver.is_empty() {
            let left = BATCH_MAX - self.next.len();
            self.receiver.recv_many(&mut self.next, left).await;
        }
        if self.next.is_empty() {
            return None;
        }
        Some(self.next.drain(..).map(|handed| (handed.item, handed.answer)).unzip())
    }

    /// Call this when the store was unavailable for a batch: sends the error to those waiting items that are older than
    /// [`WAITED_MAX`]. They have not been tried.
    pub(crate) fn give_up_on_those_who_waited(&mut self, error: &StorageError) {
        let mut late = Vec::new();
        while let Some(handed) = self.first.take().or_else(|| self.receiver.try_recv().ok()) {
            if handed.at.elapsed() <= WAITED_MAX {
                self.first = Some(handed);
                break;
            }
            late.push(handed.answer);
        }
        tell_all(late, || Err(unavailable(false, &error.to_string())));
    }
}

/// Sends each item its outcome.
pub(crate) fn tell<R>(answers: impl IntoIterator<Item = (Answer<R>, Result<R, StorageError>)>) {
    let mut by_thread: Vec<(Courier<R>, Vec<_>)> = Vec::new();
    for (Answer { waiting, courier }, answer) in answers {
        let Some(courier) = courier else {
            // The request may have been abandoned.
            waiting.send(answer).ok();
            continue;
        };
        match by_thread.iter_mut().find(|(other, _)| other.same_channel(&courier)) {
            Some((_, answers)) => answers.push((waiting, answer)),
            None => by_thread.push((courier, vec![(waiting, answer)])),
        }
    }
    for (courier, answers) in by_thread {
        if let Err(SendError(answers)) = courier.send(answers) {
            // The thread no longer hands out outcomes, so they are sent directly.
            for (waiting, answer) in answers {
                waiting.send(answer).ok();
            }
        }
    }
}

/// Sends all items the same outcome.
pub(crate) fn tell_all<R>(answers: Vec<Answer<R>>, told: impl Fn() -> Result<R, StorageError>) {
    tell(answers.into_iter().map(|answer| (answer, told())));
}

pub(crate) fn unavailable(outcome_unknown: bool, why: &str) -> StorageError {
    StorageError::Unavailable { outcome_unknown, source: why.into() }
}

/// A copy of the error, for another item with the same outcome.
pub(crate) fn again(error: &StorageError) -> StorageError {
    match error {
        StorageError::Unavailable { outcome_unknown, source } => {
            unavailable(*outcome_unknown, &source.to_string())
        }
        StorageError::Conflict(source) => StorageError::Conflict(source.to_string().into()),
        other => StorageError::Backend(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_answers_of_a_batch_come_to_a_thread_together() {
        let (courier, mut brought) = mpsc::unbounded_channel();
        let (answers, waiting): (Vec<_>, Vec<_>) = (0..3)
            .map(|_| {
                let (waiting, answered) = oneshot::channel();
                (Answer { waiting, courier: Some(courier.clone()) }, answered)
            })
            .unzip();
        tell(answers.into_iter().zip((0..3).map(Ok)));
        let together = brought.try_recv().unwrap();
        let told: Vec<_> = together.into_iter().map(|(_, answer)| answer.unwrap()).collect();
        assert_eq!(told, [0, 1, 2]);
        assert!(brought.try_recv().is_err());
        drop(waiting);
    }
}
