//! Participations.

use async_trait::async_trait;
use gametriggers_domain::model::{Campaign, Participation, TrackingLinks};
use gametriggers_types::{
    CampaignId, Listing, PageRequest, ParticipationId, ParticipationStatus, ScreenToken, Timestamp, UserId,
};

use crate::{Insertion, Insertions, StorageError};

/// A participation that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewParticipation {
    /// The participation. What its counters hold becomes its opening entry in the ledger.
    pub participation: Participation,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON; kept, not interpreted.
    pub other_fields: String,
}

/// The store's participations. Their counters are changed by the [`Ledger`](crate::Ledger) alone, and their
/// `browserSourceToken` by nothing.
#[async_trait]
pub trait ParticipationRepository: Send + Sync {
    /// The participation of this id.
    async fn find_by_id(&self, id: ParticipationId) -> Result<Option<Participation>, StorageError>;

    /// The participation whose browser source this token addresses.
    async fn find_by_token(&self, token: &ScreenToken) -> Result<Option<Participation>, StorageError>;

    /// The streamer's active participations in active campaigns with those campaigns, in order of participation id.
    /// The other conditions of eligibility are the domain's.
    async fn list_active(&self, streamer: UserId) -> Result<Vec<(Participation, Campaign)>, StorageError>;

    /// The campaigns of the streamer's active participations, `limit` at most, in no order. The campaigns may have any status, and may
    /// be missing from the store.
    async fn list_joined(&self, streamer: UserId, limit: u32) -> Result<Vec<CampaignId>, StorageError>;

    /// The streamer's participations that are active or paused, in campaigns that are active or paused, with those
    /// campaigns, in order of participation id: the page that is asked for, and the id after which the list goes on. A
    /// participation that cannot be read has its place on the page, and is left out of it.
    async fn list_current(
        &self,
        streamer: UserId,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, StorageError>;

    /// Stores a participation unless one of this id is there. It is [told](crate::Change::User) as a change of its streamer.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another participation has the token, or is the same streamer's in the same
    /// campaign.
    async fn insert_if_absent(&self, participation: &NewParticipation) -> Result<Insertion, StorageError>;

    /// Stores many participations as [`insert_if_absent`](Self::insert_if_absent) would one after the other, by a few writes. At most a
    /// few thousand should be given at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Then any of them may be stored; given again, they are found to be.
    async fn insert_all_if_absent(
        &self,
        participations: Vec<NewParticipation>,
    ) -> Result<Insertions, StorageError>;

    /// Compare-and-set: changes the status to `to` if it is `from`. Of several callers at once, one gets true.
    async fn transition(
        &self,
        id: ParticipationId,
        from: ParticipationStatus,
        to: ParticipationStatus,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Sets those of the three tracking links that are given. False if there is no such participation.
    async fn set_tracking_links(
        &self,
        id: ParticipationId,
        links: &TrackingLinks,
    ) -> Result<bool, StorageError>;
}
