//! One file, one connection that writes, on a thread of its own, and a few that read, all off the async threads.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use gametriggers_persistence::StorageError;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
};

use crate::error::{DbError, DbResult, from_sqlite};

/// Readers at once; more wait.
const READERS: usize = 8;
/// How long another process's write is waited for before the store counts as unavailable.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Between attempts at what SQLite does not wait for by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Pages of the write-ahead log after which they are copied to the file, 12 MB. SQLite's own 1,000 are no more than a few batches
/// of events, and most of them would be copied again after the next few.
const CHECKPOINT_PAGES: u32 = 3_000;

/// What is to be done on the writing connection.
type Writing = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Clone)]
pub(crate) struct Database(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// To the thread that writes, which ends when this is dropped.
    writer: mpsc::Sender<Writing>,
    idle_readers: Mutex<Vec<Connection>>,
    reader_permits: Arc<Semaphore>,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Self, StorageError> {
        let path = path.to_owned();
        run_blocking(move || {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::create_dir_all(folder).map_err(|error| StorageError::Unavailable {
                    outcome_unknown: false,
                    source: format!("cannot make the folder {}: {error}", folder.display()).into(),
                })?;
            }
            let writer = connect(&path)?;
            use_write_ahead_log(&writer)?;
            writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            Ok(Self(Arc::new(Inner {
                path,
                writer: spawn_writer(writer).map_err(|error| StorageError::Backend(error.into()))?,
                idle_readers: Mutex::default(),
                reader_permits: Arc::new(Semaphore::new(READERS)),
            })))
        })
        .await
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs `query` on one consistent state of the store.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> DbResult<T> + Send + 'static,
    {
        let inner = self.0.clone();
        let permit = permit(&self.0.reader_permits).await;
        run_blocking(move || {
            let _held_to_the_end = permit;
            let idle = lock(&inner.idle_readers).pop();
            let mut connection = idle.map_or_else(|| connect(&inner.path), Ok)?;
            let transaction = connection.transaction()?;
            let answer = query(&transaction);
            drop(transaction);
            lock(&inner.idle_readers).push(connection);
            answer
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
        let (answer, answered) = oneshot::channel();
        let writing: Writing = Box::new(move |connection| {
            // Whoever waited may be gone; what was begun is done to its end all the same.
            answer.send(task(connection)).ok();
        });
        let stopped = || StorageError::Backend("the thread that writes has failed".into());
        self.0.writer.send(writing).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?.map_err(DbError::neutral)
    }
}

/// Starts the thread on which all writing is done, one after the other.
fn spawn_writer(mut connection: Connection) -> io::Result<mpsc::Sender<Writing>> {
    let (sender, receiver) = mpsc::channel::<Writing>();
    thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
        for writing in receiver {
            // A panic is its caller's alone; its transaction was rolled back when it was dropped.
            catch_unwind(AssertUnwindSafe(|| writing(&mut connection))).ok();
        }
    })?;
    Ok(sender)
}

/// A transaction that changes something: nobody else's does until its end.
pub(crate) fn begin(connection: &mut Connection) -> DbResult<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Makes durable what a transaction has changed.
pub(crate) fn commit(transaction: Transaction<'_>) -> DbResult<()> {
    Ok(transaction.commit().map_err(|error| from_sqlite(error, true))?)
}

/// A permit that goes with the work, also if nobody waits for its answer any more. The semaphore is never closed, so there
/// is always one in the end.
async fn permit(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    semaphore.clone().acquire_owned().await.ok()
}

pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Of several processes that open a new file at once, one changes its journal; SQLite lets the others wait for no lock here.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < BUSY_TIMEOUT =>
            {
                thread::sleep(BUSY_PAUSE);
            }
            done => return done,
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
