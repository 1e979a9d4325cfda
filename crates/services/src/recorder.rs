//! The way of every event to the ledger.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gametriggers_domain::ledger::{Entry, Verdict};
use gametriggers_persistence::{Ledger, Outcome, StorageError};

/// Attempts at one batch before the caller is told that the store is unavailable.
const ATTEMPTS: u32 = 3;
/// Wait before the second attempt; each further one waits as much more.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// A store that took longer than this to refuse has tried again itself.
const RETRY_WITHIN: Duration = Duration::from_secs(2);

/// Records events, each answered when it is durable.
#[derive(Clone)]
pub struct Recorder {
    ledger: Arc<dyn Ledger>,
}

impl Recorder {
    /// A recorder into this ledger.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger }
    }

    /// Records one entry.
    ///
    /// # Errors
    /// [`StorageError`] if the ledger refused it, or if it stayed unavailable. If the outcome is then unknown, the same
    /// entry may be recorded again: its id makes that safe.
    pub async fn record(&self, entry: Entry) -> Result<Outcome, StorageError> {
        let started = Instant::now();
        let mut may_be_ours = false;
        let mut attempt = 1;
        loop {
            match self.ledger.record(std::slice::from_ref(&entry)).await {
                Ok(outcomes) => {
                    let outcome = outcomes.into_iter().next();
                    let outcome =
                        outcome.ok_or_else(|| StorageError::Backend("no outcome for an entry".into()))?;
                    return Ok(if may_be_ours { first_outcome(outcome) } else { outcome });
                }
                Err(error)
                    if error.is_retryable() && attempt < ATTEMPTS && started.elapsed() < RETRY_WITHIN =>
                {
                    may_be_ours |= error.outcome_unknown();
                    tokio::time::sleep(RETRY_AFTER * attempt).await;
                    attempt += 1;
                }
                // What an earlier attempt may have stored is not known to be absent.
                Err(error) if may_be_ours => {
                    return Err(StorageError::Unavailable { outcome_unknown: true, source: error.into() });
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// What an earlier attempt of the same call stored is no duplicate to its caller.
fn first_outcome(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Duplicate { verdict: Verdict::Counted(accrual), .. } => Outcome::Counted(accrual),
        Outcome::Duplicate { verdict: Verdict::Rejected(reason), .. } => Outcome::Rejected(reason),
        first => first,
    }
}
