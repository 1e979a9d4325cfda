//! The connections to the file of the store. One connection writes, on a thread of its own. A few connections read. All
//! of them work outside the async threads.
//!
//! Every call except `read_at_length` has a deadline, counted from the moment of the call. A call fails in time if
//! another process holds a lock, a queue is full or a disk hangs. Such a failure does not break the calls after it.

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

/// How many reads run at once. Further reads wait.
const READERS: usize = 8;
/// How long a call may take if it serves a request. The time counts from the moment of the call.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a call may take if it serves a command of the program, such as an import. It may take longer than a call
/// for a request, because no page waits for the answer.
pub(crate) const STEP_WITHIN: Duration = Duration::from_mins(1);
/// How long a caller still waits after the deadline. In this time, SQLite or the writing thread can give up the call
/// with an exact reason. After it, the caller only learns that the store did not answer in time.
const GRACE: Duration = Duration::from_millis(250);
/// The pause between two attempts at an operation for which SQLite does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// The pause after the first attempt to get a lock. It doubles with each further attempt.
const LOCK_PAUSE_FIRST: Duration = Duration::from_millis(1);
/// How often [`LOCK_PAUSE_FIRST`] doubles at most.
const LOCK_PAUSE_DOUBLINGS_MAX: u32 = 6;

/// When the write-ahead log has this many pages (12 MB), SQLite copies them to the file. SQLite's default is 1,000
/// pages. They hold only a few batches of events, and most of these pages would be copied again after the next few
/// batches.
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

    /// The same database with another limit for how long each call may take.
    pub(crate) fn within(&self, within: Duration) -> Self {
        Self { inner: self.inner.clone(), within }
    }

    /// The path of the file.
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
            ensure_time_left(deadline)?;
            let idle = lock(&inner.idle_readers).pop();
            let mut connection = idle.map_or_else(|| connect(&inner.path), Ok)?;
            wait_for_locks(&mut connection, deadline)?;
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

    /// Runs `query` on one consistent state of the store, on a connection of its own. The query may take as long as it
    /// needs, because nobody waits for this connection.
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

    /// Runs `change` in a transaction of its own, and commits the transaction unless `change` fails. The change is
    /// durable when this returns.
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

    /// As [`with_writer`](Self::with_writer), but if the queue is full, `task` waits for a place in it. Only batches of
    /// events use this. A process records one batch at a time.
    pub(crate) async fn with_writer_in_any_case<T, F>(&self, task: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> DbResult<T> + Send + 'static,
    {
        self.inner.writer.run(Instant::now() + self.within, IfFull::Wait, task).await
    }
}

/// Begins a transaction that writes. Nobody else can write until its end.
pub(crate) fn begin(connection: &mut Connection) -> DbResult<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Commits a transaction, which makes its changes durable.
pub(crate) fn commit(transaction: Transaction<'_>) -> DbResult<()> {
    Ok(transaction.commit().map_err(|error| from_sqlite(error, true))?)
}

/// Waits for a permit. The work holds the permit to its end, even if nobody waits for the answer any more.
async fn permit(semaphore: &Arc<Semaphore>, deadline: Instant) -> Result<OwnedSemaphorePermit, StorageError> {
    match timeout_at(deadline.into(), semaphore.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        // The semaphore is never closed.
        Ok(Err(closed)) => Err(StorageError::Backend(closed.into())),
        Err(_) => Err(unavailable(false, "more reads wait for the store than it keeps up with")),
    }
}

/// Checks that there is time left.
///
/// # Errors
/// If the deadline has passed. The caller has been told so, and the work must not begin.
fn ensure_time_left(deadline: Instant) -> DbResult<()> {
    if deadline.saturating_duration_since(Instant::now()).is_zero() {
        return Err(unavailable(false, "the store did not answer in time").into());
    }
    Ok(())
}

/// Lets the connection wait for locks until the deadline.
///
/// SQLite's own `busy_timeout` reads no clock. It adds up the pauses that it asks for. On a busy machine each pause takes
/// longer, so `busy_timeout` would end after the caller has stopped waiting, and the caller would not learn the outcome.
fn wait_for_locks(connection: &mut Connection, deadline: Instant) -> rusqlite::Result<()> {
    connection.busy_handler(Some(move |attempts: i32| {
        let pause = LOCK_PAUSE_FIRST * 2_u32.pow(attempts.unsigned_abs().min(LOCK_PAUSE_DOUBLINGS_MAX));
        let left = deadline.saturating_duration_since(Instant::now());
        thread::sleep(pause.min(left));
        !left.is_zero()
    }))
}

fn unavailable(outcome_unknown: bool, why: &str) -> StorageError {
    StorageError::Unavailable { outcome_unknown, source: why.into() }
}

/// Opens a connection to the file, which [must exist](files::prepare).
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    #[cfg(test)]
    let connection = crate::explain::watched(connection, path);
    connection.busy_timeout(ANSWER_WITHIN)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Switches the file to a write-ahead log. If several processes open a new file at the same moment, one of them
/// switches it. SQLite does not let the others wait for the lock, but gives them an error. They try again here.
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

/// Locks a mutex, even if a call has panicked while it held the lock. A connection stays usable after a panic, because
/// dropping its transaction rolls the transaction back.
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

    /// A task that hangs until the sender is dropped. It stands for a disk that hangs.
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
