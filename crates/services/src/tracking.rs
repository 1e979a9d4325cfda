//! Whom an event under a streamer's token is credited to.
//!
//! Events never make decisions. An event with a receipt is credited to the campaign that the receipt proves to have been on
//! the screen, however the screen has changed since. An event without a receipt is credited to the decision in force. No
//! campaign is selected to find out whom to credit (defect M4).

use std::{sync::Arc, time::Duration};

use gametriggers_domain::{
    decision::Decision,
    eligibility::{EmptyReason, Hindrance, hindrance, screen_hindrance},
    ledger::{Entry, EntryId, EntryKind, Verdict},
    model::User,
    quota::Quota,
};
use gametriggers_persistence::{Outcome, Repositories};
use gametriggers_types::{
    ClickKind, DecisionId, ParticipationId, RejectionReason, SignedDuration, Timestamp, UnpaidReason,
};
use moka::sync::Cache;

use crate::{
    Clock, OverlayService, ServiceError, entropy,
    heartbeats::Heartbeats,
    memory::ReadStamp,
    recorder::Recorder,
    screens::{
        Credit, DisplayedCampaign, ScreenOwner, in_force_until,
        receipt::{self, RECEIPT_GRACE, Subject},
        test_ad_on_screen,
    },
    secrets::Secrets,
    tasks::Tasks,
};

/// How exact the time is when an overlay was last seen: half the time between two pings of a page.
const PING_PRECISION: SignedDuration = SignedDuration::from_secs(15);
/// For how many screens the last ping is remembered, and for how long: longer than [`PING_PRECISION`].
const PINGED_MAX: u64 = 100_000;
const PINGED_FOR: Duration = Duration::from_mins(1);

/// What a caller sends about an event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// The receipt of the display on which the event happened.
    pub receipt: Option<String>,
    /// Events with the same id count once. Without an id, each call is an event of its own.
    pub event_id: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventReport {
    /// Whether the event counts.
    pub outcome: EventOutcome,
    /// Why the event, or the earlier one of the same id, does not count.
    pub reason: Option<RejectionReason>,
    /// Why the event, or the earlier one of the same id, is counted and not paid, if another rule than the price says so.
    pub unpaid: Option<UnpaidReason>,
    /// The participation that the event was credited to, or would have been.
    pub participation: Option<ParticipationId>,
}

/// Whether an event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// The event counts.
    Counted,
    /// An event of the same id was recorded before.
    Duplicate,
    /// The event does not count.
    Rejected,
}

/// Credits events to participations.
#[derive(Clone)]
pub struct TrackingService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    recorder: Recorder,
    heartbeats: Heartbeats,
    overlay: OverlayService,
    /// When this instance last noted that an overlay is there, by the token of the ping.
    pinged: Cache<String, Timestamp>,
}

/// What tells whom an event is credited to.
enum Evidence<'a> {
    /// A receipt, which is not verified yet; and the campaign on screen, if that is in memory.
    Receipt(&'a str, Option<DisplayedCampaign>),
    /// What is on the screen, from memory.
    Screen(Credit),
    /// The decision in force, if there is one. The user is as in the store: their settings tell whether a decision is in
    /// force.
    Decision { user: Box<User>, token: &'a str, read: ReadStamp },
}

/// Whom an event is credited to, or why it is rejected.
enum Target {
    Credit(DisplayedCampaign),
    Reject { reason: RejectionReason, participation: Option<ParticipationId> },
}

impl TrackingService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        recorder: Recorder,
        overlay: OverlayService,
        tasks: &Tasks,
    ) -> Self {
        let pinged = Cache::builder().max_capacity(PINGED_MAX).time_to_live(PINGED_FOR).build();
        let heartbeats = Heartbeats::new(storage.users.clone(), tasks);
        Self { storage, clock, secrets, recorder, heartbeats, overlay, pinged }
    }

    pub(crate) fn with(&self, recorder: Recorder) -> Self {
        Self { recorder, ..self.clone() }
    }

    /// Counts the display of a decision. A display counts once, however often it is reported and whatever event id the caller
    /// sends.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::InvalidReceipt`], [`ServiceError::ExpiredReceipt`],
    /// [`ServiceError::Storage`].
    pub async fn record_display(&self, token: &str, event: &Event) -> Result<EventReport, ServiceError> {
        let (owner, evidence) = self.evidence(token, event).await?;
        match self.target(owner, evidence).await? {
            Target::Credit(displayed) => {
                let id = EntryId::display(displayed.decision);
                let quota = Quota::of_display(owner.id, displayed.from);
                self.record(id, EntryKind::Display, &displayed, displayed.from, Some(quota)).await
            }
            Target::Reject { reason, participation } => Ok(rejected(reason, participation)),
        }
    }

    /// Counts a click under a streamer's own token. Such a click is never paid.
    ///
    /// # Errors
    /// As [`record_display`](Self::record_display); [`ServiceError::Entropy`].
    pub async fn record_click(
        &self,
        token: &str,
        kind: ClickKind,
        event: &Event,
    ) -> Result<EventReport, ServiceError> {
        let (owner, evidence) = self.evidence(token, event).await?;
        let event_id = match &event.event_id {
            Some(id) => id.clone(),
            None => entropy::new_event_id()?,
        };
        let id = EntryId::click(owner.id, kind, &event_id);
        let target = match self.target(owner, evidence).await {
            // A click that was recorded in time keeps its outcome.
            Err(ServiceError::ExpiredReceipt) => {
                return self.earlier(&id).await?.ok_or(ServiceError::ExpiredReceipt);
            }
            target => target?,
        };
        match target {
            Target::Credit(displayed) => {
                // The click was on the display, so it happened while the display lasted, to the precision of clocks.
                let at = self.clock.now().min(displayed.until).max(displayed.from);
                self.record(id, EntryKind::Click(kind), &displayed, at, None).await
            }
            // The rejection is not stored: the same click may come again with a receipt that proves an earlier display.
            Target::Reject { reason, participation } => {
                Ok(self.earlier(&id).await?.unwrap_or_else(|| rejected(reason, participation)))
            }
        }
    }

    /// Notes that the overlay which the token addresses is there. If the event has the receipt of what the overlay shows,
    /// also counts that display, as [`record_display`](Self::record_display) does, and returns what became of it.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::Storage`]; with a receipt also those of
    /// [`record_display`](Self::record_display), after the overlay was noted.
    pub async fn ping(&self, token: &str, event: &Event) -> Result<Option<EventReport>, ServiceError> {
        self.note_presence(token).await?;
        if event.receipt.is_none() {
            return Ok(None);
        }
        self.record_display(token, event).await.map(Some)
    }

    async fn note_presence(&self, token: &str) -> Result<(), ServiceError> {
        let owner = self.overlay.resolve(token).await?;
        let now = self.clock.now();
        // Defect O17: each ping saved the whole user. A ping that says nothing new is not worth a write. A streamer from
        // memory may have been seen since they were read, so the pings that this instance has noted are looked at, too.
        let seen = [owner.overlay_last_seen, self.pinged.get(token)];
        if seen.iter().flatten().any(|seen| now.duration_since(*seen).abs() < PING_PRECISION) {
            return Ok(());
        }
        self.heartbeats.note(owner.id, now).await?;
        self.pinged.insert(token.to_owned(), now);
        Ok(())
    }

    /// The owner of the screen that the token addresses, and what tells whom the event is credited to.
    async fn evidence<'a>(
        &self,
        token: &'a str,
        event: &'a Event,
    ) -> Result<(ScreenOwner, Evidence<'a>), ServiceError> {
        let in_memory = self.overlay.owner_and_credit(token);
        if let Some(receipt) = &event.receipt {
            let (owner, credit) = match in_memory {
                Some(in_memory) => in_memory,
                None => (self.overlay.resolve(token).await?, None),
            };
            return Ok((owner, Evidence::Receipt(receipt, credit.and_then(Result::ok))));
        }
        if let Some((owner, Some(credit))) = in_memory {
            return Ok((owner, Evidence::Screen(credit)));
        }
        let read = self.overlay.begin_read();
        let user = Box::new(self.overlay.resolve_stored(token).await?);
        Ok((ScreenOwner::from(&*user), Evidence::Decision { user, token, read }))
    }

    async fn target(&self, owner: ScreenOwner, evidence: Evidence<'_>) -> Result<Target, ServiceError> {
        let now = self.clock.now();
        match evidence {
            Evidence::Receipt(receipt, shown) => match receipt::verify(&self.secrets, owner, receipt)? {
                Subject::Decision(id) => match shown.filter(|shown| shown.decision == id) {
                    Some(shown) => Ok(Target::Credit(shown)),
                    None => self.target_of_receipt(id, now).await,
                },
                Subject::TestAd(until) if now <= after(until) => Ok(nobody(RejectionReason::TestAd)),
                Subject::TestAd(_) => Err(ServiceError::ExpiredReceipt),
            },
            Evidence::Screen(Ok(shown)) => Ok(Target::Credit(shown)),
            Evidence::Screen(Err(reason)) => Ok(nobody(reason)),
            Evidence::Decision { user, token, read } => {
                let (target, until) = self.target_without_receipt(&user, now).await?;
                if let (Target::Credit(displayed), Some(until)) = (&target, until) {
                    self.overlay.keep_in_force(read, token, &user, *displayed, until);
                }
                Ok(target)
            }
        }
    }

    /// Whom an event without a receipt is credited to. If a page shows that campaign too: also until when.
    async fn target_without_receipt(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<(Target, Option<Timestamp>), ServiceError> {
        if test_ad_on_screen(user, now).is_some() {
            return Ok((nobody(RejectionReason::TestAd), None));
        }
        let in_force = self.storage.decisions.find_latest(user.id).await?;
        let in_force = in_force.filter(|latest| latest.is_current(now, user.selection.version));
        let shown = in_force.as_ref().and_then(|decision| Some((decision, decision.shown()?)));
        let Some((decision, (campaign, participation))) = shown else {
            let reason = match screen_hindrance(user, now) {
                Some(EmptyReason::Blackout) => RejectionReason::Blackout,
                _ => RejectionReason::NothingOnScreen,
            };
            // This is not kept in memory: a page may ask at any moment, and then any instance may make a decision.
            return Ok((nobody(reason), None));
        };
        let Decision { id, from, until, basis, .. } = *decision;
        let displayed = DisplayedCampaign { decision: id, campaign, participation, basis, from, until };
        self.target_in_force(user, displayed, now).await
    }

    /// Whom an event with a verified receipt is credited to. Only the time of the display is looked at: the campaign was
    /// eligible when the decision was made.
    async fn target_of_receipt(&self, id: DecisionId, now: Timestamp) -> Result<Target, ServiceError> {
        let displayed = self.overlay.displayed_by(id).await?.ok_or(ServiceError::InvalidReceipt)?;
        if now > after(displayed.until) {
            return Err(ServiceError::ExpiredReceipt);
        }
        Ok(Target::Credit(displayed))
    }

    /// Whom an event without a receipt is credited to while a decision is current. The campaign must be eligible now: without
    /// a receipt nothing proves that it was on the screen before.
    async fn target_in_force(
        &self,
        user: &User,
        displayed: DisplayedCampaign,
        now: Timestamp,
    ) -> Result<(Target, Option<Timestamp>), ServiceError> {
        let reject =
            |reason| Ok((Target::Reject { reason, participation: Some(displayed.participation) }, None));
        let nothing = Ok((nobody(RejectionReason::NothingOnScreen), None));
        match screen_hindrance(user, now) {
            Some(EmptyReason::Blackout) => return reject(RejectionReason::Blackout),
            Some(EmptyReason::StreamerInactive | EmptyReason::NoCampaign) => return nothing,
            None => {}
        }
        let participation = self.storage.participations.find_by_id(displayed.participation).await?;
        let campaign = self.storage.campaigns.find_by_id(displayed.campaign).await?;
        let (Some(participation), Some(campaign)) = (participation, campaign) else {
            return nothing;
        };
        match hindrance(&campaign, &participation, now) {
            None => Ok((Target::Credit(displayed), Some(in_force_until(&displayed, &campaign)))),
            // The ledger judges the money, within its transaction. A page will show something else, so nothing is kept.
            Some(Hindrance::BudgetExhausted) => Ok((Target::Credit(displayed), None)),
            Some(Hindrance::ParticipationNotActive) => reject(RejectionReason::ParticipationNotActive),
            Some(Hindrance::CampaignNotActive) => reject(RejectionReason::CampaignNotActive),
            Some(Hindrance::MediaNotDisplayable) => nothing,
        }
    }

    async fn record(
        &self,
        id: EntryId,
        kind: EntryKind,
        displayed: &DisplayedCampaign,
        at: Timestamp,
        quota: Option<Quota>,
    ) -> Result<EventReport, ServiceError> {
        let DisplayedCampaign { participation, campaign, basis, .. } = *displayed;
        let entry = Entry { basis: Some(basis), quota, ..Entry::new(id, kind, participation, campaign, at) };
        Ok(match self.recorder.record(entry).await? {
            Outcome::Counted(accrual) => EventReport {
                outcome: EventOutcome::Counted,
                reason: None,
                unpaid: accrual.reason,
                participation: Some(participation),
            },
            Outcome::Duplicate { participation, verdict } => duplicate(participation, &verdict),
            Outcome::Rejected(reason) => {
                if reason == RejectionReason::BudgetExhausted {
                    // The screens that show the campaign are to be read again.
                    self.overlay.invalidate_campaign(campaign);
                }
                rejected(reason, Some(participation))
            }
        })
    }

    /// The report on an event that was recorded before. It stays the same, whatever is on screen now.
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
    EventReport { outcome: EventOutcome::Rejected, reason: Some(reason), unpaid: None, participation }
}

fn duplicate(participation: ParticipationId, verdict: &Verdict) -> EventReport {
    let (reason, unpaid) = match verdict {
        Verdict::Counted(accrual) => (None, accrual.reason),
        Verdict::Rejected(reason) => (Some(*reason), None),
    };
    EventReport { outcome: EventOutcome::Duplicate, reason, unpaid, participation: Some(participation) }
}
