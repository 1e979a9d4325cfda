//! Whom an event is credited to, and the links by which viewers reach the sponsor.
//!
//! Events never decide. One with a receipt is credited to what that receipt's display showed, however the screen has
//! changed since; one without is credited to the decision in force. Selection is never run to find out whom to credit
//! (defect M4).

use std::sync::Arc;

use gametriggers_domain::{
    decision::Decision,
    eligibility::{EmptyReason, Hindrance, hindrance, screen_hindrance},
    ledger::{Entry, EntryId, EntryKind, Verdict},
    model::{Campaign, Participation, TrackingLinks, User},
};
use gametriggers_persistence::{Outcome, Repositories};
use gametriggers_types::{
    CampaignId, CampaignStatus, ClickKind, DecisionId, ParticipationId, RejectionReason, Timestamp,
    VisitSource, WebUrl,
};

use crate::{
    Clock, OverlayService, ServiceError, entropy,
    receipt::{self, RECEIPT_GRACE, Subject},
    recorder::Recorder,
    secrets::Secrets,
};

/// What a caller says of an event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// The receipt of the display on which it happened.
    pub receipt: Option<String>,
    /// What makes it count once; without it, each call is an event of its own.
    pub event_id: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventReport {
    /// Whether it counts.
    pub outcome: EventOutcome,
    /// Why it, or the event of the same id before it, does not count.
    pub reason: Option<RejectionReason>,
    /// Whom it was credited to, or would have been.
    pub participation: Option<ParticipationId>,
}

/// Whether an event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// It does.
    Counted,
    /// It was recorded before.
    Duplicate,
    /// It does not.
    Rejected,
}

/// Somebody who follows a tracking link, as far as they can be told apart.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The network address.
    pub address: String,
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

/// Credits events.
#[derive(Clone)]
pub struct TrackingService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    recorder: Recorder,
    overlay: OverlayService,
    public_url: Arc<str>,
}

/// Whom an event concerns.
enum Target {
    Credit {
        decision: DecisionId,
        participation: ParticipationId,
        campaign: CampaignId,
        /// When the decision began and when it ended.
        shown: (Timestamp, Timestamp),
    },
    Reject {
        reason: RejectionReason,
        concerns: Option<(ParticipationId, CampaignId)>,
    },
}

impl TrackingService {
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

    /// Counts the display of a decision: once, however often it is reported and whatever event id the caller sends.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::InvalidReceipt`], [`ServiceError::ExpiredReceipt`],
    /// [`ServiceError::Storage`].
    pub async fn record_display(&self, token: &str, event: &Event) -> Result<EventReport, ServiceError> {
        let user = self.overlay.resolve(token).await?;
        match self.target(&user, event).await? {
            Target::Credit { decision, participation, campaign, shown: (from, _) } => {
                let id = EntryId::display(decision);
                let entry = Entry {
                    id,
                    participation,
                    campaign,
                    kind: EntryKind::Display,
                    units: 1,
                    at: from,
                    rejected: None,
                };
                self.record(entry).await
            }
            // The id belongs to every report of the display: one that came at a bad time must not spoil the others.
            Target::Reject { reason, concerns } => Ok(rejected(reason, concerns)),
        }
    }

    /// Counts a click under a streamer's own token. It never pays.
    ///
    /// # Errors
    /// As [`record_display`](Self::record_display); [`ServiceError::Entropy`].
    pub async fn record_click(
        &self,
        token: &str,
        kind: ClickKind,
        event: &Event,
    ) -> Result<EventReport, ServiceError> {
        let user = self.overlay.resolve(token).await?;
        let event_id = match &event.event_id {
            Some(id) => id.clone(),
            None => entropy::new_event_id()?,
        };
        let id = EntryId::click(user.id, kind, &event_id);
        let now = self.clock.now();
        let entry = |participation, campaign, at, rejected| Entry {
            id: id.clone(),
            participation,
            campaign,
            kind: EntryKind::Click(kind),
            units: 1,
            at,
            rejected,
        };
        let target = match self.target(&user, event).await {
            Err(ServiceError::ExpiredReceipt) => match self.earlier(&id).await? {
                Some(report) => return Ok(report),
                None => return Err(ServiceError::ExpiredReceipt),
            },
            target => target?,
        };
        match target {
            Target::Credit { participation, campaign, shown: (from, end), .. } => {
                // The click is on what was displayed, so it happened while that was, to the clock's precision.
                let at = now.min(end).max(from);
                self.record(entry(participation, campaign, at, None)).await
            }
            // A reason that can never change is kept, so that the earner sees why.
            Target::Reject {
                reason: RejectionReason::Blackout,
                concerns: Some((participation, campaign)),
            } => self.record(entry(participation, campaign, now, Some(RejectionReason::Blackout))).await,
            Target::Reject { reason, concerns } => {
                Ok(self.earlier(&id).await?.unwrap_or_else(|| rejected(reason, concerns)))
            }
        }
    }

    /// Notes that the screen which the token addresses is there.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::Storage`].
    pub async fn ping(&self, token: &str) -> Result<(), ServiceError> {
        let user = self.overlay.resolve(token).await?;
        Ok(self.storage.users.touch_overlay(user.id, self.clock.now()).await?)
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
        let click_url = campaign.click_url.as_deref().and_then(|url| WebUrl::parse(url).ok());
        Ok(VisitTarget { title: campaign.title, click_url })
    }

    /// The address to put into the QR code of the campaign on screen.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::NothingOnScreen`], [`ServiceError::Storage`].
    pub async fn qr_url(&self, token: &str) -> Result<String, ServiceError> {
        let links = self.links(token).await?;
        Ok(format!("{}?src={}", links.tracking_url.unwrap_or_default(), VisitSource::Qr))
    }

    /// The chat command for the campaign on screen.
    ///
    /// # Errors
    /// As [`qr_url`](Self::qr_url).
    pub async fn chat_command(&self, token: &str) -> Result<String, ServiceError> {
        Ok(self.links(token).await?.chat_command.unwrap_or_default())
    }

    /// The tracking links of the campaign on screen, stored where they are missing or the public URL has changed.
    async fn links(&self, token: &str) -> Result<TrackingLinks, ServiceError> {
        let user = self.overlay.resolve(token).await?;
        let participation = self.overlay.shown_now(&user).await?.participation;
        let tracking_url = format!("{}/c/{}", self.public_url, participation.id);
        let links = TrackingLinks {
            qr_code_url: Some(format!(
                "{}/api/v1/overlay/{}/qr",
                self.public_url,
                participation.browser_source_token.expose()
            )),
            chat_command: Some(format!(
                "!sponsor Check out our sponsor: {tracking_url}?src={}",
                VisitSource::Chat
            )),
            tracking_url: Some(tracking_url),
        };
        if participation.tracking != links {
            self.storage.participations.set_tracking_links(participation.id, &links).await?;
        }
        Ok(links)
    }

    async fn target(&self, user: &User, event: &Event) -> Result<Target, ServiceError> {
        let now = self.clock.now();
        if let Some(receipt) = &event.receipt {
            return match receipt::verify(&self.secrets, user, receipt)? {
                Subject::Decision(id) => self.target_of_receipt(id, now).await,
                Subject::TestAd(until) if now <= after(until) => Ok(nobody(RejectionReason::TestAd)),
                Subject::TestAd(_) => Err(ServiceError::ExpiredReceipt),
            };
        }
        if user.is_active && user.test_ad_at(now).is_some() {
            return Ok(nobody(RejectionReason::TestAd));
        }
        let in_force = self.storage.decisions.find_latest(user.id).await?.filter(|latest| now < latest.until);
        match in_force.as_ref().and_then(|decision| Some((decision, decision.shown()?))) {
            Some((decision, (campaign, participation))) => {
                self.target_in_force(user, decision, campaign, participation, now).await
            }
            None => Ok(nobody(match screen_hindrance(user, now) {
                Some(EmptyReason::Blackout) => RejectionReason::Blackout,
                _ => RejectionReason::NothingOnScreen,
            })),
        }
    }

    /// Judged by the time of the display: it was eligible when it was decided.
    async fn target_of_receipt(&self, id: DecisionId, now: Timestamp) -> Result<Target, ServiceError> {
        let stored = self.storage.decisions.find(id).await?.ok_or(ServiceError::InvalidReceipt)?;
        let decision = stored.decision;
        let (campaign, participation) = decision.shown().ok_or(ServiceError::InvalidReceipt)?;
        let end = decision.actual_end(stored.successor_from);
        if now > after(end) {
            return Err(ServiceError::ExpiredReceipt);
        }
        Ok(Target::Credit { decision: id, participation, campaign, shown: (decision.from, end) })
    }

    /// Judged by the present: without a receipt nothing proves an earlier display.
    async fn target_in_force(
        &self,
        user: &User,
        decision: &Decision,
        campaign_id: CampaignId,
        participation_id: ParticipationId,
        now: Timestamp,
    ) -> Result<Target, ServiceError> {
        let concerns = Some((participation_id, campaign_id));
        match screen_hindrance(user, now) {
            Some(EmptyReason::Blackout) => {
                return Ok(Target::Reject { reason: RejectionReason::Blackout, concerns });
            }
            Some(EmptyReason::StreamerInactive | EmptyReason::NoCampaign) => {
                return Ok(nobody(RejectionReason::NothingOnScreen));
            }
            None => {}
        }
        let participation = self.storage.participations.find_by_id(participation_id).await?;
        let campaign = self.storage.campaigns.find_by_id(campaign_id).await?;
        let (Some(participation), Some(campaign)) = (participation, campaign) else {
            return Ok(nobody(RejectionReason::NothingOnScreen));
        };
        let reason = match hindrance(&campaign, &participation, now) {
            // Money is the ledger's to judge, within its transaction.
            None | Some(Hindrance::BudgetExhausted) => None,
            Some(Hindrance::ParticipationNotActive) => Some(RejectionReason::ParticipationNotActive),
            Some(Hindrance::CampaignNotActive) => Some(RejectionReason::CampaignNotActive),
            Some(Hindrance::MediaNotDisplayable) => Some(RejectionReason::NothingOnScreen),
        };
        Ok(match reason {
            Some(reason) => Target::Reject { reason, concerns },
            None => Target::Credit {
                decision: decision.id,
                participation: participation_id,
                campaign: campaign_id,
                shown: (decision.from, decision.until),
            },
        })
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
        let visitor = self.secrets.visitor(hour, &visitor.address, &visitor.agent);
        let entry = Entry {
            id: EntryId::visit(campaign.id, source, hour, &visitor),
            participation: participation.id,
            campaign: campaign.id,
            kind: EntryKind::Visit(source),
            units: 1,
            at: now,
            rejected: None,
        };
        self.recorder.record(entry).await?;
        Ok(())
    }

    async fn record(&self, entry: Entry) -> Result<EventReport, ServiceError> {
        let participation = entry.participation;
        Ok(match self.recorder.record(entry).await? {
            Outcome::Counted(_) => EventReport {
                outcome: EventOutcome::Counted,
                reason: None,
                participation: Some(participation),
            },
            Outcome::Duplicate { participation, verdict } => duplicate(participation, &verdict),
            Outcome::Rejected(reason) => EventReport {
                outcome: EventOutcome::Rejected,
                reason: Some(reason),
                participation: Some(participation),
            },
        })
    }

    /// The report on an event that was recorded before, which stays what it was whatever is on screen now.
    async fn earlier(&self, id: &EntryId) -> Result<Option<EventReport>, ServiceError> {
        let stored = self.storage.ledger.find_entry(id).await?;
        Ok(stored.map(|stored| duplicate(stored.entry.participation, &stored.verdict)))
    }
}

fn after(end: Timestamp) -> Timestamp {
    end.saturating_add(RECEIPT_GRACE).unwrap_or(Timestamp::MAX)
}

fn nobody(reason: RejectionReason) -> Target {
    Target::Reject { reason, concerns: None }
}

fn rejected(reason: RejectionReason, concerns: Option<(ParticipationId, CampaignId)>) -> EventReport {
    EventReport {
        outcome: EventOutcome::Rejected,
        reason: Some(reason),
        participation: concerns.map(|(participation, _)| participation),
    }
}

fn duplicate(participation: ParticipationId, verdict: &Verdict) -> EventReport {
    let reason = match verdict {
        Verdict::Counted(_) => None,
        Verdict::Rejected(reason) => Some(*reason),
    };
    EventReport { outcome: EventOutcome::Duplicate, reason, participation: Some(participation) }
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
