//! A test double of the store's decisions.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use gametriggers_domain::decision::Decision;
use gametriggers_persistence::{
    DecisionRepository, EndedDecision, MadeDecision, Shortening, StorageError, StoredDecision,
};
use gametriggers_types::{DecisionId, Listing, PageLimit, Timestamp, UserId};
use tokio::sync::oneshot;

use super::Hold;

/// A store's decisions. Every read is counted, and an insertion can be delayed before it reaches the store.
pub(crate) struct WatchedDecisions {
    inner: Arc<dyn DecisionRepository>,
    reads: AtomicUsize,
    hold: Hold,
}

impl WatchedDecisions {
    pub(crate) fn new(inner: Arc<dyn DecisionRepository>) -> Self {
        Self { inner, reads: AtomicUsize::new(0), hold: Hold::default() }
    }

    /// The number of reads so far.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Delays the next insertion. The receiver reports that a decision was made and is about to be stored, and the sender lets
    /// the insertion continue.
    pub(crate) fn hold_next_insertion(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        self.hold.next()
    }
}

#[async_trait]
impl DecisionRepository for WatchedDecisions {
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.find_latest(streamer).await
    }

    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.find(id).await
    }

    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError> {
        self.hold.pass().await;
        self.inner.insert_first(decision).await
    }

    async fn list_made(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<MadeDecision>,
        limit: PageLimit,
    ) -> Result<Listing<Decision, MadeDecision>, StorageError> {
        self.inner.list_made(from, to, after, limit).await
    }

    async fn shorten(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<Shortening, StorageError> {
        self.inner.shorten(ended_before, after, limit).await
    }
}
