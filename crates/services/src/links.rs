//! The links by which viewers reach the sponsor, and their visits.

use std::sync::Arc;

use gametriggers_domain::{
    eligibility::{Hindrance, hindrance},
    ledger::{Entry, EntryId, EntryKind},
    model::{Campaign, Participation, TrackingLinks},
};
use gametriggers_persistence::{Outcome, Repositories};
use gametriggers_types::{CampaignStatus, NetworkAddress, ParticipationId, VisitSource, WebUrl};

use crate::{Clock, OverlayService, ServiceError, recorder::Recorder, secrets::Secrets};

/// Somebody who follows a tracking link, as far as they can be told apart.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The network address.
    pub address: NetworkAddress,
    /// The user agent.
    pub agent: String,
}

/// Where a tracking link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitTarget {
    /// The campaign's title.
    pub title: String,
    /// The campaign's own address, if it has one that can be followed.
    pub click_url: Option<WebUrl>,
}

/// Makes tracking links, and follows them.
#[derive(Clone)]
pub struct LinkService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    recorder: Recorder,
    overlay: OverlayService,
    public_url: Arc<str>,
}

impl LinkService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        recorder: Recorder,
        overlay: OverlayService,
        public_url: &WebUrl,
    ) -> Self {
        let public_url = public_url.as_str().trim_end_matches('/').into();
        Self { storage, clock, secrets, recorder, overlay, public_url }
    }

    pub(crate) fn with(&self, recorder: Recorder) -> Self {
        Self { recorder, ..self.clone() }
    }

    /// Where a tracking link leads. With a visitor, the visit is counted, once an hour for each campaign and source.
    ///
    /// # Errors
    /// [`ServiceError::UnknownParticipation`], [`ServiceError::Storage`].
    pub async fn follow(
        &self,
        participation: ParticipationId,
        source: VisitSource,
        visitor: Option<&Visitor>,
    ) -> Result<VisitTarget, ServiceError> {
        let found = self.storage.participations.find_by_id(participation).await?;
        let participation = found.ok_or(ServiceError::UnknownParticipation)?;
        let found = self.storage.campaigns.find_by_id(participation.campaign_id).await?;
        let campaign = found.filter(|campaign| was_published(campaign.status));
        let campaign = campaign.ok_or(ServiceError::UnknownParticipation)?;
        if let Some(visitor) = visitor {
            self.record_visit(&participation, &campaign, source, visitor).await?;
        }
        Ok(target(campaign))
    }

    /// Where the campaign on screen wants its visitors to go. Counts nothing.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::NothingOnScreen`], [`ServiceError::Storage`].
    pub async fn target_shown(&self, token: &str) -> Result<VisitTarget, ServiceError> {
        let user = self.overlay.resolve_stored(token).await?;
        Ok(target(self.overlay.shown_now(&user).await?.campaign))
    }

    /// The address to put into the QR code of one participation, whatever is on screen.
    ///
    /// # Errors
    /// [`ServiceError::UnknownParticipation`], [`ServiceError::Storage`].
    pub async fn qr_url_of(&self, participation: ParticipationId) -> Result<String, ServiceError> {
        self.follow(participation, VisitSource::Qr, None).await?;
        Ok(with_source(&self.link(participation), VisitSource::Qr))
    }

    fn link(&self, participation: ParticipationId) -> String {
        format!("{}/c/{participation}", self.public_url)
    }

    /// The address to put into the QR code of the campaign on screen.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::NothingOnScreen`], [`ServiceError::Storage`].
    pub async fn qr_url(&self, token: &str) -> Result<String, ServiceError> {
        Ok(with_source(&self.shown_link(token).await?, VisitSource::Qr))
    }

    /// The chat command for the campaign on screen.
    ///
    /// # Errors
    /// As [`qr_url`](Self::qr_url).
    pub async fn chat_command(&self, token: &str) -> Result<String, ServiceError> {
        Ok(chat_command(&self.shown_link(token).await?))
    }

    /// The tracking link of the campaign on screen. It and what is made of it are stored where they are missing or the
    /// public URL has changed.
    async fn shown_link(&self, token: &str) -> Result<String, ServiceError> {
        let user = self.overlay.resolve_stored(token).await?;
        let participation = self.overlay.shown_now(&user).await?.participation;
        let link = self.link(participation.id);
        let links = TrackingLinks {
            qr_code_url: Some(format!("{link}/qr")),
            chat_command: Some(chat_command(&link)),
            tracking_url: Some(link.clone()),
        };
        if participation.tracking != links {
            self.storage.participations.set_tracking_links(participation.id, &links).await?;
        }
        Ok(link)
    }

    async fn record_visit(
        &self,
        participation: &Participation,
        campaign: &Campaign,
        source: VisitSource,
        visitor: &Visitor,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let streamer = self.storage.users.find_by_id(participation.streamer_id).await?;
        let running = matches!(
            hindrance(campaign, participation, now),
            None | Some(Hindrance::BudgetExhausted | Hindrance::MediaNotDisplayable)
        );
        if !running || !streamer.is_some_and(|streamer| streamer.is_active) {
            return Ok(());
        }
        let hour = now.as_second().div_euclid(3_600);
        let visitor = self.secrets.visitor(hour, visitor.address.key(), &visitor.agent);
        let (id, kind) = (EntryId::visit(campaign.id, source, hour, &visitor), EntryKind::Visit(source));
        let entry = Entry::new(id, kind, participation.id, campaign.id, now);
        if let Outcome::Rejected(_) = self.recorder.record(entry).await? {
            // Its money is gone: whoever shows it looks again.
            self.overlay.forget(campaign.id);
        }
        Ok(())
    }
}

fn target(campaign: Campaign) -> VisitTarget {
    let click_url = campaign.click_url.as_deref().and_then(|url| WebUrl::parse(url).ok());
    VisitTarget { title: campaign.title, click_url }
}

fn with_source(link: &str, source: VisitSource) -> String {
    format!("{link}?src={source}")
}

fn chat_command(link: &str) -> String {
    format!("!sponsor Check out our sponsor: {}", with_source(link, VisitSource::Chat))
}

/// Whether viewers may have met the campaign: a draft's address is nobody's business yet.
const fn was_published(status: CampaignStatus) -> bool {
    match status {
        CampaignStatus::Active
        | CampaignStatus::Paused
        | CampaignStatus::Completed
        | CampaignStatus::Cancelled => true,
        CampaignStatus::Draft | CampaignStatus::Pending | CampaignStatus::Rejected => false,
    }
}
