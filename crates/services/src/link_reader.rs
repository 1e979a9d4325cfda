//! Reads tracking links.

use std::sync::Arc;

use gametriggers_persistence::Repositories;
use gametriggers_types::ParticipationId;

use crate::{
    ServiceError,
    link::{Certainty, Link},
    memory::Memory,
};

/// Reads tracking links, from memory or from the store.
#[derive(Clone)]
pub(crate) struct Links {
    storage: Repositories,
    memory: Arc<Memory>,
}

impl Links {
    pub(crate) const fn new(storage: Repositories, memory: Arc<Memory>) -> Self {
        Self { storage, memory }
    }

    /// The link, if it is in memory, and how certain it is. Links stay in memory however long the store is away.
    pub(crate) fn in_memory(&self, id: ParticipationId) -> Option<(Arc<Link>, Certainty)> {
        self.memory.link(id)
    }

    /// The link as the store has it.
    ///
    /// # Errors
    /// [`ServiceError::UnknownParticipation`] if there is no such participation, or nobody may follow its link;
    /// [`ServiceError::Storage`].
    pub(crate) async fn read(&self, id: ParticipationId) -> Result<Arc<Link>, ServiceError> {
        let read = self.memory.begin_read();
        let found = self.storage.participations.find_by_id(id).await?;
        let participation = found.ok_or(ServiceError::UnknownParticipation)?;
        let found = self.storage.campaigns.find_by_id(participation.campaign_id).await?;
        let campaign = found.ok_or(ServiceError::UnknownParticipation)?;
        let streamer = self.storage.users.find_by_id(participation.streamer_id).await?;
        let link = Link::new(&participation, campaign, streamer.as_ref());
        let Some(link) = link.map(Arc::new) else {
            self.memory.forget_link(id);
            return Err(ServiceError::UnknownParticipation);
        };
        self.memory.keep_link(read, &link);
        Ok(link)
    }
}
