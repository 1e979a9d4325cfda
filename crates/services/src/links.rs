//! The links by which viewers reach the sponsor, and their visits.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use gametriggers_domain::{
    ledger::{Entry, EntryId, EntryKind},
    model::TrackingLinks,
    quota::Quota,
};
use gametriggers_persistence::Repositories;
use gametriggers_types::{NetworkAddress, ParticipationId, Timestamp, UnpaidReason, VisitSource, WebUrl};
use tokio::time::timeout;

use crate::{
    Clock, OverlayService, ServiceError,
    bots::is_bot,
    link::{Certainty, Link, VisitTarget},
    link_reader::Links,
    secrets::Secrets,
    visits::{PendingVisits, Visits},
};

/// How long a viewer waits for the store to say what has changed about a link. Then they are led on by the link in memory.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// Somebody who follows a tracking link, as far as they can be told apart.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The network address.
    pub address: NetworkAddress,
    /// The user agent; empty where they name none.
    pub agent: String,
}

/// What differs between installations.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// Where viewers reach the server. It may end with a slash.
    pub public_url: WebUrl,
    /// How many visits a campaign pays in an hour from one address: one of IPv4, or one /64 of IPv6.
    pub paid_visits_per_address: NonZeroU64,
}

impl LinkSettings {
    /// The default of [`paid_visits_per_address`](Self::paid_visits_per_address). It is greater than one, because a household
    /// has several people.
    pub const PAID_VISITS_PER_ADDRESS: NonZeroU64 = NonZeroU64::MIN.saturating_add(2);
}

/// Makes tracking links, and leads viewers on who follow them.
#[derive(Clone)]
pub struct LinkService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    overlay: OverlayService,
    links: Links,
    visits: Visits,
    public_url: Arc<str>,
    paid_visits_per_address: NonZeroU64,
}

impl LinkService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        overlay: OverlayService,
        links: Links,
        visits: Visits,
        settings: &LinkSettings,
    ) -> Self {
        let LinkSettings { public_url, paid_visits_per_address } = settings;
        let public_url = public_url.as_str().trim_end_matches('/').into();
        let paid_visits_per_address = *paid_visits_per_address;
        Self { storage, clock, secrets, overlay, links, visits, public_url, paid_visits_per_address }
    }

    pub(crate) fn pending_visits(&self) -> PendingVisits {
        self.visits.pending()
    }

    /// Where a tracking link leads; from memory if the link is there. If a visitor is given, their visit is counted, once an
    /// hour for each campaign and source. The visit is recorded afterwards, so that no viewer waits for that.
    ///
    /// These visits are not paid: those of programs, those that lead nowhere, and those from an address for which as many are
    /// paid already as are paid in an hour.
    ///
    /// # Errors
    /// [`ServiceError::UnknownParticipation`] if there is no such link; [`ServiceError::Storage`] if the link is not in memory
    /// and the store cannot be read.
    pub async fn follow(
        &self,
        participation: ParticipationId,
        source: VisitSource,
        visitor: Option<&Visitor>,
    ) -> Result<Arc<VisitTarget>, ServiceError> {
        let (link, certainty) = self.find(participation).await?;
        if let Some(visitor) = visitor {
            let now = self.clock.now();
            if certainty != Certainty::Certain || link.counts_at(now) {
                self.visits.take(self.visit(&link, source, visitor, now)).await;
            }
        }
        Ok(link.target.clone())
    }

    /// The link that a viewer follows. If it is in memory, the store is read only if the link has changed, and the viewer waits
    /// no longer than [`ANSWERED_WITHIN`].
    async fn find(&self, id: ParticipationId) -> Result<(Arc<Link>, Certainty), ServiceError> {
        match self.links.in_memory(id) {
            None => Ok((self.links.read(id).await?, Certainty::Certain)),
            Some((old, Certainty::Changed)) => match timeout(ANSWERED_WITHIN, self.links.read(id)).await {
                Ok(Ok(link)) => Ok((link, Certainty::Certain)),
                Ok(Err(ServiceError::Storage(_))) | Err(_) => Ok((old, Certainty::Changed)),
                Ok(Err(error)) => Err(error),
            },
            Some(found) => Ok(found),
        }
    }

    /// Where the campaign on screen sends its visitors. Counts nothing, and makes no decision.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::NothingOnScreen`], [`ServiceError::Storage`].
    pub async fn target_shown(&self, token: &str) -> Result<Arc<VisitTarget>, ServiceError> {
        let user = self.overlay.resolve_stored(token).await?;
        Ok(Arc::new(VisitTarget::of(self.overlay.campaign_on_screen(&user).await?.campaign)))
    }

    /// The address for the QR code of one participation, whatever is on screen.
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

    /// The address for the QR code of the campaign on screen. Makes no decision.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::NothingOnScreen`], [`ServiceError::Storage`].
    pub async fn qr_url(&self, token: &str) -> Result<String, ServiceError> {
        Ok(with_source(&self.shown_link(token).await?, VisitSource::Qr))
    }

    /// The chat command for the campaign on screen. Makes no decision.
    ///
    /// # Errors
    /// As [`qr_url`](Self::qr_url).
    pub async fn chat_command(&self, token: &str) -> Result<String, ServiceError> {
        Ok(chat_command(&self.shown_link(token).await?))
    }

    /// The tracking link of the campaign on screen. Stores the link, the QR code's address and the chat command with the
    /// participation if they are missing there, or if the public URL has changed.
    async fn shown_link(&self, token: &str) -> Result<String, ServiceError> {
        let user = self.overlay.resolve_stored(token).await?;
        let participation = self.overlay.campaign_on_screen(&user).await?.participation;
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

    /// The ledger entry of a visit.
    fn visit(&self, link: &Link, source: VisitSource, visitor: &Visitor, now: Timestamp) -> Entry {
        let hour = now.as_second().div_euclid(3_600);
        let address = visitor.address.key();
        let unpaid = if is_bot(&visitor.agent) {
            Some(UnpaidReason::Bot)
        } else if link.target.click_url.is_none() {
            Some(UnpaidReason::NoDestination)
        } else {
            None
        };
        let limit = self.paid_visits_per_address.get();
        let quota = Quota::of_visit(link.campaign, hour, &self.secrets.address(hour, address), limit);
        let visitor = self.secrets.visitor(hour, address, &visitor.agent);
        let (id, kind) = (EntryId::visit(link.campaign, source, hour, &visitor), EntryKind::Visit(source));
        let entry = Entry::new(id, kind, link.participation, link.campaign, now);
        Entry { unpaid, quota: Some(quota), ..entry }
    }
}

fn with_source(link: &str, source: VisitSource) -> String {
    format!("{link}?src={source}")
}

fn chat_command(link: &str) -> String {
    format!("!sponsor Check out our sponsor: {}", with_source(link, VisitSource::Chat))
}
