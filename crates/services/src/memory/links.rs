//! Tracking links in memory, by their participations.

use std::sync::Arc;

use gametriggers_types::ParticipationId;
use moka::sync::Cache;
use tokio::time::Instant;

use super::{CAPACITY, Memory, validity::ReadStamp};
use crate::link::{Certainty, Link};

/// The links, kept as long as the process runs, so that links still work while the store does not answer.
pub(super) struct Links {
    by_participation: Cache<ParticipationId, (Arc<Link>, ReadStamp)>,
}

impl Links {
    pub(super) fn new() -> Self {
        Self { by_participation: Cache::builder().max_capacity(CAPACITY).build() }
    }
}

impl Memory {
    /// Returns the link of the participation, if it is in memory, and its certainty.
    pub(crate) fn link(&self, participation: ParticipationId) -> Option<(Arc<Link>, Certainty)> {
        let now = Instant::now();
        let (link, read) = self.links.by_participation.get(&participation)?;
        let mut documents = [link.streamer.object_id(), link.campaign.object_id()].into_iter();
        let certainty = match self.validity.is_trusted_at(now) {
            true if !documents.all(|id| self.validity.is_unchanged(read, id)) => Certainty::Changed,
            true if read.is_young(now) => Certainty::Certain,
            _ => Certainty::Unconfirmed,
        };
        Some((link, certainty))
    }

    /// Keeps a link that was read. Does nothing while the memory is not trusted and does not hold this link yet.
    pub(crate) fn keep_link(&self, read: ReadStamp, link: &Arc<Link>) {
        let links = &self.links.by_participation;
        if self.is_trusted() || links.contains_key(&link.participation) {
            links.insert(link.participation, (link.clone(), read));
        }
    }

    /// Removes a link that leads nowhere any more.
    pub(crate) fn forget_link(&self, participation: ParticipationId) {
        self.links.by_participation.invalidate(&participation);
    }
}
