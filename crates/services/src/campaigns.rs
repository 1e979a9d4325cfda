//! The campaigns that a streamer has joined.

use gametriggers_domain::{
    access::{self, Actor},
    model::{Campaign, Participation},
};
use gametriggers_persistence::Repositories;
use gametriggers_types::{Listing, PageRequest, ParticipationId};

use crate::{ServiceError, error::denied};

/// Lists a streamer's campaigns.
#[derive(Clone)]
pub struct CampaignService {
    storage: Repositories,
}

impl CampaignService {
    pub(crate) fn new(storage: Repositories) -> Self {
        Self { storage }
    }

    /// A page of the actor's active and paused participations, in order of their ids. Paused ones are included, so that the
    /// streamer can resume them (defect P15).
    ///
    /// # Errors
    /// [`ServiceError::NotStreamer`], [`ServiceError::Storage`].
    pub async fn joined(
        &self,
        actor: &Actor,
        page: PageRequest<ParticipationId>,
    ) -> Result<Listing<(Participation, Campaign), ParticipationId>, ServiceError> {
        access::list_joined_campaigns(actor).map_err(denied("list the campaigns they have joined"))?;
        Ok(self.storage.participations.list_current(actor.user().id, page).await?)
    }
}
