//! Whom an event under a streamer's token is credited to.
//!
//! Events never decide. One with a receipt is credited to what that receipt's display showed, however the screen has
//! changed since; one without is credited to the decision in force. Selection is never run to find out whom to credit
//! (defect M4).

use std::{sync::Arc, time::Duration};

use gametriggers_domain::{
    decision::Decision,
    eligibility::{EmptyReason, Hindrance, hindrance, screen_hindrance},
    ledger::{Entry, EntryId, EntryKind, Verdict},
    model::User,
};
use gametriggers_persistence::{Outcome, Repositories};
use gametriggers_types::{
    CampaignId, ClickKind, DecisionId, ParticipationId, RejectionReason, SignedDuration, Timestamp,
};
use moka::sync::Cache;

use crate::{
    Clock, OverlayService, ServiceError, entropy,
    overlay::test_ad_on_screen,
    receipt::{self, RECEIPT_GRACE, Subject},
    recorder::Recorder,
    secrets::Secrets,
};

/// How exactly it is known when an overlay was last seen: half the time between two pings of a page.
const PING_PRECISION: SignedDuration = SignedDuration::from_secs(15);
/// How many screens are remembered, and for how long: longer than matters.
const PINGED_MAX: u64 = 100_000;
const PINGED_FOR: Duration = Duration::from_mins(1);

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

/// Credits events.
#[derive(Clone)]
pub struct TrackingService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    recorder: Recorder,
    overlay: OverlayService,
    /// The tokens under which this instance has noted that a screen is there, and when.
    pinged: Cache<String, Timestamp>,
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
        participation: Option<ParticipationId>,
    },
}

impl TrackingService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        recorder: Recorder,
        overlay: OverlayService,
    ) -> Self {
        let pinged = Cache::builder().max_capacity(PINGED_MAX).time_to_live(PINGED_FOR).build();
        Self { storage, clock, secrets, recorder, overlay, pinged }
    }

    /// Counts the display of a decision: once, however often it is reported and whatever event id the caller sends.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::InvalidReceipt`], [`ServiceError::ExpiredReceipt`],
    /// [`ServiceError::Storage`].
    pub async fn record_display(&self, token: &str, event: &Event) -> Result<EventReport, ServiceError> {
        let user = self.streamer(token, event).await?;
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
            Target::Reject { reason, participation } => Ok(rejected(reason, participation)),
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
        let user = self.streamer(token, event).await?;
        let event_id = match &event.event_id {
            Some(id) => id.clone(),
            None => entropy::new_event_id()?,
        };
        let id = EntryId::click(user.id, kind, &event_id);
        let target = match self.target(&user, event).await {
            // What was recorded in time stays what it was.
            Err(ServiceError::ExpiredReceipt) => {
                return self.earlier(&id).await?.ok_or(ServiceError::ExpiredReceipt);
            }
            target => target?,
        };
        match target {
            Target::Credit { participation, campaign, shown: (from, end), .. } => {
                // The click is on what was displayed, so it happened while that was, to the clock's precision.
                let at = self.clock.now().min(end).max(from);
                let kind = EntryKind::Click(kind);
                self.record(Entry { id, participation, campaign, kind, units: 1, at, rejected: None }).await
            }
            // Not stored: a receipt that proves an earlier display may yet come.
            Target::Reject { reason, participation } => {
                Ok(self.earlier(&id).await?.unwrap_or_else(|| rejected(reason, participation)))
            }
        }
    }

    /// Notes that the screen which the token addresses is there.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::Storage`].
    pub async fn ping(&self, token: &str) -> Result<(), ServiceError> {
        let user = self.overlay.resolve(token).await?;
        let now = self.clock.now();
        // Defect O17: each ping saved the whole user. One that says nothing new is not worth a write. A streamer from
        // memory does not tell when they were seen.
        let seen = [user.overlay_last_seen, self.pinged.get(token)];
        if seen.iter().flatten().any(|seen| now.duration_since(*seen).abs() < PING_PRECISION) {
            return Ok(());
        }
        self.storage.users.touch_overlay(user.id, now).await?;
        self.pinged.insert(token.to_owned(), now);
        Ok(())
    }

    /// The streamer whom the token addresses. Without a receipt their settings say whether a decision is in force, which is
    /// asked of the store.
    async fn streamer(&self, token: &str, event: &Event) -> Result<Arc<User>, ServiceError> {
        match event.receipt {
            Some(_) => self.overlay.resolve(token).await,
            None => self.overlay.resolve_stored(token).await.map(Arc::new),
        }
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
        if test_ad_on_screen(user, now).is_some() {
            return Ok(nobody(RejectionReason::TestAd));
        }
        let in_force = self.storage.decisions.find_latest(user.id).await?;
        let in_force = in_force.filter(|latest| latest.is_current(now, user.selection.version));
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
        let reject = |reason| Target::Reject { reason, participation: Some(participation_id) };
        match screen_hindrance(user, now) {
            Some(EmptyReason::Blackout) => {
                return Ok(reject(RejectionReason::Blackout));
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
            Some(reason) => reject(reason),
            None => Target::Credit {
                decision: decision.id,
                participation: participation_id,
                campaign: campaign_id,
                shown: (decision.from, decision.until),
            },
        })
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
    Target::Reject { reason, participation: None }
}

fn rejected(reason: RejectionReason, participation: Option<ParticipationId>) -> EventReport {
    EventReport { outcome: EventOutcome::Rejected, reason: Some(reason), participation }
}

fn duplicate(participation: ParticipationId, verdict: &Verdict) -> EventReport {
    let reason = match verdict {
        Verdict::Counted(_) => None,
        Verdict::Rejected(reason) => Some(*reason),
    };
    EventReport { outcome: EventOutcome::Duplicate, reason, participation: Some(participation) }
}
