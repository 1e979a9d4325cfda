//! A tracking link: where it leads, and when visits through it count.

use std::sync::Arc;

use gametriggers_domain::{
    eligibility::visits_count,
    model::{Campaign, Participation, User},
};
use gametriggers_types::{CampaignId, CampaignStatus, ParticipationId, Timestamp, UserId, WebUrl};

/// Where a tracking link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitTarget {
    /// The campaign's title.
    pub title: String,
    /// The campaign's own address; `None` if it has none, or none that a browser can follow.
    pub click_url: Option<WebUrl>,
}

impl VisitTarget {
    pub(crate) fn of(campaign: Campaign) -> Self {
        let click_url = campaign.click_url.as_deref().and_then(|url| WebUrl::parse_click_address(url).ok());
        Self { title: campaign.title, click_url }
    }
}

/// A tracking link, as it was read from the store.
pub(crate) struct Link {
    pub(crate) participation: ParticipationId,
    pub(crate) campaign: CampaignId,
    pub(crate) streamer: UserId,
    pub(crate) target: Arc<VisitTarget>,
    /// From when until when visits count; `None` if they never do.
    counts: Option<(Timestamp, Timestamp)>,
}

/// How certain it is that a link in memory is still as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// The link is as the store has it.
    Certain,
    /// The store told no change of the link. But the link was read long ago, or the store tells no changes.
    Unconfirmed,
    /// The campaign or the streamer of the link has changed.
    Changed,
}

impl Link {
    /// The link of this participation; `None` if nobody may follow it.
    pub(crate) fn new(
        participation: &Participation,
        campaign: Campaign,
        streamer: Option<&User>,
    ) -> Option<Self> {
        if !was_published(campaign.status) {
            return None;
        }
        let counts = streamer.and_then(|streamer| visits_count(streamer, &campaign, participation));
        Some(Self {
            participation: participation.id,
            campaign: campaign.id,
            streamer: participation.streamer_id,
            target: Arc::new(VisitTarget::of(campaign)),
            counts,
        })
    }

    /// Whether a visit at this moment counts.
    pub(crate) fn counts_at(&self, at: Timestamp) -> bool {
        self.counts.is_some_and(|(from, until)| (from..until).contains(&at))
    }
}

/// Whether viewers may have seen the campaign. The address of a draft stays secret.
const fn was_published(status: CampaignStatus) -> bool {
    match status {
        CampaignStatus::Active
        | CampaignStatus::Paused
        | CampaignStatus::Completed
        | CampaignStatus::Cancelled => true,
        CampaignStatus::Draft | CampaignStatus::Pending | CampaignStatus::Rejected => false,
    }
}
