//! Finds the participation to which an event under a streamer's token is credited.
//!
//! Events never decide what is on screen: selection does not run to find out whom to credit (defect M4). An event with
//! a receipt is credited to the display that the receipt names, even if the screen has changed since. An event without
//! a receipt is credited to the decision in force.

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
    Clock, OverlayService, ServiceError,
    content::{Credit, Display},
    entropy,
    heartbeats::Heartbeats,
    receipt::{self, RECEIPT_GRACE, Subject},
    recorder::Recorder,
    screen::{in_force_until, test_ad_on_screen},
    secrets::Secrets,
    snapshots::{Reading, Streamer},
    tasks::Tasks,
};

/// The precision of the time when an overlay was last seen: half the time between two pings of a page. Pings closer to
/// the stored time are not written.
const PING_PRECISION: SignedDuration = SignedDuration::from_secs(15);
/// The number of remembered screens, and how long each is remembered, which is longer than needed.
const PINGED_MAX: u64 = 100_000;
const PINGED_FOR: Duration = Duration::from_mins(1);

/// What a caller sends about an event.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// The receipt of the display on which the event happened.
    pub receipt: Option<String>,
    /// The id by which a repeated event is recognised. Without it, each call is a new event.
    pub event_id: Option<String>,
}

/// The outcome of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventReport {
    /// Whether the event counts.
    pub outcome: EventOutcome,
    /// Why the event does not count. For a duplicate, why the first event with this id did not count.
    pub reason: Option<RejectionReason>,
    /// Why the event is counted but not paid, if the reason is not the price. For a duplicate, this is about the first
    /// event with this id.
    pub unpaid: Option<UnpaidReason>,
    /// The participation to which the event was credited, or would have been.
    pub participation: Option<ParticipationId>,
}

/// Whether an event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// The event counts.
    Counted,
    /// An event with this id was recorded before.
    Duplicate,
    /// The event does not count.
    Rejected,
}

/// Records displays, clicks and pings under a streamer's token.
#[derive(Clone)]
pub struct TrackingService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    recorder: Recorder,
    heartbeats: Heartbeats,
    overlay: OverlayService,
    /// When this instance last wrote that the screen of a token was seen.
    pinged: Cache<String, Timestamp>,
}

/// The information from which the credited participation is found.
enum Evidence<'a> {
    /// A receipt that has not been verified, and the display that is known to be on screen, if any.
    Receipt(&'a str, Option<Display>),
    /// The copy in memory of what is on screen.
    Screen(Credit),
    /// Nothing is known about the screen, so the decision in force has to be read. `user` is the streamer as stored.
    Decision { user: Box<User>, token: &'a str, reading: Reading },
}

/// What an event is credited to, or why it is rejected.
enum Target {
    Credit(Display),
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

    /// Counts the display of a decision. It counts once, however often it is reported and with whatever event ids.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::InvalidReceipt`], [`ServiceError::ExpiredReceipt`],
    /// [`ServiceError::Storage`].
    pub async fn record_display(&self, token: &str, event: &Event) -> Result<EventReport, ServiceError> {
        let (streamer, evidence) = self.evidence(token, event).await?;
        match self.target(streamer, evidence).await? {
            Target::Credit(display) => {
                let id = EntryId::display(display.decision);
                let quota = Quota::of_display(streamer.id, display.from);
                self.record(id, EntryKind::Display, &display, display.from, Some(quota)).await
            }
            Target::Reject { reason, participation } => Ok(rejected(reason, participation)),
        }
    }

    /// Counts a click under a streamer's own token. Such clicks are never paid.
    ///
    /// # Errors
    /// As [`record_display`](Self::record_display); also [`ServiceError::Entropy`].
    pub async fn record_click(
        &self,
        token: &str,
        kind: ClickKind,
        event: &Event,
    ) -> Result<EventReport, ServiceError> {
        let (streamer, evidence) = self.evidence(token, event).await?;
        let event_id = match &event.event_id {
            Some(id) => id.clone(),
            None => entropy::new_event_id()?,
        };
        let id = EntryId::click(streamer.id, kind, &event_id);
        let target = match self.target(streamer, evidence).await {
            // The receipt has expired, but a click that was recorded in time keeps its outcome.
            Err(ServiceError::ExpiredReceipt) => {
                return self.earlier(&id).await?.ok_or(ServiceError::ExpiredReceipt);
            }
            target => target?,
        };
        match target {
            Target::Credit(display) => {
                // The click was on this display, so its time is clamped to the display's: clocks are not exact.
                let at = self.clock.now().min(display.until).max(display.from);
                self.record(id, EntryKind::Click(kind), &display, at, None).await
            }
            // A rejected click is not stored, because a receipt that proves an earlier display may still follow.
            Target::Reject { reason, participation } => {
                Ok(self.earlier(&id).await?.unwrap_or_else(|| rejected(reason, participation)))
            }
        }
    }

    /// Notes that the token's screen was seen. If the event has a receipt, the display is also counted as in
    /// [`record_display`](Self::record_display), and its report is returned.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::Storage`]. With a receipt, also the errors of
    /// [`record_display`](Self::record_display); the screen has been noted nevertheless.
    pub async fn ping(&self, token: &str, event: &Event) -> Result<Option<EventReport>, ServiceError> {
        self.note_presence(token).await?;
        if event.receipt.is_none() {
            return Ok(None);
        }
        self.record_display(token, event).await.map(Some)
    }

    async fn note_presence(&self, token: &str) -> Result<(), ServiceError> {
        let streamer = self.overlay.resolve(token).await?;
        let now = self.clock.now();
        // Only a ping that changes the stored time noticeably is written (defect O17: each ping saved the whole user).
        // A streamer from memory may have an old time, so `pinged` is checked, too.
        let seen = [streamer.overlay_last_seen, self.pinged.get(token)];
        if seen.iter().flatten().any(|seen| now.duration_since(*seen).abs() < PING_PRECISION) {
            return Ok(());
        }
        self.heartbeats.note(streamer.id, now).await?;
        self.pinged.insert(token.to_owned(), now);
        Ok(())
    }

    /// The token's streamer, and the information from which the credited participation is found.
    async fn evidence<'a>(
        &self,
        token: &'a str,
        event: &'a Event,
    ) -> Result<(Streamer, Evidence<'a>), ServiceError> {
        let known = self.overlay.known(token);
        if let Some(receipt) = &event.receipt {
            let (streamer, shown) = match known {
                Some(known) => known,
                None => (self.overlay.resolve(token).await?, None),
            };
            return Ok((streamer, Evidence::Receipt(receipt, shown.and_then(Result::ok))));
        }
        if let Some((streamer, Some(credit))) = known {
            return Ok((streamer, Evidence::Screen(credit)));
        }
        let reading = self.overlay.begin_reading();
        let user = Box::new(self.overlay.resolve_stored(token).await?);
        Ok((Streamer::from(&*user), Evidence::Decision { user, token, reading }))
    }

    async fn target(&self, streamer: Streamer, evidence: Evidence<'_>) -> Result<Target, ServiceError> {
        let now = self.clock.now();
        match evidence {
            Evidence::Receipt(receipt, shown) => match receipt::verify(&self.secrets, streamer, receipt)? {
                Subject::Decision(id) => match shown.filter(|shown| shown.decision == id) {
                    Some(shown) => Ok(Target::Credit(shown)),
                    None => self.target_of_receipt(id, now).await,
                },
                Subject::TestAd(until) if now <= after(until) => Ok(nobody(RejectionReason::TestAd)),
                Subject::TestAd(_) => Err(ServiceError::ExpiredReceipt),
            },
            Evidence::Screen(Ok(shown)) => Ok(Target::Credit(shown)),
            Evidence::Screen(Err(reason)) => Ok(nobody(reason)),
            Evidence::Decision { user, token, reading } => {
                let (target, end) = self.target_without_receipt(&user, now).await?;
                if let (Target::Credit(display), Some(end)) = (&target, end) {
                    self.overlay.keep_in_force(reading, token, &user, *display, end);
                }
                Ok(target)
            }
        }
    }

    /// The target of an event without a receipt. The second result is the end of the display if a page would show the
    /// same display now; the target can then be kept in memory until that end.
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
            // This result is not kept in memory: any page may ask any instance at any moment, and a decision is made
            // then.
            return Ok((nobody(reason), None));
        };
        let Decision { id, from, until, basis, .. } = *decision;
        let display = Display { decision: id, campaign, participation, basis, from, until };
        self.target_in_force(user, display, now).await
    }

    /// The target of an event with a receipt. Only the display's time matters: it was eligible when it was decided.
    async fn target_of_receipt(&self, id: DecisionId, now: Timestamp) -> Result<Target, ServiceError> {
        let display = self.overlay.display(id).await?.ok_or(ServiceError::InvalidReceipt)?;
        if now > after(display.until) {
            return Err(ServiceError::ExpiredReceipt);
        }
        Ok(Target::Credit(display))
    }

    /// The target of an event without a receipt. The campaign must be eligible now, because nothing proves an earlier
    /// display.
    async fn target_in_force(
        &self,
        user: &User,
        display: Display,
        now: Timestamp,
    ) -> Result<(Target, Option<Timestamp>), ServiceError> {
        let reject =
            |reason| Ok((Target::Reject { reason, participation: Some(display.participation) }, None));
        let nothing = Ok((nobody(RejectionReason::NothingOnScreen), None));
        match screen_hindrance(user, now) {
            Some(EmptyReason::Blackout) => return reject(RejectionReason::Blackout),
            Some(EmptyReason::StreamerInactive | EmptyReason::NoCampaign) => return nothing,
            None => {}
        }
        let participation = self.storage.participations.find_by_id(display.participation).await?;
        let campaign = self.storage.campaigns.find_by_id(display.campaign).await?;
        let (Some(participation), Some(campaign)) = (participation, campaign) else {
            return nothing;
        };
        match hindrance(&campaign, &participation, now) {
            None => Ok((Target::Credit(display), Some(in_force_until(&display, &campaign)))),
            // The ledger decides about money, within its transaction. The target is not kept in memory, because the
            // next page will show another campaign.
            Some(Hindrance::BudgetExhausted) => Ok((Target::Credit(display), None)),
            Some(Hindrance::ParticipationNotActive) => reject(RejectionReason::ParticipationNotActive),
            Some(Hindrance::CampaignNotActive) => reject(RejectionReason::CampaignNotActive),
            Some(Hindrance::MediaNotDisplayable) => nothing,
        }
    }

    async fn record(
        &self,
        id: EntryId,
        kind: EntryKind,
        display: &Display,
        at: Timestamp,
        quota: Option<Quota>,
    ) -> Result<EventReport, ServiceError> {
        let Display { participation, campaign, basis, .. } = *display;
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
                    // Screens that show this campaign are decided anew.
                    self.overlay.forget(campaign);
                }
                rejected(reason, Some(participation))
            }
        })
    }

    /// The report on an event that was recorded before. It stays the same whatever is on screen now.
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
