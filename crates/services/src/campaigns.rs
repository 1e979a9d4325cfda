//! What a streamer has joined.

use gametriggers_domain::model::{Campaign, Participation, User};
use gametriggers_persistence::{Page, Repositories};

use crate::{ServiceError, error::require_streamer};

/// A streamer's campaigns.
#[derive(Clone)]
pub struct CampaignService {
    storage: Repositories,
}

impl CampaignService {
    pub(crate) fn new(storage: Repositories) -> Self {
        Self { storage }
    }

    /// The streamer's running and paused participations (defect P15: paused ones were hidden, so that nothing could be
    /// resumed).
    ///
    /// # Errors
    /// [`ServiceError::NotStreamer`], [`ServiceError::Storage`].
    pub async fn joined(
        &self,
        user: &User,
        page: Page,
    ) -> Result<Vec<(Participation, Campaign)>, ServiceError> {
        require_streamer(user, "list the campaigns they have joined")?;
        Ok(self.storage.participations.list_current(user.id, page).await?)
    }
}
