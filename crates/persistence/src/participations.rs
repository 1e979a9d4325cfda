//! The repository of participations.

use async_trait::async_trait;
use gametriggers_domain::model::{Campaign, Participation, TrackingLinks};
use gametriggers_types::{
    CampaignId, Listing, PageRequest, ParticipationId, ParticipationStatus, ScreenToken, Timestamp, UserId,
};

use crate::{Insertion, Insertions, StorageError};

/// A participation that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewParticipation {
    /// The participation. Its counters become its opening entry in the ledger.
    pub participation: Participation,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON. They are kept but not
    /// interpreted.
    pub other_fields: String,
}

/// The store's participations. Only the [`Ledger`](crate::Ledger) changes their counters. Nothing changes their
/// `browserSourceToken`.
#[async_trait]
pub trait ParticipationRepository: Send + Sync {
    /// The participation with this id.
    async fn find_by_id(&self, id: ParticipationId) -> Result<Option<Participation>, StorageError>;

    /// The participation with this browser source token.
    async fn find_by_token(&self, token: &ScreenToken) -> Result<Option<Participation>, StorageError>;

    /// The streamer's active participations in active campaigns, with those campaigns, in the order of participation
    /// ids. The domain checks the other conditions of eligibility.
    async fn list_active(&self, streamer: UserId) -> Result<Vec<(Participation, Campaign)>, StorageError>;

    /// The campaigns of the streamer's active participations, at most `limit`, in no particular order. Includes
    /// campaigns of every status, and ids of campaigns that do not exist.
    async fn list_joined(&self, streamer: UserId, limit: u32) -> Result<Vec<CampaignId>, StorageError>;

    /// The streamer's participations that are active or paused, in campaigns that are active or paused, with those
    /// campaigns, in the order of participation ids: the page that is asked for, and the id after which the list goes on. A
    /// participation that cannot be read has its place on the page, and is left out of it.
    async fn list_current(
        &self,
        streamer: UserId,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError>;

    /// Stores a participation unless one with the same id is stored. The [feed](crate::Change::User) reports it as a
    /// change of its streamer.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another participation has the same token, or the same streamer and campaign.
    async fn insert_if_absent(&self, participation: &NewParticipation) -> Result<Insertion, StorageError>;

    /// Stores many participations with a few writes. The result is the same as calling
    /// [`insert_if_absent`](Self::insert_if_absent) for one after the other. Pass at most a few thousand at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Some of the participations may be stored then. The same call can be
    /// repeated: it reports them as already present.
    async fn insert_all_if_absent(
        &self,
        participations: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError>;

    /// Compare-and-set: changes the status to `to` if it is `from`. If several callers do so at once, exactly one gets
    /// true.
    async fn transition(
        &self,
        id: ParticipationId,
        from: ParticipationStatus,
        to: ParticipationStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Sets those of the three tracking links that are `Some`. Returns false if the participation does not exist.
    async fn set_tracking_links(
        &self,
        id: ParticipationId,
        links: &TrackingLinks,
    ) -> Result<bool, StorageError>;
}
