//! Transactions: begun with the guarantees that the ledger needs, begun again where another writer was faster, and never
//! said to have failed where they may have been committed.

use std::time::Duration;

use futures_util::future::BoxFuture;
use gametriggers_persistence::{Source, StorageError};
use mongodb::{
    ClientSession,
    error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{
    MongoStore,
    error::{is_duplicate_key, neutral, neutral_read},
};

/// How long a majority is waited for at each commit.
const MAJORITY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take until it is known whether a transaction was committed: an election takes some ten seconds.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long is spent on telling the server that a transaction is not to be.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);
/// The greatest pause after the first conflict; it doubles from one to the next.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// The doublings of [`PAUSE_FIRST`].
const PAUSE_DOUBLINGS_MAX: u32 = 6;

pub(crate) type TxResult<T> = Result<T, TxError>;

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum TxError {
    /// What the driver or the server said; begun again, it may succeed.
    Driver(Error),
    /// Somebody else has stored in the meantime what was not there; begun again, it is found.
    Overtaken(Source),
    /// A document that is taken to be there, and as it was, did not meet its statement.
    Unmet(Source),
    /// Begun again, it would end the same way.
    Final(StorageError),
}

impl From<Error> for TxError {
    fn from(error: Error) -> Self {
        if is_duplicate_key(&error) {
            // The server has aborted the transaction: what comes next fails with `NoSuchTransaction`, under a label
            // that invites to go on with it for ever.
            Self::Overtaken("another writer stored it first".into())
        } else {
            Self::Driver(error)
        }
    }
}

impl From<StorageError> for TxError {
    fn from(error: StorageError) -> Self {
        Self::Final(error)
    }
}

impl TxError {
    /// Whether the server did not answer.
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Driver(error) => {
                matches!(neutral_read(error.clone()), StorageError::Unavailable { .. })
            }
            Self::Final(error) => matches!(error, StorageError::Unavailable { .. }),
            Self::Overtaken(_) | Self::Unmet(_) => false,
        }
    }

    /// What a caller is told where the transaction is not begun again.
    pub(crate) fn into_storage(self) -> StorageError {
        match self {
            Self::Final(error) => error,
            Self::Overtaken(source) => StorageError::Conflict(source),
            Self::Unmet(source) => StorageError::Backend(source),
            Self::Driver(error) => neutral_read(error),
        }
    }
}

/// No time was left to come to the commit.
pub(crate) fn out_of_time(elapsed: tokio::time::error::Elapsed) -> StorageError {
    StorageError::Unavailable { outcome_unknown: false, source: elapsed.into() }
}

/// How long [`run`] tries until the commit is asked for.
const RUN_TIMEOUT: Duration = Duration::from_secs(10);

/// Does `work` in a transaction, and again in a new one as long as other writers are faster. Ends the transaction also if nobody
/// waits for the answer any more: left open, the transaction would block others.
pub(crate) async fn run<T, W>(store: &MongoStore, work: W) -> Result<T, StorageError>
where
    T: Send + 'static,
    W: for<'s> Fn(MongoStore, &'s mut ClientSession) -> BoxFuture<'s, TxResult<T>> + Send + Sync + 'static,
{
    let store = store.clone();
    let running = tokio::spawn(async move {
        let deadline = Instant::now() + RUN_TIMEOUT;
        let mut attempts = Attempts::until(deadline);
        loop {
            match attempt(&store, deadline, &work).await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.again_after(error).await?,
            };
        }
    });
    running.await.unwrap_or_else(|failed| {
        Err(StorageError::Unavailable { outcome_unknown: true, source: failed.into() })
    })
}

async fn attempt<T, W>(store: &MongoStore, deadline: Instant, work: &W) -> TxResult<T>
where
    W: for<'s> Fn(MongoStore, &'s mut ClientSession) -> BoxFuture<'s, TxResult<T>>,
{
    let mut session = begin(store).await?;
    let worked = timeout_at(deadline, work(store.clone(), &mut session)).await;
    match worked.unwrap_or_else(|elapsed| Err(out_of_time(elapsed).into())) {
        Ok(answer) => commit(&mut session).await.map(|()| answer),
        Err(error) => {
            abort(session, &error).await;
            Err(error)
        }
    }
}

/// Begins a transaction on one state of the store that a majority has, or will have before its commit is durable.
pub(crate) async fn begin(store: &MongoStore) -> TxResult<ClientSession> {
    let mut session = store.client.start_session().await?;
    // Nowhere else: inside a transaction, a command with a write concern is an error, and a collection's is dropped.
    let concern =
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MAJORITY_TIMEOUT).build();
    session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(concern).await?;
    Ok(session)
}

/// Commits the transaction. Where it stays unknown whether that has happened, the error says so.
pub(crate) async fn commit(session: &mut ClientSession) -> TxResult<()> {
    let deadline = Instant::now() + COMMIT_TIMEOUT;
    let mut asked = 0;
    loop {
        let (unknown, may_pass): (Source, bool) =
            match timeout_at(deadline, session.commit_transaction()).await {
                Ok(Ok(())) => return Ok(()),
                // The only word by which it is certain that it was not committed, also by what was asked before.
                Ok(Err(error)) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
                    return Err(error.into());
                }
                Ok(Err(error)) => {
                    let may_pass = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                        || neutral(error.clone()).is_retryable();
                    (error.into(), may_pass)
                }
                Err(elapsed) => (elapsed.into(), false),
            };
        asked += 1;
        pause(asked).await;
        if !may_pass || Instant::now() >= deadline {
            return Err(StorageError::Unavailable { outcome_unknown: true, source: unknown }.into());
        }
    }
}

/// Ends a transaction that is not to be, if the server can be told; where it cannot, whoever meets it there will
/// ([`orphans`](super::orphans)).
pub(crate) async fn abort(mut session: ClientSession, error: &TxError) {
    if !error.is_unavailable() {
        // It fails where there is nothing left to abort.
        timeout(ABORT_TIMEOUT, session.abort_transaction()).await.ok();
    }
}

/// Attempts at one transaction, until a deadline: as long as that lasts, a transaction is begun again where another writer
/// was faster or the primary went away.
pub(crate) struct Attempts {
    deadline: Instant,
    failed: u32,
}

impl Attempts {
    pub(crate) const fn until(deadline: Instant) -> Self {
        Self { deadline, failed: 0 }
    }

    /// Waits until the transaction may be begun again, and returns why it was not committed.
    ///
    /// # Errors
    /// What the caller is told instead: the error is final, or there is no time left.
    pub(crate) async fn again_after(&mut self, error: TxError) -> Result<StorageError, StorageError> {
        let error = match error {
            TxError::Final(error) => return Err(error),
            other => other.into_storage(),
        };
        if !error.is_retryable() || error.outcome_unknown() {
            return Err(error);
        }
        self.failed += 1;
        pause(self.failed).await;
        if Instant::now() >= self.deadline { Err(error) } else { Ok(error) }
    }
}

/// Waits a random part of what the how many-th pause may take at most, so that those in conflict part ways.
async fn pause(number: u32) {
    let most = PAUSE_FIRST * 2_u32.pow(number.saturating_sub(1).min(PAUSE_DOUBLINGS_MAX));
    let share = getrandom::u32().unwrap_or(u32::MAX);
    sleep(most.mul_f64(f64::from(share) / f64::from(u32::MAX))).await;
}
