//! What a streamer has joined.

use gametriggers_domain::{
    access::{self, Actor},
    model::{Campaign, Participation},
};
use gametriggers_persistence::{Page, Repositories};

use crate::{ServiceError, error::denied};

/// A streamer's campaigns.
#[derive(Clone)]
pub struct CampaignService {
    storage: Repositories,
}

impl CampaignService {
    pub(crate) fn new(storage: Repositories) -> Self {
        Self { storage }
    }

    /// The actor's running and paused participations (defect P15: paused ones were hidden, so that nothing could be
    /// resumed).
    ///
    /// # Errors
    /// [`ServiceError::NotStreamer`], [`ServiceError::Storage`].
    pub async fn joined(
        &self,
        actor: &Actor,
        page: Page,
    ) -> Result<Vec<(Participation, Campaign)>, ServiceError> {
        access::list_joined_campaigns(actor).map_err(denied("list the campaigns they have joined"))?;
        Ok(self.storage.participations.list_current(actor.user().id, page).await?)
    }
}
