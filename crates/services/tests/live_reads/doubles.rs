//! Test doubles that count, delay or fail calls. All answers come from the real store.

mod decisions;
mod participations;

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use gametriggers_domain::{
    ledger::{Entry, EntryId},
    model::{TestCampaign, User},
};
use gametriggers_persistence::{
    ChangeFeed, ChangeStream, Credentials, Discrepancy, EntryPlace, Insertion, Insertions, Ledger, NewUser,
    Outcome, OverlayPatch, Rollup, SelectionPatch, SelectionUpdate, StorageError, StoredEntry, Told,
    UserRepository,
};
use gametriggers_types::{Listing, ParticipationId, ScreenToken, Timestamp, UserId};
use tokio::sync::{oneshot, watch};

pub(crate) use self::{decisions::WatchedDecisions, participations::CountedParticipations};

/// Delays one call of a double.
#[derive(Default)]
struct Hold(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

impl Hold {
    /// Delays the next call. The receiver reports that the call has come, and the sender lets it continue.
    fn next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (came, has_come) = oneshot::channel();
        let (let_go, go_on) = oneshot::channel();
        *self.0.lock().unwrap() = Some((came, go_on));
        (has_come, let_go)
    }

    /// The double calls this. It returns at once, or when the test lets the delayed call continue.
    async fn pass(&self) {
        let held = mem::take(&mut *self.0.lock().unwrap());
        if let Some((came, go_on)) = held {
            came.send(()).unwrap();
            go_on.await.unwrap();
        }
    }
}

/// A store's users. Every read is counted, and a read can be delayed after its answer is known.
pub(crate) struct WatchedUsers {
    inner: Arc<dyn UserRepository>,
    reads: AtomicUsize,
    hold: Hold,
}

impl WatchedUsers {
    pub(crate) fn new(inner: Arc<dyn UserRepository>) -> Self {
        Self { inner, reads: AtomicUsize::new(0), hold: Hold::default() }
    }

    /// The number of reads so far.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Delays the next read. The receiver reports that its answer is known, and the sender lets it continue.
    pub(crate) fn hold_next_read(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        self.hold.next()
    }

    async fn has_read(&self) {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.hold.pass().await;
    }
}

#[async_trait]
impl UserRepository for WatchedUsers {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StorageError> {
        let found = self.inner.find_by_id(id).await;
        self.has_read().await;
        found
    }

    async fn find_by_overlay_token(&self, token: &ScreenToken) -> Result<Option<User>, StorageError> {
        let found = self.inner.find_by_overlay_token(token).await;
        self.has_read().await;
        found
    }

    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, StorageError> {
        let found = self.inner.find_credentials(email).await;
        self.has_read().await;
        found
    }

    async fn insert_if_absent(&self, user: &NewUser) -> Result<Insertion, StorageError> {
        self.inner.insert_if_absent(user).await
    }

    async fn insert_all_if_absent(&self, users: Vec<NewUser>) -> Result<Insertions, StorageError> {
        self.inner.insert_all_if_absent(users).await
    }

    async fn ensure_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
    ) -> Result<Option<ScreenToken>, StorageError> {
        self.inner.ensure_overlay_token(id, token).await
    }

    async fn regenerate_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.inner.regenerate_overlay_token(id, token, now).await
    }

    async fn update_overlay(
        &self,
        id: UserId,
        patch: &OverlayPatch,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError> {
        self.inner.update_overlay(id, patch, now).await
    }

    async fn update_selection(
        &self,
        id: UserId,
        patch: &SelectionPatch,
        now: Timestamp,
    ) -> Result<SelectionUpdate, StorageError> {
        self.inner.update_selection(id, patch, now).await
    }

    async fn touch_overlays(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StorageError> {
        self.inner.touch_overlays(seen).await
    }

    async fn set_test_campaign(&self, id: UserId, test: &TestCampaign) -> Result<bool, StorageError> {
        self.inner.set_test_campaign(id, test).await
    }
}

/// The state of the connection to a store's change feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Up,
    /// Questions get no answer.
    Silent,
    /// Subscriptions are lost, and new ones fail.
    Broken,
}

/// A store's change feed, whose connection a test can disturb.
pub(crate) struct DisturbedFeed {
    inner: Arc<dyn ChangeFeed>,
    line: watch::Sender<Line>,
    /// Counts the subscriptions: each of them holds a clone.
    subscriptions: Arc<()>,
}

struct DisturbedStream {
    inner: Box<dyn ChangeStream>,
    line: watch::Receiver<Line>,
    _subscription: Arc<()>,
}

impl DisturbedFeed {
    pub(crate) fn new(inner: Arc<dyn ChangeFeed>) -> Self {
        Self { inner, line: watch::Sender::new(Line::Up), subscriptions: Arc::default() }
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    pub(crate) fn subscriptions(&self) -> usize {
        Arc::strong_count(&self.subscriptions) - 1
    }
}

fn broken() -> StorageError {
    StorageError::Unavailable { outcome_unknown: false, source: "the line is broken".into() }
}

#[async_trait]
impl ChangeFeed for DisturbedFeed {
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError> {
        let line = self.line.subscribe();
        if *line.borrow() == Line::Broken {
            return Err(broken());
        }
        let inner = self.inner.subscribe().await?;
        Ok(Box::new(DisturbedStream { inner, line, _subscription: self.subscriptions.clone() }))
    }
}

#[async_trait]
impl ChangeStream for DisturbedStream {
    async fn next(&mut self) -> Result<Told, StorageError> {
        loop {
            let line = *self.line.borrow_and_update();
            tokio::select! {
                biased;
                changed = self.line.changed() => changed.unwrap(),
                answer = self.inner.next(), if line == Line::Up => return answer,
                () = async {}, if line == Line::Broken => return Err(broken()),
            }
        }
    }
}

/// A store's ledger that can be made unreachable.
pub(crate) struct AwayLedger {
    inner: Arc<dyn Ledger>,
    is_away: watch::Sender<bool>,
}

impl AwayLedger {
    pub(crate) fn new(inner: Arc<dyn Ledger>) -> Self {
        Self { inner, is_away: watch::Sender::new(false) }
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.send_replace(is_away);
    }
}

#[async_trait]
impl Ledger for AwayLedger {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        if *self.is_away.borrow() { Err(broken()) } else { self.inner.record(batch).await }
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        self.inner.find_entry(id).await
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        self.inner.list_rollups(participation).await
    }

    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
        self.inner.scan_paid(from, to, after).await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        self.inner.reconcile(repair).await
    }
}
