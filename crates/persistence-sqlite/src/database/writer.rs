//! The thread that writes, and the queue before it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread,
    time::Instant,
};

use gametriggers_persistence::StorageError;
use rusqlite::Connection;
use tokio::{sync::oneshot, time::timeout_at};

use super::{GRACE, left_until, unavailable};
use crate::error::{DbError, DbResult};

/// Tasks that may wait for the thread; more are refused at once.
const QUEUE_MAX: usize = 1_024;

/// To the thread on which all writing is done, one task after the other. The thread ends when this is dropped.
pub(super) struct Writer(SyncSender<Job>);

/// What is to be done on the writing connection.
struct Job {
    turn: Arc<Turn>,
    deadline: Instant,
    task: Box<dyn FnOnce(&mut Connection) + Send>,
}

impl Writer {
    pub(super) fn spawn(mut connection: Connection) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel::<Job>(QUEUE_MAX);
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            for job in receiver {
                job.run(&mut connection);
            }
        })?;
        Ok(Self(sender))
    }

    /// Runs `task` before the deadline or not at all. Once begun, it is done to its end, also if nobody waits for it any more.
    ///
    /// # Errors
    /// Those of the task; [`StorageError::Unavailable`] if the queue is full or the deadline has passed, with an unknown
    /// outcome only where the task was begun.
    pub(super) async fn run<T, F>(&self, deadline: Instant, task: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> DbResult<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        let job = Job {
            turn: turn.clone(),
            deadline,
            task: Box::new(move |connection| {
                answer.send(task(connection)).ok();
            }),
        };
        self.0.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => {
                unavailable(false, "more changes wait for the store than it keeps up with")
            }
            TrySendError::Disconnected(_) => StorageError::Backend("the thread that writes has ended".into()),
        })?;
        match timeout_at((deadline + GRACE).into(), answered).await {
            Ok(Ok(answer)) => answer.map_err(DbError::neutral),
            Ok(Err(_)) if turn.was_begun() => {
                Err(StorageError::Backend("a task that writes has failed".into()))
            }
            Ok(Err(_)) => Err(unavailable(false, "others held up the store until the deadline")),
            Err(_) => Err(unavailable(!turn.give_up(), "the store did not answer in time")),
        }
    }
}

impl Job {
    fn run(self, connection: &mut Connection) {
        let Ok(left) = left_until(self.deadline) else { return };
        if !self.turn.begin() {
            return;
        }
        // It fails only for a connection in use.
        connection.busy_timeout(left).ok();
        // A panic is its caller's alone; its transaction was rolled back when it was dropped.
        catch_unwind(AssertUnwindSafe(|| (self.task)(connection))).ok();
    }
}

/// Whether a task has been begun, or given up by whoever asked for it: only one of the two ever happens.
#[derive(Default)]
struct Turn(AtomicU8);

impl Turn {
    const WAITING: u8 = 0;
    const BEGUN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// False if it was given up.
    fn begin(&self) -> bool {
        self.become_once(Self::BEGUN)
    }

    /// False if it was begun.
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
