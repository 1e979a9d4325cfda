//! Transactions of the ledger and the journal. They begin with the guarantees that both need, and are begun again if
//! another writer was faster. No transaction is reported as failed if it may have been committed.

use std::time::Duration;

use futures_util::future::BoxFuture;
use gametriggers_persistence::{Source, StorageError};
use mongodb::{
    ClientSession,
    error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use tokio::{
    sync::MutexGuard,
    time::{Instant, error::Elapsed, sleep, timeout, timeout_at},
};

use crate::{
    MongoStore,
    error::{WRITE_CONFLICT, code, is_duplicate_key, neutral, neutral_read},
    ledger::Committer,
};

/// How long each commit waits for a majority.
const MAJORITY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits to learn whether its transaction was committed. An election takes some ten seconds.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an abort may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);
/// The greatest pause after the first conflict. It doubles with each further conflict.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// How often [`PAUSE_FIRST`] doubles at most.
const PAUSE_DOUBLINGS_MAX: u32 = 6;

pub(crate) type TxResult<T> = Result<T, TxError>;

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum TxError {
    /// An error of the driver or the server. A new attempt may succeed.
    Driver(Error),
    /// Another writer has meanwhile stored a document that was absent. A new attempt finds it.
    Overtaken(Source),
    /// A statement relied on a document that is absent or has changed.
    Unmet(Source),
    /// A new attempt would end the same way.
    Final(StorageError),
}

impl From<Error> for TxError {
    fn from(error: Error) -> Self {
        if is_duplicate_key(&error) {
            // The server has aborted the transaction. The next command would fail with `NoSuchTransaction`, and the
            // label of this error would ask the caller to go on for ever.
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
    /// Whether another transaction was changing, or has just changed, the same document.
    pub(crate) fn is_write_conflict(&self) -> bool {
        matches!(self, Self::Driver(error) if code(error) == Some(WRITE_CONFLICT))
    }

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

    /// The error for the caller if the transaction is not begun again.
    pub(crate) fn into_storage(self) -> StorageError {
        match self {
            Self::Final(error) => error,
            Self::Overtaken(source) => StorageError::Conflict(source),
            Self::Unmet(source) => StorageError::Backend(source),
            Self::Driver(error) => neutral_read(error),
        }
    }
}

/// The error of a transaction whose time was over before its commit.
pub(crate) fn out_of_time(elapsed: Elapsed) -> StorageError {
    StorageError::Unavailable { outcome_unknown: false, source: elapsed.into() }
}

/// How long [`run`] tries until it asks for the commit.
const RUN_TIMEOUT: Duration = Duration::from_secs(10);

/// Does `work` in a transaction, and again in a new one while other writers are faster. The transaction is ended even
/// if nobody waits for the answer any more, because an open transaction would block others.
pub(crate) async fn run<T, W>(store: &MongoStore, work: W) -> Result<T, StorageError>
where
    T: Send + 'static,
    W: for<'s> Fn(MongoStore, &'s mut ClientSession) -> BoxFuture<'s, TxResult<T>> + Send + Sync + 'static,
{
    let store = store.clone();
    let running = tokio::spawn(async move {
        let deadline = Instant::now() + RUN_TIMEOUT;
        let mut committer = None;
        let answer = run_before(&store, deadline, &work, &mut committer).await;
        if let Some(committer) = &mut committer {
            committer.turn.give_back(&store, deadline).await;
        }
        answer
    });
    running.await.unwrap_or_else(|failed| {
        Err(StorageError::Unavailable { outcome_unknown: true, source: failed.into() })
    })
}

/// Does `work` until it succeeds. After a conflict, locks the `committer` and takes the turn, because batches of events follow each
/// other so closely that a transaction between them needs it.
async fn run_before<'a, T, W>(
    store: &'a MongoStore,
    deadline: Instant,
    work: &W,
    committer: &mut Option<MutexGuard<'a, Committer>>,
) -> Result<T, StorageError>
where
    W: for<'s> Fn(MongoStore, &'s mut ClientSession) -> BoxFuture<'s, TxResult<T>>,
{
    let mut attempts = Attempts::until(deadline);
    loop {
        let error = match attempt(store, deadline, work).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let has_met_another = error.is_write_conflict();
        attempts.again_after(error, committer.is_some()).await?;
        if has_met_another
            && committer.is_none()
            && let Ok(mut locked) = timeout_at(deadline, store.committer.lock()).await
        {
            locked.turn.met_another();
            locked.turn.take(store, deadline).await;
            *committer = Some(locked);
        }
    }
}

async fn attempt<T, W>(store: &MongoStore, deadline: Instant, work: &W) -> TxResult<T>
where
    W: for<'s> Fn(MongoStore, &'s mut ClientSession) -> BoxFuture<'s, TxResult<T>>,
{
    let mut session = begin(store).await?;
    let worked = timeout_at(deadline, work(store.clone(), &mut session)).await;
    end(session, worked).await
}

/// Begins a transaction on one state of the store, in a session of its own. A session is of no more use after a call that
/// did not come to its end. A majority has the state, or will have it before the transaction's commit is durable.
pub(crate) async fn begin(store: &MongoStore) -> TxResult<ClientSession> {
    let mut session = store.client.start_session().await?;
    // The write concern is set only here. Inside a transaction, a command with a write concern is an error, and a
    // collection's write concern is ignored.
    let concern =
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(MAJORITY_TIMEOUT).build();
    session.start_transaction().read_concern(ReadConcern::snapshot()).write_concern(concern).await?;
    Ok(session)
}

/// Ends a transaction, and returns the answer of what was done in it. Commits the transaction if `worked` is an answer.
/// Aborts the transaction if `worked` is an error or was not there in time.
pub(crate) async fn end<T>(mut session: ClientSession, worked: Result<TxResult<T>, Elapsed>) -> TxResult<T> {
    match worked.unwrap_or_else(|elapsed| Err(out_of_time(elapsed).into())) {
        Ok(answer) => commit(&mut session).await.map(|()| answer),
        Err(error) => {
            abort(session, &error).await;
            Err(error)
        }
    }
}

/// Commits the transaction. If it stays unknown whether the transaction was committed, the error says so.
async fn commit(session: &mut ClientSession) -> TxResult<()> {
    let deadline = Instant::now() + COMMIT_TIMEOUT;
    let mut asked = 0;
    loop {
        let (unknown, may_pass): (Source, bool) =
            match timeout_at(deadline, session.commit_transaction()).await {
                Ok(Ok(())) => return Ok(()),
                // Only this label makes it certain that no request to commit has succeeded, neither this one nor an
                // earlier one.
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

/// Aborts a transaction, if the server can be told. If it cannot, a process that meets the transaction aborts it
/// ([`orphans`](super::orphans)).
async fn abort(mut session: ClientSession, error: &TxError) {
    if !error.is_unavailable() {
        // This fails if there is nothing left to abort.
        timeout(ABORT_TIMEOUT, session.abort_transaction()).await.ok();
    }
}

/// The attempts at one transaction. Until the deadline, the transaction is begun again if another writer was faster or
/// the primary went away.
pub(crate) struct Attempts {
    deadline: Instant,
    failed: u32,
}

impl Attempts {
    pub(crate) const fn until(deadline: Instant) -> Self {
        Self { deadline, failed: 0 }
    }

    /// Waits until the transaction may be begun again, and returns why it was not committed. `has_turn` says whether other
    /// processes wait meanwhile. Then the pause is short.
    ///
    /// # Errors
    /// The error for the caller, if the error is final or no time is left.
    pub(crate) async fn again_after(
        &mut self,
        error: TxError,
        has_turn: bool,
    ) -> Result<StorageError, StorageError> {
        let error = match error {
            TxError::Final(error) => return Err(error),
            other => other.into_storage(),
        };
        if !error.is_retryable() || error.outcome_unknown() {
            return Err(error);
        }
        self.failed += 1;
        pause(if has_turn { 1 } else { self.failed }).await;
        if Instant::now() >= self.deadline { Err(error) } else { Ok(error) }
    }
}

/// Waits after conflict `number`, for a random part of the greatest pause, so that the transactions do not conflict
/// again.
async fn pause(number: u32) {
    let most = PAUSE_FIRST * 2_u32.pow(number.saturating_sub(1).min(PAUSE_DOUBLINGS_MAX));
    let share = getrandom::u32().unwrap_or(u32::MAX);
    sleep(most.mul_f64(f64::from(share) / f64::from(u32::MAX))).await;
}
