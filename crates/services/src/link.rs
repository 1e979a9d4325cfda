//! Tracking links: where they lead, and when visits through them count.

use std::sync::Arc;

use gametriggers_domain::{
    eligibility::visits_count,
    model::{Campaign, Participation, User},
};
use gametriggers_persistence::Repositories;
use gametriggers_types::{CampaignId, CampaignStatus, ParticipationId, Timestamp, UserId, WebUrl};

use crate::{ServiceError, snapshots::Snapshots};

/// Where a tracking link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitTarget {
    /// The campaign's title.
    pub title: String,
    /// The campaign's own address, if it has a usable one.
    pub click_url: Option<WebUrl>,
}

impl VisitTarget {
    pub(crate) fn of(campaign: Campaign) -> Self {
        let click_url = campaign.click_url.as_deref().and_then(|url| WebUrl::parse_click_address(url).ok());
        Self { title: campaign.title, click_url }
    }
}

/// A tracking link, as it was when it was read from the store.
pub(crate) struct Link {
    pub(crate) participation: ParticipationId,
    pub(crate) campaign: CampaignId,
    pub(crate) streamer: UserId,
    pub(crate) target: Arc<VisitTarget>,
    /// The period `[from, until)` in which visits count; `None` if they do not count.
    counts: Option<(Timestamp, Timestamp)>,
}

/// How certain it is that the copy of a link in memory is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It is current.
    Certain,
    /// No change was reported, but the copy is old, or changes cannot be received.
    NothingElseTold,
    /// A change that may concern the link was reported.
    Changed,
}

impl Link {
    /// The link of this participation; `None` if its campaign was never published.
    fn new(participation: &Participation, campaign: Campaign, streamer: Option<&User>) -> Option<Self> {
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

    /// Whether a visit at this time counts.
    pub(crate) fn counts_at(&self, at: Timestamp) -> bool {
        self.counts.is_some_and(|(from, until)| (from..until).contains(&at))
    }
}

/// Reads tracking links from the store and from memory.
#[derive(Clone)]
pub(crate) struct Links {
    storage: Repositories,
    snapshots: Arc<Snapshots>,
}

impl Links {
    pub(crate) const fn new(storage: Repositories, snapshots: Arc<Snapshots>) -> Self {
        Self { storage, snapshots }
    }

    /// The copy of a link in memory. Copies can be used for as long as the process runs, even while the store is
    /// unavailable.
    pub(crate) fn known(&self, id: ParticipationId) -> Option<(Arc<Link>, Certainty)> {
        self.snapshots.link(id)
    }

    /// Reads the link from the store and keeps a copy.
    pub(crate) async fn read(&self, id: ParticipationId) -> Result<Arc<Link>, ServiceError> {
        let reading = self.snapshots.begin_reading();
        let found = self.storage.participations.find_by_id(id).await?;
        let participation = found.ok_or(ServiceError::UnknownParticipation)?;
        let found = self.storage.campaigns.find_by_id(participation.campaign_id).await?;
        let campaign = found.ok_or(ServiceError::UnknownParticipation)?;
        let streamer = self.storage.users.find_by_id(participation.streamer_id).await?;
        let link = Link::new(&participation, campaign, streamer.as_ref());
        let Some(link) = link.map(Arc::new) else {
            self.snapshots.forget_link(id);
            return Err(ServiceError::UnknownParticipation);
        };
        self.snapshots.keep_link(reading, &link);
        Ok(link)
    }
}

/// Whether viewers may have seen the campaign. The address of a campaign that was never published is not revealed.
const fn was_published(status: CampaignStatus) -> bool {
    match status {
        CampaignStatus::Active
        | CampaignStatus::Paused
        | CampaignStatus::Completed
        | CampaignStatus::Cancelled => true,
        CampaignStatus::Draft | CampaignStatus::Pending | CampaignStatus::Rejected => false,
    }
}
