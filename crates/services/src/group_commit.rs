//! Group commit: while one batch is being written the next one gathers, and is written as soon as that one is. Nobody
//! waits for more to come.

use std::time::{Duration, Instant};

use gametriggers_persistence::StorageError;
use tokio::sync::{
    mpsc::{
        self,
        error::{SendError, TrySendError},
    },
    oneshot,
};

/// Items that may wait to be written at once; further ones are refused.
pub const QUEUE_MAX: usize = 8_192;
/// Items of one batch at most. Larger ones take longer than they save.
pub const BATCH_MAX: usize = 512;

/// Whoever has waited for longer than this, when the store turns out to be away, is told so with those whose batch it was,
/// instead of waiting for another attempt.
const WAITED_MAX: Duration = Duration::from_secs(2);

/// What somebody waits for.
type Waiting<R> = oneshot::Sender<Result<R, StorageError>>;

/// To a thread on which many wait, to be given their answers there.
type Courier<R> = mpsc::UnboundedSender<Vec<(Waiting<R>, Result<R, StorageError>)>>;

/// To whoever waits for what became of an item.
pub(crate) struct Answer<R> {
    waiting: Waiting<R>,
    courier: Option<Courier<R>>,
}

/// An item, who waits for what becomes of it, and since when.
struct Handed<T, R> {
    item: T,
    answer: Answer<R>,
    at: Instant,
}

/// Where items of one kind are handed in.
pub(crate) struct Queue<T, R> {
    sender: mpsc::Sender<Handed<T, R>>,
    courier: Option<Courier<R>>,
}

impl<T, R> Clone for Queue<T, R> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), courier: self.courier.clone() }
    }
}

/// What has been handed in.
pub(crate) struct Gathered<T, R> {
    receiver: mpsc::Receiver<Handed<T, R>>,
    next: Vec<Handed<T, R>>,
    /// The first of the next batch, where it was looked at already.
    first: Option<Handed<T, R>>,
}

/// A queue, and what comes out of it.
pub(crate) fn queue<T, R>() -> (Queue<T, R>, Gathered<T, R>) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    (Queue { sender, courier: None }, Gathered { receiver, next: Vec::new(), first: None })
}

impl<T, R> Queue<T, R> {
    /// Hands in an item, which is written also if nobody waits for its answer any more.
    ///
    /// # Errors
    /// What the writer answers; [`StorageError::Unavailable`] if the queue is full, or the writer has ended.
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
        let stopped = |_| unavailable(true, "the server stopped before the outcome was known");
        answered.await.map_err(stopped)?
    }
}

impl<T, R: 'static> Queue<T, R> {
    /// The same queue for those who wait on one thread, and what is to be run there as long as they do: it hands out their
    /// answers. Each answer that comes from another thread wakes this one; so all of a batch wake it once.
    pub(crate) fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<T, R>) {
        let (courier, mut brought) = mpsc::unbounded_channel::<Vec<(Waiting<R>, _)>>();
        let handing_out = async move {
            while let Some(answers) = brought.recv().await {
                for (waiting, answer) in answers {
                    // Whoever waited may have hung up.
                    waiting.send(answer).ok();
                }
            }
        };
        (Self { sender: self.sender.clone(), courier: Some(courier) }, handing_out)
    }
}

impl<T, R> Gathered<T, R> {
    /// The next batch and who waits for each of its items; nothing once no queue is left and all that it
    /// took has been given out.
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

    /// The store was away for a batch: tells so those who have waited for long, and whose items were not tried.
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

/// Gives everybody their answer.
pub(crate) fn tell<R>(answers: impl IntoIterator<Item = (Answer<R>, Result<R, StorageError>)>) {
    let mut by_thread: Vec<(Courier<R>, Vec<_>)> = Vec::new();
    for (Answer { waiting, courier }, answer) in answers {
        let Some(courier) = courier else {
            // Whoever waited may have hung up.
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
            // Nobody hands out answers there any more.
            for (waiting, answer) in answers {
                waiting.send(answer).ok();
            }
        }
    }
}

/// Tells everybody the same.
pub(crate) fn tell_all<R>(answers: Vec<Answer<R>>, told: impl Fn() -> Result<R, StorageError>) {
    tell(answers.into_iter().map(|answer| (answer, told())));
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
