//! Visits through tracking links: viewers are led on at once, and their visits are recorded afterwards.
//!
//! A visit waits in memory for the ledger, for as long as the store is away. A visit is lost only if the process dies before
//! it is recorded, or if there is no room for it in the queue.

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
    link::{Certainty, Link},
    link_reader::Links,
    recorder::Recorder,
    tasks::{Next, Tasks, Work},
};

/// How many visits may wait to be recorded at once. Further ones are not counted.
pub const VISITS_MAX: usize = 8_192;
/// How many visits are recorded together at most.
const BATCH_MAX: usize = 512;
/// How long a viewer waits for room in the queue while the store answers, but too slowly.
const ROOM_WITHIN: Duration = Duration::from_secs(1);
/// The wait before the next attempt while the store is away.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Takes visits to be recorded. Clones share one queue.
#[derive(Clone)]
pub(crate) struct Visits {
    sender: mpsc::Sender<Entry>,
    waiting: Arc<Waiting>,
}

/// The visits that were taken and are not recorded yet.
#[derive(Clone)]
pub struct PendingVisits(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    count: AtomicUsize,
    none_left: Notify,
    /// Whether the store is away.
    is_stuck: AtomicBool,
    /// How many visits were not taken since the last one was recorded.
    refused: AtomicU64,
}

impl PendingVisits {
    /// How many visits are pending.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Returns when no visit is pending: each was recorded, or does not count.
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

    /// Notes a visit that is not counted. The first is logged now; how many there were is logged when the store answers again.
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
    /// A queue into the ledger of this recorder. One of the `tasks` records; that task ends when the last clone is dropped and
    /// every visit is recorded. To be called within a Tokio runtime.
    pub(crate) fn new(links: Links, recorder: Recorder, tasks: &Tasks) -> Self {
        let (sender, receiver) = mpsc::channel(VISITS_MAX);
        let waiting = Arc::<Waiting>::default();
        tasks.start_until_drained(Recording { links, recorder, waiting: waiting.clone(), receiver });
        Self { sender, waiting }
    }

    pub(crate) fn pending(&self) -> PendingVisits {
        PendingVisits(self.waiting.clone())
    }

    /// Takes a visit. Whether the visit counts is judged when it is recorded.
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

/// Records the visits that were taken, in order.
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
    /// Whether the visit counts: by the link in memory if that is certain, and otherwise by what the store says.
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
        match self.links.in_memory(visit.participation) {
            Some((link, Certainty::Certain)) => Ok(link),
            _ => self.links.read(visit.participation).await,
        }
    }

    /// Records visits. While the store is away, the same visits are recorded again and again; their ids make that safe.
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

    /// Waits a little for the store, and logs once that it is away.
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
