//! What a streamer's screen shows: from a token to the decision in force.
//!
//! Deciding, and ending what was decided, read the store. What is known to be in force is told from
//! [memory](crate::snapshots).

use std::sync::Arc;

use gametriggers_domain::{
    decision::{self, Basis, Decision, Tally},
    eligibility::{self, EmptyReason, empty_until, screen_hindrance, shown_until},
    model::{Campaign, Participation, User},
    selection::{self, Candidate, SelectionContext},
};
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::{CampaignId, DecisionId, ScreenToken, Slot, Timestamp};

use crate::{
    Clock, ServiceError,
    clocks::Clocks,
    content::{Content, Credit, Display, JOINED_MAX, Joined, Rendering, Shown},
    receipt::{self, Subject},
    screen::{Offer, OnScreen, Screen, ShownCampaign, in_force_until, test_ad_on_screen},
    secrets::Secrets,
    snapshots::{Reading, Snapshots, Streamer},
};

/// How often a decision is attempted while other instances decide first.
const ATTEMPTS: u32 = 10;

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

    /// Whether this instance has found within the last hour whose screen a token addresses, and not since then that it is
    /// nobody's any more.
    #[must_use]
    pub fn has_found(&self, token: &str) -> bool {
        self.snapshots.has_found(token)
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
        self.snapshots.note_found(token, user.is_some());
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
            && let Some(content) = self.snapshots.content(&known, self.clock.now())
            && let Some(rendering) = &content.rendering
        {
            return Ok(rendering.clone());
        }
        let reading = self.snapshots.begin_reading();
        let (screen, until) = self.look(token).await?;
        let what = self.shown(&screen).await?;
        let user = screen.user.clone();
        let rendering = render(screen)?;
        if let Some(token) = ScreenToken::parse(token) {
            let content = Content { what, until, rendering: Some(rendering.clone()) };
            self.snapshots.keep(reading, &token, &user, Some(content));
        }
        Ok(rendering)
    }

    /// What is to be kept of a screen.
    async fn shown(&self, screen: &Screen) -> Result<Shown, ServiceError> {
        Ok(match &screen.on_screen {
            OnScreen::Campaign(shown) => Shown::Campaign(shown.display()),
            OnScreen::Test { .. } => Shown::TestAd,
            OnScreen::Empty(reason) => {
                // Whatever becomes of campaigns, such a screen stays empty.
                let is_closed = *reason != EmptyReason::NoCampaign;
                let joined = if is_closed {
                    Joined::from(Vec::new())
                } else if self.snapshots.is_trusted() {
                    Joined::from(self.storage.participations.list_joined(screen.user.id, JOINED_MAX).await?)
                } else {
                    // It will hardly be kept. If it is, it depends on everything.
                    Joined::TooMany
                };
                Shown::Empty { reason: *reason, joined }
            }
        })
    }

    /// What is known of the screen that the token addresses: whose it is and, as far as that is known, whom an event on it is
    /// credited to.
    pub(crate) fn known(&self, token: &str) -> Option<(Streamer, Option<Credit>)> {
        let known = self.snapshots.find(token)?;
        let credit = self.snapshots.content(&known, self.clock.now()).map(|content| content.what.credit());
        Some((known.streamer, credit))
    }

    /// To be called before the store is read for [`keep_in_force`](Self::keep_in_force).
    pub(crate) fn begin_reading(&self) -> Reading {
        self.snapshots.begin_reading()
    }

    /// Keeps what an event found in force on the user's screen, so that the next one need not look. How it is rendered, the
    /// next page will say.
    pub(crate) fn keep_in_force(
        &self,
        reading: Reading,
        token: &str,
        user: &User,
        display: Display,
        end: Timestamp,
    ) {
        let Some(token) = ScreenToken::parse(token) else { return };
        let content = Content { what: Shown::Campaign(display), until: end, rendering: None };
        self.snapshots.keep(reading, &token, user, Some(content));
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
        let basis = stored.decision.basis;
        let display = Display { decision: id, campaign, participation, basis, from, until };
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
        Ok(self.look(token).await?.0)
    }

    /// [`show`](Self::show), and when that is over by time alone.
    async fn look(&self, token: &str) -> Result<(Screen, Timestamp), ServiceError> {
        let user = self.resolve_stored(token).await?;
        let now = self.clock.now();
        // Defect O8: a test ad never appeared while a campaign was on.
        let (on_screen, until) = match test_ad_on_screen(&user, now) {
            Some(ad) => {
                let subject = Subject::TestAd(ad.expires_at);
                let receipt = receipt::sign(&self.secrets, Streamer::from(&user), subject);
                (OnScreen::Test { ad: ad.clone(), receipt }, ad.expires_at)
            }
            None => self.decide(&user, now).await?,
        };
        Ok((Screen { user, on_screen }, until))
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
        let offer = self.offer(user, now).await?;
        latest
            .and_then(|decision| self.still_shown(user, decision, &offer.eligible, now).ok())
            .ok_or(ServiceError::NothingOnScreen)
    }

    /// What is on the user's screen, and when that is over by time alone.
    async fn decide(&self, user: &User, now: Timestamp) -> Result<(OnScreen, Timestamp), ServiceError> {
        for _ in 0..ATTEMPTS {
            let latest = self.storage.decisions.find_latest(user.id).await?;
            if let Some(latest) = &latest {
                self.clocks.compare(latest, now);
            }
            let offer = self.offer(user, now).await?;
            let offered = &offer.eligible;
            let ended = match latest {
                None => None,
                Some(latest) => match self.still_shown(user, latest, offered, now) {
                    Ok(shown) => {
                        let until = in_force_until(&shown.display(), &shown.campaign);
                        return Ok((OnScreen::Campaign(Box::new(shown)), until));
                    }
                    Err(ended) => Some(ended),
                },
            };
            let ended_id = ended.as_ref().map(|ended| ended.id);
            let next = if let Some(next) = self.next_decision(user, ended.as_deref(), offered, now) {
                next
            } else {
                let reason = offer.hindrance.unwrap_or(EmptyReason::NoCampaign);
                let Some(running) = ended.filter(|ended| ended.shown().is_some() && now < ended.until) else {
                    // Nothing was on screen anyway: that is not worth a record.
                    return Ok((OnScreen::Empty(reason), offer.empty_until));
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
            if let decision::Content::Empty { reason } = stored.content
                && stored == next
            {
                return Ok((OnScreen::Empty(reason), offer.empty_until));
            }
            // Whoever wrote it, the next round finds it in force.
        }
        let message = "other instances decided first, again and again";
        Err(StorageError::Conflict(message.into()).into())
    }

    /// What may be on the user's screen.
    async fn offer(&self, user: &User, now: Timestamp) -> Result<Offer, StorageError> {
        let hindrance = screen_hindrance(user, now);
        let mut eligible = match hindrance {
            None => self.storage.participations.list_active(user.id).await?,
            Some(_) => Vec::new(),
        };
        let empty_until = empty_until(user, &eligible, now);
        eligible.retain(|(participation, campaign)| {
            eligibility::hindrance(campaign, participation, now).is_none()
        });
        Ok(Offer { hindrance, eligible, empty_until })
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
            content: decision::Content::Campaign(selection),
            tally,
        })
    }
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
        content: decision::Content::Empty { reason },
        tally: Tally::inherited(Some(ended), from),
    }
}

fn successor_id(user: &User, previous: Option<&Decision>) -> DecisionId {
    previous.map_or(DecisionId { streamer: user.id, ordinal: 1 }, |previous| previous.id.successor())
}
