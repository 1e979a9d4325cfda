//! Records visits through tracking links. Viewers are redirected at once, and their visits are recorded afterwards.
//!
//! While the store is unavailable, visits wait in memory. They are lost only if the process dies during that time, or
//! if too many are waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use gametriggers_domain::ledger::Entry;
use gametriggers_persistence::StorageError;
use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::TrySendError},
    },
    time::{sleep, timeout},
};

use crate::{
    ServiceError,
    link::{Certainty, Link, Links},
    recorder::Recorder,
    tasks::{Next, Tasks, Work},
};

/// The greatest number of waiting visits. Further visits are not counted.
pub const VISITS_MAX: usize = 8_192;
/// The greatest number of visits that are recorded at once.
const BATCH_MAX: usize = 512;
/// How long a viewer waits for a place in the queue if the store is available but slow.
const ROOM_WITHIN: Duration = Duration::from_secs(1);
/// The pause before another attempt after the store was unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The entrance of the queue of visits. Clones share the queue.
#[derive(Clone)]
pub(crate) struct Visits {
    sender: mpsc::Sender<Entry>,
    waiting: Arc<Waiting>,
}

/// The visits that have been accepted but not recorded.
#[derive(Clone)]
pub struct PendingVisits(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    count: AtomicUsize,
    none_left: Notify,
    /// Whether the store is unavailable.
    is_stuck: AtomicBool,
    /// The number of visits that were refused since a visit was last recorded.
    refused: AtomicU64,
}

impl PendingVisits {
    /// The number of pending visits.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Returns when no visits are pending: each was recorded or does not count.
    pub async fn settled(&self) {
        loop {
            let none_left = self.0.none_left.notified();
            if self.count() == 0 {
                return;
            }
            none_left.await;
        }
    }
}

impl Waiting {
    fn settle(&self, count: usize) {
        if self.count.fetch_sub(count, Ordering::SeqCst) == count {
            self.none_left.notify_waiters();
        }
    }

    /// Notes a visit that will not be counted. The first one is logged; the total is logged when visits are recorded
    /// again.
    fn refuse(&self) {
        if self.refused.fetch_add(1, Ordering::SeqCst) == 0 {
            tracing::warn!(
                waiting = VISITS_MAX,
                "too many visits wait for the store: further ones are led on and not counted"
            );
        }
    }
}

impl Visits {
    /// A queue that is recorded by this recorder. One of the `tasks` records; that task ends when the last clone is dropped
    /// and everything is recorded. Must be called within a Tokio runtime.
    pub(crate) fn new(links: Links, recorder: Recorder, tasks: &Tasks) -> Self {
        let (sender, receiver) = mpsc::channel(VISITS_MAX);
        let waiting = Arc::<Waiting>::default();
        tasks.start_until_drained(Recording { links, recorder, waiting: waiting.clone(), receiver });
        Self { sender, waiting }
    }

    pub(crate) fn pending(&self) -> PendingVisits {
        PendingVisits(self.waiting.clone())
    }

    /// Accepts a visit. Whether it counts is decided when it is recorded.
    pub(crate) async fn take(&self, visit: Entry) {
        let room = match self.sender.try_reserve() {
            Err(TrySendError::Full(())) if !self.waiting.is_stuck.load(Ordering::SeqCst) => {
                timeout(ROOM_WITHIN, self.sender.reserve()).await.ok().and_then(Result::ok)
            }
            room => room.ok(),
        };
        match room {
            Some(room) => {
                self.waiting.count.fetch_add(1, Ordering::SeqCst);
                room.send(visit);
            }
            None => self.waiting.refuse(),
        }
    }
}

/// Records the accepted visits, in order.
struct Recording {
    links: Links,
    recorder: Recorder,
    waiting: Arc<Waiting>,
    receiver: mpsc::Receiver<Entry>,
}

impl Work for Recording {
    const NAME: &'static str = "visits";

    /// Records the visits that wait. If that panics, these visits are lost, and those that came later are not.
    async fn step(&mut self) -> Next {
        let mut visits = Vec::new();
        let count = self.receiver.recv_many(&mut visits, BATCH_MAX).await;
        if count == 0 {
            return Next::End;
        }
        let _settling = Settling { waiting: self.waiting.clone(), count };
        let mut counted = Vec::with_capacity(count);
        for visit in visits {
            if self.counts(&visit).await {
                counted.push(visit);
            }
        }
        self.record(counted).await;
        self.goes_on();
        Next::Step
    }
}

/// Some of the waiting visits. When this is dropped, they do not wait any more.
struct Settling {
    waiting: Arc<Waiting>,
    count: usize,
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.waiting.settle(self.count);
    }
}

impl Recording {
    /// Whether the visit counts. Uses the copy of the link if it is certain, and otherwise reads the store.
    async fn counts(&self, visit: &Entry) -> bool {
        loop {
            match self.link(visit).await {
                Ok(link) => return link.counts_at(visit.at),
                Err(ServiceError::Storage(error)) if error.is_retryable() => self.is_stuck(&error).await,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "a visit is not counted");
                    return false;
                }
            }
        }
    }

    async fn link(&self, visit: &Entry) -> Result<Arc<Link>, ServiceError> {
        match self.links.known(visit.participation) {
            Some((link, Certainty::Certain)) => Ok(link),
            _ => self.links.read(visit.participation).await,
        }
    }

    /// Records visits. Those for which the store is unavailable are repeated until they are recorded; their ids prevent
    /// that they count twice.
    async fn record(&self, mut visits: Vec<Entry>) {
        while !visits.is_empty() {
            let outcomes = join_all(visits.iter().map(|visit| self.recorder.record(visit.clone()))).await;
            let mut left = Vec::new();
            let mut last_error = None;
            for (visit, outcome) in visits.into_iter().zip(outcomes) {
                match outcome {
                    Ok(_) => {}
                    Err(error) if error.is_retryable() => {
                        left.push(visit);
                        last_error = Some(error);
                    }
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "a visit is not counted");
                    }
                }
            }
            if let Some(error) = last_error {
                self.is_stuck(&error).await;
            }
            visits = left;
        }
    }

    /// Logs that the store is unavailable, once, and pauses.
    async fn is_stuck(&self, error: &StorageError) {
        if !self.waiting.is_stuck.swap(true, Ordering::SeqCst) {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "visits wait for the store");
        }
        sleep(RETRY_AFTER).await;
    }

    fn goes_on(&self) {
        if self.waiting.is_stuck.swap(false, Ordering::SeqCst) {
            tracing::info!("visits are recorded again");
        }
        let refused = self.waiting.refused.swap(0, Ordering::SeqCst);
        if refused > 0 {
            tracing::warn!(
                visits = refused,
                "visits were led on and not counted: too many waited for the store"
            );
        }
    }
}
