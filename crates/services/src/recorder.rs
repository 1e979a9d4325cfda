//! Records all events in the ledger by [group commit](crate::group_commit). Only one batch is written at a time,
//! because two batches of one process would only block each other.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use gametriggers_domain::ledger::{Entry, Verdict};
use gametriggers_persistence::{Ledger, Outcome, StorageError};
use tokio::time::sleep;

use crate::{
    group_commit::{Answer, Gathered, Queue, again, queue, tell, tell_all, unavailable},
    tasks::{Next, Tasks, Work},
};

/// The number of attempts at a batch before its callers get the error.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt. The pause before each further attempt is longer by the same time.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// If attempts have taken longer than this in total, there is no further attempt: the store has already retried by
/// itself.
const RETRY_WITHIN: Duration = Duration::from_secs(2);

/// Records events. Each caller gets the outcome when the event is durable.
#[derive(Clone)]
pub struct Recorder {
    queue: Queue<Entry, Outcome>,
}

impl Recorder {
    /// A recorder into this ledger. One of the `tasks` writes; that task ends when the last clone is dropped and everything
    /// is written. Must be called within a Tokio runtime.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, tasks: &Tasks) -> Self {
        let (queue, gathered) = queue();
        tasks.start_until_drained(Committer { ledger, gathered });
        Self { queue }
    }

    /// The same recorder for requests that wait on one thread, and a future that must run on that thread. The future
    /// hands out the outcomes, so that a batch wakes the thread once.
    pub fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, handing_out) = self.queue.for_thread();
        (Self { queue }, handing_out)
    }

    /// Records one entry, even if the caller stops waiting.
    ///
    /// # Errors
    /// [`StorageError`] if the ledger refuses the entry, if the store stays unavailable, or if
    /// [`QUEUE_MAX`](crate::QUEUE_MAX) entries are waiting already.
    ///
    /// If the outcome is unknown, the same entry may be recorded again. Its id prevents that it counts twice.
    pub async fn record(&self, entry: Entry) -> Result<Outcome, StorageError> {
        self.queue.submit(entry).await
    }
}

/// Writes batches to the ledger, one after the other.
struct Committer {
    ledger: Arc<dyn Ledger>,
    gathered: Gathered<Entry, Outcome>,
}

impl Work for Committer {
    const NAME: &'static str = "recorder";

    /// Writes one batch. If that panics, the outcome of the batch is unknown to its callers.
    async fn step(&mut self) -> Next {
        if !self.gathered.is_waited_for().await {
            return Next::End;
        }
        self.ledger.ready().await;
        let Some((entries, answers)) = self.gathered.next().await else { return Next::End };
        if let Err(away) = self.settle(entries.into(), answers).await {
            self.gathered.give_up_on_those_who_waited(&away);
        }
        Next::Step
    }
}

impl Committer {
    /// Writes a batch and sends each entry its outcome. If the ledger refuses the batch because of an entry, the batch
    /// is split in two, again and again, until the refused entry is alone.
    ///
    /// # Errors
    /// The error if the store was unavailable. The entries have got it already.
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
                    // The earlier half is written first, because what comes first is paid first.
                    batches.push((later.into(), waiting_for_later));
                    batches.push((earlier.into(), answers));
                }
            }
        }
        away.map_or(Ok(()), Err)
    }

    /// Writes a batch to the ledger. Attempts can always be repeated, because the entries' ids prevent that they count
    /// twice.
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
                // An earlier attempt may have stored the batch, so the outcome is unknown.
                Err(error) if may_be_ours => return Err(unavailable(true, &error.to_string())),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Corrects the outcomes after a repeated attempt. An entry that the earlier attempt stored is reported as a duplicate,
/// but is none to its submitter. Only a second entry with the same id within the batch is a duplicate.
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
