//! The thread that writes to the store, and the queue in front of it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Instant,
};

use gametriggers_persistence::StorageError;
use rusqlite::Connection;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout_at,
};

use super::{GRACE, ensure_time_left, unavailable, wait_for_locks};
use crate::error::{DbError, DbResult};

/// How many tasks may wait for the thread.
const QUEUE_MAX: usize = 1_024;

/// Sends tasks to the thread that does all writing, one task after the other. The thread ends when the `Writer` is
/// dropped.
pub(super) struct Writer {
    sender: Sender<Job>,
    /// The places in the queue.
    places: Arc<Semaphore>,
}

/// What happens to a task that finds the queue full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfFull {
    /// The task is refused at once.
    Refuse,
    /// The task waits for a place until its deadline, and gets one before all tasks that come later. This is for a
    /// batch of events: there is one batch at a time, and many callers wait for it.
    Wait,
}

/// A task for the connection that writes.
struct Job {
    /// The task's place in the queue, given back when the thread takes the task.
    place: OwnedSemaphorePermit,
    turn: Arc<Turn>,
    deadline: Instant,
    task: Box<dyn FnOnce(&mut Connection) + Send>,
}

impl Writer {
    pub(super) fn spawn(mut connection: Connection) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Job>();
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            for job in receiver {
                job.run(&mut connection);
            }
        })?;
        Ok(Self { sender, places: Arc::new(Semaphore::new(QUEUE_MAX)) })
    }

    /// Begins `task` before the deadline or not at all. A task that was begun runs to its end, even if nobody waits for
    /// it any more.
    ///
    /// # Errors
    /// The errors of the task. [`StorageError::Unavailable`] if the queue is full or the deadline has passed; the
    /// outcome is unknown only if the task was begun.
    pub(super) async fn run<T, F>(
        &self,
        deadline: Instant,
        if_full: IfFull,
        task: F,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> DbResult<T> + Send + 'static,
    {
        let place = self.place(deadline, if_full).await?;
        let (answer, answered) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        let job = Job {
            place,
            turn: turn.clone(),
            deadline,
            task: Box::new(move |connection| {
                answer.send(task(connection)).ok();
            }),
        };
        let ended = |_| StorageError::Backend("the thread that writes has ended".into());
        self.sender.send(job).map_err(ended)?;
        match timeout_at((deadline + GRACE).into(), answered).await {
            Ok(Ok(answer)) => answer.map_err(DbError::neutral),
            Ok(Err(_)) if turn.was_begun() => {
                Err(StorageError::Backend("a task that writes has failed".into()))
            }
            Ok(Err(_)) => Err(unavailable(false, "others held up the store until the deadline")),
            Err(_) => Err(unavailable(!turn.give_up(), "the store did not answer in time")),
        }
    }

    /// Takes a place in the queue.
    async fn place(&self, deadline: Instant, if_full: IfFull) -> Result<OwnedSemaphorePermit, StorageError> {
        let places = self.places.clone();
        let place = match if_full {
            IfFull::Refuse => places.try_acquire_owned().ok(),
            IfFull::Wait => {
                timeout_at(deadline.into(), places.acquire_owned()).await.ok().and_then(Result::ok)
            }
        };
        place.ok_or_else(|| unavailable(false, "more changes wait for the store than it keeps up with"))
    }
}

impl Job {
    fn run(self, connection: &mut Connection) {
        drop(self.place);
        if ensure_time_left(self.deadline).is_err() || !self.turn.begin() {
            return;
        }
        // This fails only for a connection that is in use.
        wait_for_locks(connection, self.deadline).ok();
        // A panic concerns only the caller of this task. The task's transaction was rolled back when it was dropped.
        catch_unwind(AssertUnwindSafe(|| (self.task)(connection))).ok();
    }
}

/// Whether a task was begun by the thread or given up by its caller. Only one of the two ever happens.
#[derive(Default)]
struct Turn(AtomicU8);

impl Turn {
    const WAITING: u8 = 0;
    const BEGUN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Marks the task as begun. Returns false if its caller has given it up.
    fn begin(&self) -> bool {
        self.become_once(Self::BEGUN)
    }

    /// Marks the task as given up. Returns false if the thread has begun it.
    fn give_up(&self) -> bool {
        self.become_once(Self::GIVEN_UP)
    }

    fn was_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) == Self::BEGUN
    }

    fn become_once(&self, state: u8) -> bool {
        self.0.compare_exchange(Self::WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
