//! The way of every event to the ledger: by [group commit](crate::group_commit). One batch is applied at a time, because two of
//! one process would only get in each other's way.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use gametriggers_domain::ledger::{Entry, Verdict};
use gametriggers_persistence::{Ledger, Outcome, StorageError};
use tokio::time::sleep;

use crate::group_commit::{Answer, Gathered, Queue, again, queue, tell, tell_all, unavailable};

/// Attempts at one batch before its callers are told that the store is unavailable.
const ATTEMPTS: u32 = 3;
/// Wait before the second attempt; each further one waits as much more.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// A store that took longer than this to refuse has tried again itself.
const RETRY_WITHIN: Duration = Duration::from_secs(2);

/// Records events, each answered when it is durable.
#[derive(Clone)]
pub struct Recorder {
    queue: Queue<Entry, Outcome>,
}

impl Recorder {
    /// A recorder into this ledger. Its committer ends when the last clone is dropped and all that had been taken is
    /// committed. To be called within a Tokio runtime.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        let (queue, gathered) = queue();
        tokio::spawn(Committer { ledger }.run(gathered));
        Self { queue }
    }

    /// The same recorder for those who wait on one thread, and what is to be run there as long as they do: it hands out
    /// their outcomes, so that the thread is woken once for all of a batch.
    pub fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, handing_out) = self.queue.for_thread();
        (Self { queue }, handing_out)
    }

    /// Records one entry, also if nobody waits for its outcome any more.
    ///
    /// # Errors
    /// [`StorageError`] if the ledger refused it, if the store stayed unavailable, or if [`QUEUE_MAX`](crate::QUEUE_MAX) others wait
    /// already.
    /// If the outcome is unknown, the same entry may be recorded again: its id makes that safe.
    pub async fn record(&self, entry: Entry) -> Result<Outcome, StorageError> {
        self.queue.submit(entry).await
    }
}

/// Commits what has gathered, batch by batch.
struct Committer {
    ledger: Arc<dyn Ledger>,
}

impl Committer {
    async fn run(self, mut gathered: Gathered<Entry, Outcome>) {
        while let Some((entries, answers)) = gathered.next().await {
            if let Err(away) = self.settle(entries.into(), answers).await {
                gathered.give_up_on_those_who_waited(&away);
            }
        }
    }

    /// Commits a batch and tells everybody what became of it. Where the ledger refuses it for a reason of its own, it is
    /// cut in two, and again, until only the entry that is refused stands alone.
    ///
    /// # Errors
    /// If the store was away, as everybody was told.
    async fn settle(&self, entries: Arc<[Entry]>, answers: Vec<Answer<Outcome>>) -> Result<(), StorageError> {
        let mut batches = vec![(entries, answers)];
        let mut away = None;
        while let Some((entries, mut answers)) = batches.pop() {
            match self.commit(&entries).await {
                Ok(outcomes) => tell(answers.into_iter().zip(outcomes.into_iter().map(Ok))),
                Err(error) if error.is_retryable() => {
                    tell_all(answers, || Err(again(&error)));
                    away = Some(error);
                }
                Err(error) if entries.len() == 1 => tell(answers.pop().map(|answer| (answer, Err(error)))),
                Err(_) => {
                    let (earlier, later) = entries.split_at(entries.len() / 2);
                    let waiting_for_later = answers.split_off(earlier.len());
                    // The earlier half first: who came first is paid first.
                    batches.push((later.into(), waiting_for_later));
                    batches.push((earlier.into(), answers));
                }
            }
        }
        away.map_or(Ok(()), Err)
    }

    /// What becomes of the batch: tried again where that is safe, which it always is, by the entries' ids.
    async fn commit(&self, entries: &Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        let began = Instant::now();
        let mut may_be_ours = false;
        let mut attempt = 1;
        loop {
            match self.ledger.record(entries.clone()).await {
                Ok(outcomes) if outcomes.len() != entries.len() => {
                    return Err(StorageError::Backend("not one outcome for each entry".into()));
                }
                Ok(outcomes) if may_be_ours => return Ok(first_outcomes(entries, outcomes)),
                Ok(outcomes) => return Ok(outcomes),
                Err(error)
                    if error.is_retryable() && attempt < ATTEMPTS && began.elapsed() < RETRY_WITHIN =>
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
