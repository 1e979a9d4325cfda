//! What a streamer's screen shows: from a token to the decision in force.
//!
//! Deciding, and ending what was decided, read the store. What is known to be in force is told from
//! [memory](crate::snapshots).

use std::sync::Arc;

use gametriggers_domain::{
    decision::{Basis, Content, Decision, Tally},
    eligibility::{EmptyReason, hindrance, screen_hindrance, shown_until},
    model::{Campaign, Participation, TestCampaign, User},
    selection::{self, Candidate, SelectionContext},
};
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::{CampaignId, DecisionId, ScreenToken, Slot, Timestamp};

use crate::{
    Clock, ServiceError,
    clocks::Clocks,
    receipt::{self, Subject},
    secrets::Secrets,
    snapshots::{Display, Rendering, Shown, Snapshots, Streamer},
};

/// How often a decision is attempted while other instances decide first.
const ATTEMPTS: u32 = 10;

/// A streamer's screen and what is on it.
#[derive(Debug, Clone)]
pub struct Screen {
    /// Whose screen.
    pub user: User,
    /// What is on it.
    pub on_screen: OnScreen,
}

/// What is on a screen.
#[derive(Debug, Clone)]
pub enum OnScreen {
    /// A campaign, until its slot ends.
    Campaign(Box<ShownCampaign>),
    /// The streamer's own test ad.
    Test {
        /// The ad.
        ad: TestCampaign,
        /// Its receipt, with which a click is known to be on a test ad.
        receipt: String,
    },
    /// Nothing.
    Empty(EmptyReason),
}

/// A campaign on a screen.
#[derive(Debug, Clone)]
pub struct ShownCampaign {
    /// The decision that put it there.
    pub decision: Decision,
    /// The campaign.
    pub campaign: Campaign,
    /// The streamer's part in it.
    pub participation: Participation,
    /// Proof of this display, the same for all displays of the decision.
    pub receipt: String,
}

impl Screen {
    /// The campaign on it, which is kept in memory; what else may be on it is soon over.
    fn display(&self) -> Option<Display> {
        match &self.on_screen {
            OnScreen::Campaign(shown) => Some(Display {
                decision: shown.decision.id,
                campaign: shown.campaign.id,
                participation: shown.participation.id,
                from: shown.decision.from,
                until: shown.decision.until,
            }),
            OnScreen::Test { .. } | OnScreen::Empty(_) => None,
        }
    }
}

/// Shows screens, and decides what is on them.
#[derive(Clone)]
pub struct OverlayService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    snapshots: Arc<Snapshots>,
    clocks: Clocks,
}

impl OverlayService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        snapshots: Arc<Snapshots>,
    ) -> Self {
        Self { storage, clock, secrets, snapshots, clocks: Clocks::new() }
    }

    /// Whose screen a token addresses: the streamer of this overlay token, or of the participation with this browser
    /// source token unless the streamer has revoked it since they joined. May come from memory, as it was a moment ago.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`] for any other text; [`ServiceError::Storage`].
    pub async fn resolve(&self, token: &str) -> Result<Streamer, ServiceError> {
        if let Some(known) = self.snapshots.find(token) {
            return Ok(known.streamer);
        }
        let token = ScreenToken::parse(token).ok_or(ServiceError::UnknownToken)?;
        let reading = self.snapshots.begin_reading();
        let user = self.look_up(&token).await?;
        self.snapshots.keep(reading, &token, &user, None);
        Ok(Streamer::from(&user))
    }

    /// Whether it is known from memory whose screen a token addresses.
    #[must_use]
    pub fn remembers(&self, token: &str) -> bool {
        self.snapshots.find(token).is_some()
    }

    /// [`resolve`](Self::resolve) for whoever decides, or judges whether a decision is in force: as it is in the store.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) async fn resolve_stored(&self, token: &str) -> Result<User, ServiceError> {
        let token = ScreenToken::parse(token).ok_or(ServiceError::UnknownToken)?;
        if let Some(known) = self.snapshots.find(token.expose()) {
            // One read by id instead of up to three; a token that was good is so until the streamer makes theirs anew.
            let stored = self.storage.users.find_by_id(known.streamer.id).await?;
            let unrevoked = stored.filter(|stored| {
                (stored.overlay_token.as_ref() == Some(&token)) == known.is_overlay_token
                    && stored.tokens_revoked_at == known.streamer.tokens_revoked_at
            });
            if let Some(user) = unrevoked {
                return Ok(user);
            }
        }
        self.look_up(&token).await
    }

    /// That a token is unknown is not remembered: it may become somebody's at any moment.
    async fn look_up(&self, token: &ScreenToken) -> Result<User, ServiceError> {
        let user = match self.storage.users.find_by_overlay_token(token).await? {
            Some(user) => Some(user),
            None => self.streamer_of_participation(token).await?,
        };
        user.ok_or(ServiceError::UnknownToken)
    }

    async fn streamer_of_participation(&self, token: &ScreenToken) -> Result<Option<User>, StorageError> {
        let Some(participation) = self.storage.participations.find_by_token(token).await? else {
            return Ok(None);
        };
        let user = self.storage.users.find_by_id(participation.streamer_id).await?;
        // Defect O19: a new overlay token revokes what was derived before it.
        let joined = participation.joined_at;
        Ok(user.filter(|user| user.tokens_revoked_at.is_none_or(|revoked| revoked < joined)))
    }

    /// What is on the screen that the token addresses, as `render` makes it, which is done once for as long as the same is
    /// known to be shown; decides if no decision is in force.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`]; [`ServiceError::Storage`]; what `render` answers.
    pub async fn render<E: From<ServiceError>>(
        &self,
        token: &str,
        render: impl FnOnce(Screen) -> Result<Rendering, E>,
    ) -> Result<Rendering, E> {
        if let Some(known) = self.snapshots.find(token)
            && let Some(shown) = self.snapshots.shown(&known, self.clock.now())
        {
            return Ok(shown.rendering.clone());
        }
        let reading = self.snapshots.begin_reading();
        let screen = self.show(token).await?;
        let display = screen.display();
        let user = screen.user.clone();
        let rendering = render(screen)?;
        if let Some(token) = ScreenToken::parse(token) {
            let shown = display.map(|display| Shown { display, rendering: rendering.clone() });
            self.snapshots.keep(reading, &token, &user, shown);
        }
        Ok(rendering)
    }

    /// What is known of the screen that the token addresses: whose it is and, as far as that is known, what is on it.
    pub(crate) fn known(&self, token: &str) -> Option<(Streamer, Option<Display>)> {
        let known = self.snapshots.find(token)?;
        let display = self.snapshots.shown(&known, self.clock.now()).map(|shown| shown.display);
        Some((known.streamer, display))
    }

    /// The campaign that a decision put on its screen, from when until when; `None` if there is no such decision, or it is
    /// empty. May come from memory, with an end that has come earlier a moment ago.
    pub(crate) async fn display(&self, id: DecisionId) -> Result<Option<Display>, StorageError> {
        if let Some(known) = self.snapshots.display(id) {
            return Ok(Some(known));
        }
        let reading = self.snapshots.begin_reading();
        let Some(stored) = self.storage.decisions.find(id).await? else { return Ok(None) };
        let Some((campaign, participation)) = stored.decision.shown() else { return Ok(None) };
        let until = stored.decision.actual_end(stored.successor_from);
        // Whatever a clock that ran ahead said, it was on screen by now, and no later than it was superseded.
        let now = self.clock.now();
        let from = if stored.decision.is_ahead_of(now) { now } else { stored.decision.from }.min(until);
        let display = Display { decision: id, campaign, participation, from, until };
        self.snapshots.keep_display(reading, display);
        Ok(Some(display))
    }

    /// What shows this campaign is read again.
    pub(crate) fn forget(&self, campaign: CampaignId) {
        self.snapshots.forget(campaign.object_id());
    }

    /// What is on the screen that the token addresses, as it is in the store; decides if no decision is in force.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`]; [`ServiceError::Storage`].
    pub async fn show(&self, token: &str) -> Result<Screen, ServiceError> {
        let user = self.resolve_stored(token).await?;
        let now = self.clock.now();
        // Defect O8: a test ad never appeared while a campaign was on.
        let on_screen = match test_ad_on_screen(&user, now) {
            Some(ad) => {
                let receipt =
                    receipt::sign(&self.secrets, Streamer::from(&user), Subject::TestAd(ad.expires_at));
                OnScreen::Test { ad: ad.clone(), receipt }
            }
            None => self.decide(&user, now).await?,
        };
        Ok(Screen { user, on_screen })
    }

    /// The campaign on the user's screen; never decides.
    ///
    /// # Errors
    /// [`ServiceError::NothingOnScreen`]; [`ServiceError::Storage`].
    pub(crate) async fn shown_now(&self, user: &User) -> Result<ShownCampaign, ServiceError> {
        let now = self.clock.now();
        if test_ad_on_screen(user, now).is_some() {
            return Err(ServiceError::NothingOnScreen);
        }
        let latest = self.storage.decisions.find_latest(user.id).await?;
        let eligible = self.eligible(user, now).await?;
        latest
            .and_then(|decision| self.still_shown(user, decision, eligible.as_deref().ok()?, now).ok())
            .ok_or(ServiceError::NothingOnScreen)
    }

    async fn decide(&self, user: &User, now: Timestamp) -> Result<OnScreen, ServiceError> {
        for _ in 0..ATTEMPTS {
            let latest = self.storage.decisions.find_latest(user.id).await?;
            if let Some(latest) = &latest {
                self.clocks.compare(latest, now);
            }
            let eligible = self.eligible(user, now).await?;
            let offered = eligible.as_deref().unwrap_or_default();
            let ended = match latest {
                None => None,
                Some(latest) => match self.still_shown(user, latest, offered, now) {
                    Ok(shown) => return Ok(OnScreen::Campaign(Box::new(shown))),
                    Err(ended) => Some(ended),
                },
            };
            let ended_id = ended.as_ref().map(|ended| ended.id);
            let next = if let Some(next) = self.next_decision(user, ended.as_deref(), offered, now) {
                next
            } else {
                let reason = eligible.err().unwrap_or(EmptyReason::NoCampaign);
                let Some(running) = ended.filter(|ended| ended.shown().is_some() && now < ended.until) else {
                    // Nothing was on screen anyway: that is not worth a record.
                    return Ok(OnScreen::Empty(reason));
                };
                empty_decision(user, &running, reason, now)
            };
            let stored = self.storage.decisions.insert_first(&next).await?;
            if let Some(ended) = ended_id {
                self.snapshots.has_ended(ended);
            }
            if stored == next {
                self.clocks.note(&next);
            }
            if let Content::Empty { reason } = stored.content
                && stored == next
            {
                return Ok(OnScreen::Empty(reason));
            }
            // Whoever wrote it, the next round finds it in force.
        }
        let message = "other instances decided first, again and again";
        Err(StorageError::Conflict(message.into()).into())
    }

    /// The eligible participations with their campaigns, or why nothing at all may be shown.
    async fn eligible(
        &self,
        user: &User,
        now: Timestamp,
    ) -> Result<Result<Vec<(Participation, Campaign)>, EmptyReason>, StorageError> {
        if let Some(reason) = screen_hindrance(user, now) {
            return Ok(Err(reason));
        }
        let mut joined = self.storage.participations.list_active(user.id).await?;
        joined.retain(|(participation, campaign)| hindrance(campaign, participation, now).is_none());
        Ok(Ok(joined))
    }

    /// The decision as it is shown, if it is in force; the decision back if it has ended.
    fn still_shown(
        &self,
        user: &User,
        decision: Decision,
        eligible: &[(Participation, Campaign)],
        now: Timestamp,
    ) -> Result<ShownCampaign, Box<Decision>> {
        let current = decision.is_current(now, user.selection.version);
        let pair = decision.shown().filter(|_| current).and_then(|(_, shown)| {
            eligible.iter().find(|(participation, _)| participation.id == shown).cloned()
        });
        let Some((participation, campaign)) = pair else {
            return Err(Box::new(decision));
        };
        let receipt = receipt::sign(&self.secrets, user.into(), Subject::Decision(decision.id));
        Ok(ShownCampaign { decision, campaign, participation, receipt })
    }

    /// The decision that follows `previous`, if there is anything to decide between.
    fn next_decision(
        &self,
        user: &User,
        previous: Option<&Decision>,
        eligible: &[(Participation, Campaign)],
        now: Timestamp,
    ) -> Option<Decision> {
        let id = successor_id(user, previous);
        let from = previous.map_or(now, |previous| previous.successor_from(now));
        let slot = Slot::containing(from, user.selection.interval);
        let mut tally = Tally::inherited(previous, from);
        tally.admit(&eligible.iter().map(|(_, campaign)| campaign.id).collect::<Vec<CampaignId>>(), from);
        let candidates: Vec<_> = eligible
            .iter()
            .map(|(participation, campaign)| candidate(participation, campaign, &tally))
            .collect();
        let strategy =
            selection::find(user.selection.strategy.as_str()).unwrap_or(selection::default_strategy());
        let seed = self.secrets.seed(id);
        let ctx = SelectionContext { now: from, slot, weights: user.selection.weights, seed };
        let selection = selection::select(strategy, &ctx, &candidates)?;
        if selection.weights_unusable {
            tracing::warn!(strategy = strategy.name(), decision = %id, "unusable weights: weighed all equally");
        }
        let picked = selection.picked().participation;
        let campaign = eligible.iter().find_map(|(one, campaign)| (one.id == picked).then_some(campaign))?;
        Some(Decision {
            id,
            from,
            until: shown_until(&user.selection, campaign, from, slot),
            slot_start: slot.start(),
            settings_version: user.selection.version,
            // Until audiences are measured, no streamer has a measurable channel.
            basis: Basis::Display,
            content: Content::Campaign(selection),
            tally,
        })
    }
}

/// The test ad that is on the user's screen: it comes before any campaign and any blackout.
pub(crate) fn test_ad_on_screen(user: &User, now: Timestamp) -> Option<&TestCampaign> {
    user.test_ad_at(now).filter(|_| screen_hindrance(user, now) != Some(EmptyReason::StreamerInactive))
}

fn candidate(participation: &Participation, campaign: &Campaign, tally: &Tally) -> Candidate {
    let time = tally.of(campaign.id);
    Candidate {
        campaign: campaign.id,
        participation: participation.id,
        joined_at: participation.joined_at,
        payment: campaign.payment,
        paid_units: participation.counters.paid_units,
        impressions: participation.counters.impressions,
        clicks: participation.counters.clicks,
        visits: participation.counters.visits,
        shown: time.total(),
        last_shown: time.last(),
    }
}

/// Ends `ended` with nothing after it.
fn empty_decision(user: &User, ended: &Decision, reason: EmptyReason, now: Timestamp) -> Decision {
    let from = ended.successor_from(now);
    let slot = Slot::containing(from, user.selection.interval);
    Decision {
        id: ended.id.successor(),
        from,
        until: slot.end(),
        slot_start: slot.start(),
        settings_version: user.selection.version,
        basis: Basis::Display,
        content: Content::Empty { reason },
        tally: Tally::inherited(Some(ended), from),
    }
}

fn successor_id(user: &User, previous: Option<&Decision>) -> DecisionId {
    previous.map_or(DecisionId { streamer: user.id, ordinal: 1 }, |previous| previous.id.successor())
}
