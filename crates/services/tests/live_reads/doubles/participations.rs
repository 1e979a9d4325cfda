//! A test double of the store's participations.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use gametriggers_domain::model::{Campaign, Participation, TrackingLinks};
use gametriggers_persistence::{
    Insertion, Insertions, NewParticipation, ParticipationRepository, StorageError,
};
use gametriggers_types::{
    CampaignId, Listing, PageRequest, ParticipationId, ParticipationStatus, ScreenToken, Timestamp, UserId,
};

/// A store's participations. Every read is counted.
pub(crate) struct CountedParticipations {
    inner: Arc<dyn ParticipationRepository>,
    reads: AtomicUsize,
}

impl CountedParticipations {
    pub(crate) fn new(inner: Arc<dyn ParticipationRepository>) -> Self {
        Self { inner, reads: AtomicUsize::new(0) }
    }

    /// The number of reads so far.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn inner_to_read(&self) -> &dyn ParticipationRepository {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.as_ref()
    }
}

#[async_trait]
impl ParticipationRepository for CountedParticipations {
    async fn find_by_id(&self, id: ParticipationId) -> Result<Option<Participation>, StorageError> {
        self.inner_to_read().find_by_id(id).await
    }

    async fn find_by_token(&self, token: &ScreenToken) -> Result<Option<Participation>, StorageError> {
        self.inner_to_read().find_by_token(token).await
    }

    async fn list_active(&self, streamer: UserId) -> Result<Vec<(Participation, Campaign)>, StorageError> {
        self.inner_to_read().list_active(streamer).await
    }

    async fn list_joined(&self, streamer: UserId, limit: u32) -> Result<Vec<CampaignId>, StorageError> {
        self.inner_to_read().list_joined(streamer, limit).await
    }

    async fn list_current(
        &self,
        streamer: UserId,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError> {
        self.inner_to_read().list_current(streamer, page).await
    }

    async fn insert_if_absent(&self, participation: &NewParticipation) -> Result<Insertion, StorageError> {
        self.inner.insert_if_absent(participation).await
    }

    async fn insert_all_if_absent(
        &self,
        participations: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError> {
        self.inner.insert_all_if_absent(participations).await
    }

    async fn transition(
        &self,
        id: ParticipationId,
        from: ParticipationStatus,
        to: ParticipationStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        self.inner.transition(id, from, to, now).await
    }

    async fn set_tracking_links(
        &self,
        id: ParticipationId,
        links: &TrackingLinks,
    ) -> Result<bool, StorageError> {
        self.inner.set_tracking_links(id, links).await
    }
}
