//! The way of every event to the ledger: group commit.
//!
//! While one batch is being committed the next one gathers, and is committed as soon as that one is: nobody waits for
//! more to come. One batch at a time, because two of one process would only get in each other's way.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use gametriggers_domain::ledger::{Entry, Verdict};
use gametriggers_persistence::{Ledger, Outcome, StorageError};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::sleep,
};

/// Events that may wait for a batch at once; further ones are refused.
pub const QUEUE_MAX: usize = 8_192;
/// Entries of one batch at most. Larger ones take longer than they save.
pub const BATCH_MAX: usize = 512;
/// Attempts at one batch before its callers are told that the store is unavailable.
const ATTEMPTS: u32 = 3;
/// Wait before the second attempt; each further one waits as much more.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// A store that took longer than this to refuse has tried again itself.
const RETRY_WITHIN: Duration = Duration::from_secs(2);

/// Records events, each answered when it is durable.
#[derive(Clone)]
pub struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

/// An entry and whoever waits for its outcome.
struct Waiting {
    entry: Entry,
    answer: oneshot::Sender<Result<Outcome, StorageError>>,
}

impl Recorder {
    /// A recorder into this ledger. Its committer ends when the last clone is dropped and all that had been taken is
    /// committed. To be called within a Tokio runtime.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(Committer { ledger }.run(waiting));
        Self { queue }
    }

    /// Records one entry, also if nobody waits for its outcome any more.
    ///
    /// # Errors
    /// [`StorageError`] if the ledger refused it, if the store stayed unavailable, or if [`QUEUE_MAX`] others wait already.
    /// If the outcome is unknown, the same entry may be recorded again: its id makes that safe.
    pub async fn record(&self, entry: Entry) -> Result<Outcome, StorageError> {
        let (answer, outcome) = oneshot::channel();
        let refused = |error| match error {
            TrySendError::Full(_) => {
                unavailable(false, "more events wait for the store than it keeps up with")
            }
            TrySendError::Closed(_) => unavailable(false, "the server takes no more events"),
        };
        self.queue.try_send(Waiting { entry, answer }).map_err(refused)?;
        let stopped = |_| unavailable(true, "the server stopped before the outcome was known");
        outcome.await.map_err(stopped)?
    }
}

/// Commits what has gathered, batch by batch.
struct Committer {
    ledger: Arc<dyn Ledger>,
}

/// What became of a batch, or why nothing is known to have become of it.
type Committed = Result<Vec<Outcome>, StorageError>;

impl Committer {
    async fn run(self, mut queue: mpsc::Receiver<Waiting>) {
        let mut gathered = Vec::with_capacity(BATCH_MAX);
        while queue.recv_many(&mut gathered, BATCH_MAX).await > 0 {
            let (entries, answers): (Vec<_>, Vec<_>) =
                gathered.drain(..).map(|Waiting { entry, answer }| (entry, answer)).unzip();
            self.settle(entries, answers).await;
        }
    }

    /// Commits the batch and tells everybody. Where the ledger refuses it for a reason of its own, it is cut in two, and
    /// again, until only the entry that is refused stands alone.
    async fn settle(
        &self,
        entries: Vec<Entry>,
        answers: Vec<oneshot::Sender<Result<Outcome, StorageError>>>,
    ) {
        let mut batches = vec![(entries, answers)];
        while let Some((mut entries, mut answers)) = batches.pop() {
            match self.commit(&entries).await {
                Ok(outcomes) => {
                    for (answer, outcome) in answers.into_iter().zip(outcomes) {
                        // Whoever waited may have hung up.
                        answer.send(Ok(outcome)).ok();
                    }
                }
                Err(StorageError::Unavailable { outcome_unknown, source }) => {
                    tell_all(answers, || unavailable(outcome_unknown, &source.to_string()));
                }
                Err(StorageError::Conflict(source)) => {
                    tell_all(answers, || StorageError::Conflict(source.to_string().into()));
                }
                Err(error) if entries.len() == 1 => {
                    if let Some(answer) = answers.pop() {
                        answer.send(Err(error)).ok();
                    }
                }
                Err(_) => {
                    let middle = entries.len() / 2;
                    let later = (entries.split_off(middle), answers.split_off(middle));
                    // The earlier half first: who came first is paid first.
                    batches.push(later);
                    batches.push((entries, answers));
                }
            }
        }
    }

    /// Commits the batch, and tries again where that is safe: always, by the entries' ids.
    async fn commit(&self, entries: &[Entry]) -> Committed {
        let started = Instant::now();
        let mut may_be_ours = false;
        let mut attempt = 1;
        loop {
            match self.ledger.record(entries).await {
                Ok(outcomes) if outcomes.len() != entries.len() => {
                    return Err(StorageError::Backend("not one outcome for each entry".into()));
                }
                Ok(outcomes) if may_be_ours => return Ok(first_outcomes(entries, outcomes)),
                Ok(outcomes) => return Ok(outcomes),
                Err(error)
                    if error.is_retryable() && attempt < ATTEMPTS && started.elapsed() < RETRY_WITHIN =>
                {
                    may_be_ours |= error.outcome_unknown();
                    sleep(RETRY_AFTER * attempt).await;
                    attempt += 1;
                }
                // What an earlier attempt may have stored is not known to be absent.
                Err(error) if may_be_ours => return Err(unavailable(true, &error.to_string())),
                Err(error) => return Err(error),
            }
        }
    }
}

fn tell_all(answers: Vec<oneshot::Sender<Result<Outcome, StorageError>>>, error: impl Fn() -> StorageError) {
    for answer in answers {
        answer.send(Err(error())).ok();
    }
}

fn unavailable(outcome_unknown: bool, why: &str) -> StorageError {
    StorageError::Unavailable { outcome_unknown, source: why.into() }
}

/// What an earlier attempt at the same batch stored is no duplicate to whoever submitted it; a twin of it in the batch is.
fn first_outcomes(entries: &[Entry], outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let mut seen = HashSet::with_capacity(entries.len());
    let first = |(entry, outcome): (&Entry, Outcome)| match outcome {
        Outcome::Duplicate { verdict, .. } if seen.insert(entry.id.clone()) => match verdict {
            Verdict::Counted(accrual) => Outcome::Counted(accrual),
            Verdict::Rejected(reason) => Outcome::Rejected(reason),
        },
        outcome => outcome,
    };
    entries.iter().zip(outcomes).map(first).collect()
}
