//! One file, one connection that writes, on a thread of its own, and a few that read, all off the async threads.
//!
//! Every call has a deadline, counted from the moment it was asked: a lock that another process holds, a full queue or a
//! disk that hangs makes a call fail in time, and never the ones after it.

mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use gametriggers_persistence::StorageError;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout_at,
};

use self::writer::{IfFull, Writer};
use crate::{
    error::{DbError, DbResult, from_sqlite},
    files,
};

/// Readers at once; more wait.
const READERS: usize = 8;
/// How long what a request waits for may take, from the moment it was asked.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The same for a step of a command, which nobody waits for in front of a screen.
pub(crate) const STEP_WITHIN: Duration = Duration::from_mins(1);
/// How long after its deadline a call is still waited for: what has given up by itself says more about why.
const GRACE: Duration = Duration::from_millis(250);
/// Between attempts at what SQLite does not wait for by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Pages of the write-ahead log after which they are copied to the file, 12 MB. SQLite's own 1,000 are no more than a few batches
/// of events, and most of them would be copied again after the next few.
const CHECKPOINT_PAGES: u32 = 3_000;

#[derive(Clone)]
pub(crate) struct Database {
    inner: Arc<Inner>,
    /// How long each call may take.
    within: Duration,
}

struct Inner {
    path: PathBuf,
    writer: Writer,
    idle_readers: Mutex<Vec<Connection>>,
    reader_permits: Arc<Semaphore>,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, StorageError> {
        let path = path.to_owned();
        run_blocking(move || {
            files::prepare(&path).map_err(|error| StorageError::Unavailable {
                outcome_unknown: false,
                source: error.into(),
            })?;
            let writer = connect(&path)?;
            use_write_ahead_log(&writer)?;
            writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            let inner = Inner {
                path,
                writer: Writer::spawn(writer).map_err(|error| StorageError::Backend(error.into()))?,
                idle_readers: Mutex::default(),
                reader_permits: Arc::new(Semaphore::new(READERS)),
            };
            Ok(Self { inner: Arc::new(inner), within: ANSWER_WITHIN })
        })
        .await
    }

    /// The same database, whose calls may take longer or less long.
    pub(crate) fn within(&self, within: Duration) -> Self {
        Self { inner: self.inner.clone(), within }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Runs `query` on one consistent state of the store.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    {
        let deadline = Instant::now() + self.within;
        let inner = self.inner.clone();
        let permit = permit(&inner.reader_permits, deadline).await?;
        let reading = run_blocking(move || {
            let _held_to_the_end = permit;
            let left = left_until(deadline)?;
            let idle = lock(&inner.idle_readers).pop();
            let mut connection = idle.map_or_else(|| connect(&inner.path), Ok)?;
            connection.busy_timeout(left)?;
            let transaction = connection.transaction()?;
            let answer = query(&transaction);
            drop(transaction);
            lock(&inner.idle_readers).push(connection);
            answer
        });
        match timeout_at((deadline + GRACE).into(), reading).await {
            Ok(answer) => answer,
            Err(_) => Err(unavailable(false, "the store did not answer in time")),
        }
    }

    /// Runs `query` on one consistent state of the store, which is held for as long as it takes, on a connection of its own:
    /// nobody waits for it.
    pub(crate) async fn read_at_length<T, F>(&self, query: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    {
        let path = self.inner.path.clone();
        run_blocking(move || {
            let mut connection = connect(&path)?;
            connection.busy_timeout(STEP_WITHIN)?;
            let transaction = connection.transaction()?;
            query(&transaction)
        })
        .await
    }

    /// Runs `change` in a transaction of its own and commits it unless it fails. Durable on return.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> DbResult<T> + Send + 'static,
    {
        self.with_writer(move |connection| {
            let transaction = begin(connection)?;
            let answer = change(&transaction)?;
            commit(transaction)?;
            Ok(answer)
        })
        .await
    }

    /// Runs `task` on the writing connection outside any transaction.
    pub(crate) async fn with_writer<T, F>(&self, task: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> DbResult<T> + Send + 'static,
    {
        self.inner.writer.run(Instant::now() + self.within, IfFull::Refuse, task).await
    }

    /// As [`with_writer`](Self::with_writer), and also while more others wait than may: for the one batch of events of this
    /// process.
    pub(crate) async fn with_writer_in_any_case<T, F>(&self, task: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> DbResult<T> + Send + 'static,
    {
        self.inner.writer.run(Instant::now() + self.within, IfFull::Wait, task).await
    }
}

/// A transaction that changes something: nobody else's does until its end.
pub(crate) fn begin(connection: &mut Connection) -> DbResult<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Makes durable what a transaction has changed.
pub(crate) fn commit(transaction: Transaction<'_>) -> DbResult<()> {
    Ok(transaction.commit().map_err(|error| from_sqlite(error, true))?)
}

/// A permit that goes with the work, also if nobody waits for its answer any more.
async fn permit(semaphore: &Arc<Semaphore>, deadline: Instant) -> Result<OwnedSemaphorePermit, StorageError> {
    match timeout_at(deadline.into(), semaphore.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        // It is never closed.
        Ok(Err(closed)) => Err(StorageError::Backend(closed.into())),
        Err(_) => Err(unavailable(false, "more reads wait for the store than it keeps up with")),
    }
}

/// How long a lock may be waited for.
///
/// # Errors
/// If the deadline has passed: whoever asked has been told so, and the work is not begun.
fn left_until(deadline: Instant) -> DbResult<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(unavailable(false, "the store did not answer in time").into()),
        // Less than SQLite's unit of time would be no wait at all.
        left => Ok(left.max(Duration::from_millis(1))),
    }
}

fn unavailable(outcome_unknown: bool, why: &str) -> StorageError {
    StorageError::Unavailable { outcome_unknown, source: why.into() }
}

/// A connection to the file, which [has been made](files::prepare).
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(ANSWER_WITHIN)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Of several processes that open a new file at once, one changes its journal; SQLite lets the others wait for no lock here.
fn use_write_ahead_log(connection: &Connection) -> DbResult<()> {
    let started = Instant::now();
    loop {
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        match connection.pragma_update_and_check(None, "journal_mode", "wal", mode) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < ANSWER_WITHIN =>
            {
                thread::sleep(BUSY_PAUSE);
            }
            Ok(mode) if mode != "wal" => {
                let why = "the file system has no shared memory for a write-ahead log: keep the store on a local disk";
                return Err(StorageError::Backend(why.into()).into());
            }
            done => return Ok(done.map(|_| ())?),
        }
    }
}

/// A panic in one call leaves the connection usable: its transaction was rolled back when it was dropped.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) async fn run_blocking<T, F>(task: F) -> Result<T, StorageError>
where
    T: Send + 'static,
    F: FnOnce() -> DbResult<T> + Send + 'static,
{
    match spawn_blocking(task).await {
        Ok(answer) => answer.map_err(DbError::neutral),
        Err(panicked) => Err(StorageError::Backend(panicked.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    async fn database() -> (Database, TempDir) {
        let folder = TempDir::new().unwrap();
        let database = Database::open(&folder.path().join("test.db")).await.unwrap();
        database.write(|db| Ok(db.execute_batch("CREATE TABLE notes (text TEXT)")?)).await.unwrap();
        (database, folder)
    }

    /// What hangs until the sender is dropped, as a disk may.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce() -> DbResult<()> + Send + 'static) {
        let (sender, receiver) = mpsc::channel();
        (sender, move || {
            receiver.recv().ok();
            Ok(())
        })
    }

    fn assert_unavailable<T: std::fmt::Debug>(answer: &Result<T, StorageError>, is_unknown: bool) {
        let Err(StorageError::Unavailable { outcome_unknown, .. }) = answer else { panic!("{answer:?}") };
        assert_eq!(*outcome_unknown, is_unknown, "{answer:?}");
    }

    #[tokio::test]
    async fn reads_that_hang_are_given_up_in_time_and_so_are_those_behind_them() {
        let (database, _folder) = database().await;
        let short = database.within(SHORT);
        let mut held = Vec::new();
        let mut reads = JoinSet::new();
        for _ in 0..READERS {
            let (sender, hang) = hanging();
            held.push(sender);
            let short = short.clone();
            reads.spawn(async move { short.read(move |_| hang()).await });
        }
        for answer in reads.join_all().await {
            assert_unavailable(&answer, false);
        }
        assert_unavailable(&short.read(|_| Ok(())).await, false);
        drop(held);
        database.read(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_write_that_hangs_is_said_to_be_unknown_and_those_behind_it_are_not_begun() {
        let (database, _folder) = database().await;
        let short = database.within(SHORT);
        let note = |text: &'static str| {
            move |db: &Transaction<'_>| Ok(db.execute("INSERT INTO notes (text) VALUES (?)", [text])?)
        };
        let (sender, hang) = hanging();
        let begun = short.write(move |db| {
            note("begun")(db)?;
            hang()
        });
        assert_unavailable(&begun.await, true);
        assert_unavailable(&short.write(note("behind")).await, false);
        drop(sender);
        database.write(note("after")).await.unwrap();
        let notes =
            |db: &Connection| Ok(db.query_row("SELECT group_concat(text) FROM notes", [], |row| row.get(0))?);
        let notes: String = database.read(notes).await.unwrap();
        assert_eq!(notes, "begun,after", "what was begun was done to its end");
    }

    /// A task that panics has changed nothing, and the next one succeeds.
    #[tokio::test]
    async fn a_panic_is_its_callers_alone() {
        let (database, _folder) = database().await;
        let panicking = database.write(|db| -> DbResult<()> {
            db.execute("INSERT INTO notes (text) VALUES ('panic')", [])?;
            panic!("on purpose");
        });
        assert!(matches!(panicking.await, Err(StorageError::Backend(_))));
        let count = |db: &Transaction<'_>| {
            Ok(db.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(database.write(count).await.unwrap(), 0);
    }
}
