//! The campaigns that decisions put on screens, by the ids of the decisions.

use gametriggers_types::DecisionId;
use moka::sync::Cache;
use tokio::time::Instant;

use super::{
    CAPACITY, Memory,
    validity::{LIFETIME, ReadStamp},
};
use crate::screens::DisplayedCampaign;

/// The decisions to which events were credited by a receipt.
pub(super) struct Displays {
    by_decision: Cache<DecisionId, (DisplayedCampaign, ReadStamp)>,
}

impl Displays {
    pub(super) fn new() -> Self {
        Self { by_decision: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build() }
    }
}

impl Memory {
    /// Returns the campaign that the decision put on the screen, if it is in memory. The display may be over.
    pub(crate) fn displayed(&self, decision: DecisionId) -> Option<DisplayedCampaign> {
        let now = Instant::now();
        let found = self.displays.by_decision.get(&decision);
        let (displayed, read) = found.filter(|_| self.validity.is_trusted_at(now))?;
        let documents = [decision.streamer.object_id(), displayed.campaign.object_id()];
        let is_valid =
            read.is_young(now) && documents.into_iter().all(|id| self.validity.is_unchanged(read, id));
        is_valid.then_some(displayed)
    }

    /// Keeps the campaign that a decision put on the screen. If another process ends the decision early, this process may not
    /// know it until the entry is too old.
    pub(crate) fn keep_displayed(&self, read: ReadStamp, displayed: DisplayedCampaign) {
        if self.is_trusted() {
            self.displays.by_decision.insert(displayed.decision, (displayed, read));
        }
    }

    /// Removes the entry of a decision that has got a successor, because its end has changed.
    pub(crate) fn forget_displayed(&self, decision: DecisionId) {
        self.displays.by_decision.invalidate(&decision);
    }
}
