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
    ClickKind, DecisionId, ParticipationId, RejectionReason, SignedDuration, Timestamp,
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
    heartbeats: Heartbeats,
    overlay: OverlayService,
    /// The tokens under which this instance has noted that a screen is there, and when.
    pinged: Cache<String, Timestamp>,
}

/// What says whom an event is credited to.
enum Evidence<'a> {
    /// A receipt, which is yet to be verified, and what is known to be on screen.
    Receipt(&'a str, Option<Display>),
    /// What is known of the screen.
    Screen(Credit),
    /// The decision in force, if there is one, which the streamer's settings say: as they are in the store.
    Decision { user: Box<User>, token: &'a str, reading: Reading },
}

/// Whom an event concerns.
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
    ) -> Self {
        let pinged = Cache::builder().max_capacity(PINGED_MAX).time_to_live(PINGED_FOR).build();
        let heartbeats = Heartbeats::new(storage.users.clone());
        Self { storage, clock, secrets, recorder, heartbeats, overlay, pinged }
    }

    pub(crate) fn with(&self, recorder: Recorder) -> Self {
        Self { recorder, ..self.clone() }
    }

    /// Counts the display of a decision: once, however often it is reported and whatever event id the caller sends.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::InvalidReceipt`], [`ServiceError::ExpiredReceipt`],
    /// [`ServiceError::Storage`].
    pub async fn record_display(&self, token: &str, event: &Event) -> Result<EventReport, ServiceError> {
        let (streamer, evidence) = self.evidence(token, event).await?;
        match self.target(streamer, evidence).await? {
            Target::Credit(display) => {
                let id = EntryId::display(display.decision);
                self.record(id, EntryKind::Display, &display, display.from).await
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
        let (streamer, evidence) = self.evidence(token, event).await?;
        let event_id = match &event.event_id {
            Some(id) => id.clone(),
            None => entropy::new_event_id()?,
        };
        let id = EntryId::click(streamer.id, kind, &event_id);
        let target = match self.target(streamer, evidence).await {
            // What was recorded in time stays what it was.
            Err(ServiceError::ExpiredReceipt) => {
                return self.earlier(&id).await?.ok_or(ServiceError::ExpiredReceipt);
            }
            target => target?,
        };
        match target {
            Target::Credit(display) => {
                // The click is on what was displayed, so it happened while that was, to the clock's precision.
                let at = self.clock.now().min(display.until).max(display.from);
                self.record(id, EntryKind::Click(kind), &display, at).await
            }
            // Not stored: a receipt that proves an earlier display may yet come.
            Target::Reject { reason, participation } => {
                Ok(self.earlier(&id).await?.unwrap_or_else(|| rejected(reason, participation)))
            }
        }
    }

    /// Notes that the screen which the token addresses is there. With the receipt of what is drawn on it, also counts that
    /// display, as [`record_display`](Self::record_display) does, and tells what became of it.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`], [`ServiceError::Storage`]; with a receipt, those of
    /// [`record_display`](Self::record_display), and the screen is noted none the less.
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
        // Defect O17: each ping saved the whole user. One that says nothing new is not worth a write. A streamer from
        // memory may have been seen since.
        let seen = [streamer.overlay_last_seen, self.pinged.get(token)];
        if seen.iter().flatten().any(|seen| now.duration_since(*seen).abs() < PING_PRECISION) {
            return Ok(());
        }
        self.heartbeats.note(streamer.id, now).await?;
        self.pinged.insert(token.to_owned(), now);
        Ok(())
    }

    /// The streamer whom the token addresses, and what says whom the event is credited to.
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

    /// Whom an event is credited to that has no receipt; and where a page would show that very display, until when.
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
            // Not kept: a page may ask at any moment, of any instance, and has something decided then.
            return Ok((nobody(reason), None));
        };
        let Decision { id, from, until, basis, .. } = *decision;
        let display = Display { decision: id, campaign, participation, basis, from, until };
        self.target_in_force(user, display, now).await
    }

    /// Judged by the time of the display: it was eligible when it was decided.
    async fn target_of_receipt(&self, id: DecisionId, now: Timestamp) -> Result<Target, ServiceError> {
        let display = self.overlay.display(id).await?.ok_or(ServiceError::InvalidReceipt)?;
        if now > after(display.until) {
            return Err(ServiceError::ExpiredReceipt);
        }
        Ok(Target::Credit(display))
    }

    /// Judged by the present: without a receipt nothing proves an earlier display.
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
            // Money is the ledger's to judge, within its transaction. The next page shows something else.
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
    ) -> Result<EventReport, ServiceError> {
        let Display { participation, campaign, basis, .. } = *display;
        let entry = Entry { basis: Some(basis), ..Entry::new(id, kind, participation, campaign, at) };
        Ok(match self.recorder.record(entry).await? {
            Outcome::Counted(_) => EventReport {
                outcome: EventOutcome::Counted,
                reason: None,
                participation: Some(participation),
            },
            Outcome::Duplicate { participation, verdict } => duplicate(participation, &verdict),
            Outcome::Rejected(reason) => {
                // Its money is gone: whoever shows it looks again.
                self.overlay.forget(campaign);
                rejected(reason, Some(participation))
            }
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
