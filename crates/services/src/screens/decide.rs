//! Finds what is on a streamer's screen: the decision in force, or a new one.
//!
//! All functions of this file read the store and not the memory, because data that may be out of date must not make or end a
//! decision.

use gametriggers_domain::{
    decision::{Circumstances, Decision, empty_decision},
    eligibility::{self, EmptyReason, empty_until, screen_hindrance},
    model::{Campaign, Participation, User},
};
use gametriggers_persistence::StorageError;
use gametriggers_types::Timestamp;

use super::{
    OnScreen, OverlayService, Screen, ScreenOwner, ShownCampaign, in_force_until,
    receipt::{self, Subject},
    test_ad_on_screen,
};
use crate::ServiceError;

/// The number of attempts to decide while other instances decide first.
const ATTEMPTS: u32 = 10;

/// The campaigns that may be on a streamer's screen at one moment.
struct EligibleCampaigns {
    /// The reason why no campaign may be on the screen; `None` if campaigns may.
    screen_hindrance: Option<EmptyReason>,
    /// The campaigns that may be on the screen, each with the streamer's participation in it.
    pairs: Vec<(Participation, Campaign)>,
    /// The time at which an empty screen may be filled although nothing changes in the store.
    empty_until: Timestamp,
}

impl OverlayService {
    /// Returns what is on the screen that the token addresses, according to the store. **If no decision is in force, makes one
    /// and stores it**: code that only looks must not call this.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`] if the token addresses no screen; [`ServiceError::Storage`].
    pub async fn decide(&self, token: &str) -> Result<Screen, ServiceError> {
        Ok(self.decide_until(token).await?.0)
    }

    /// As [`decide`](Self::decide). Also returns the time at which the content ends although nothing changes in the store.
    pub(super) async fn decide_until(&self, token: &str) -> Result<(Screen, Timestamp), ServiceError> {
        let user = self.resolve_stored(token).await?;
        let now = self.clock.now();
        // Defect O8: a test ad never appeared while a campaign was on.
        let (on_screen, until) = match test_ad_on_screen(&user, now) {
            Some(ad) => {
                let subject = Subject::TestAd(ad.expires_at);
                let receipt = receipt::sign(&self.secrets, ScreenOwner::from(&user), subject);
                (OnScreen::Test { ad: ad.clone(), receipt }, ad.expires_at)
            }
            None => self.decide_for(&user, now).await?,
        };
        Ok((Screen { user, on_screen }, until))
    }

    /// Returns the campaign on the user's screen, according to the store. Never makes a decision.
    ///
    /// # Errors
    /// [`ServiceError::NothingOnScreen`] if no decision is in force, or a test ad is shown; [`ServiceError::Storage`].
    pub(crate) async fn campaign_on_screen(&self, user: &User) -> Result<ShownCampaign, ServiceError> {
        let now = self.clock.now();
        if test_ad_on_screen(user, now).is_some() {
            return Err(ServiceError::NothingOnScreen);
        }
        let latest = self.storage.decisions.find_latest(user.id).await?;
        let eligible = self.read_eligible(user, now).await?;
        latest
            .and_then(|decision| self.in_force(user, decision, &eligible.pairs, now).ok())
            .ok_or(ServiceError::NothingOnScreen)
    }

    /// Returns what is on the user's screen apart from test ads, and the time at which it ends although nothing changes in the
    /// store.
    ///
    /// Reads the store once: the latest decision and the eligible campaigns. If no decision is in force, it stores the next one
    /// and judges it like a decision that was read. If another instance decided first, its decision is judged instead, by the
    /// campaigns that are eligible now, because it may show one that was not eligible a moment ago.
    async fn decide_for(&self, user: &User, now: Timestamp) -> Result<(OnScreen, Timestamp), ServiceError> {
        let mut latest = self.storage.decisions.find_latest(user.id).await?;
        let mut eligible = self.read_eligible(user, now).await?;
        for _ in 0..ATTEMPTS {
            let ended = match latest {
                None => None,
                Some(latest) => {
                    self.clocks.compare(&latest, now);
                    match self.in_force(user, latest, &eligible.pairs, now) {
                        Ok(shown) => {
                            let until = in_force_until(&shown.displayed(), &shown.campaign);
                            return Ok((OnScreen::Campaign(Box::new(shown)), until));
                        }
                        Err(ended) => Some(ended),
                    }
                }
            };
            let ended_id = ended.as_ref().map(|ended| ended.id);
            let next = self.next_decision(user, ended.as_deref(), &eligible.pairs, now);
            let next = if let Some(next) = next {
                next
            } else {
                let reason = eligible.screen_hindrance.unwrap_or(EmptyReason::NoCampaign);
                let Some(running) = ended.filter(|ended| ended.shown().is_some() && now < ended.until) else {
                    // An empty decision is stored only to end one that shows a campaign.
                    return Ok((OnScreen::Empty(reason), eligible.empty_until));
                };
                empty_decision(user, &running, reason, now)
            };
            let stored = self.storage.decisions.insert_first(&next).await?;
            if let Some(ended) = ended_id {
                self.memory.forget_displayed(ended);
            }
            if stored == next {
                self.clocks.note(&next);
            } else {
                eligible = self.read_eligible(user, now).await?;
            }
            latest = Some(stored);
        }
        let message = "other instances decided first, again and again";
        Err(StorageError::Conflict(message.into()).into())
    }

    /// The decision that follows `previous` and shows one of the eligible campaigns; `None` if there are none.
    fn next_decision(
        &self,
        user: &User,
        previous: Option<&Decision>,
        eligible: &[(Participation, Campaign)],
        now: Timestamp,
    ) -> Option<Decision> {
        // Nobody measures an audience yet.
        let viewers = None;
        let exploration = self.exploration;
        let circumstances = Circumstances { user, previous, eligible, viewers, exploration, now };
        let next = circumstances.decide(|id| self.secrets.seed(id))?;
        if let Some(selection) = next.selection().filter(|selection| selection.weights_unusable) {
            let strategy = selection.strategy.as_str();
            tracing::warn!(strategy, decision = %next.id, "unusable weights: weighed all equally");
        }
        Some(next)
    }

    /// Reads which campaigns may be on the user's screen.
    async fn read_eligible(&self, user: &User, now: Timestamp) -> Result<EligibleCampaigns, StorageError> {
        let screen_hindrance = screen_hindrance(user, now);
        let mut pairs = match screen_hindrance {
            None => self.storage.participations.list_active(user.id).await?,
            Some(_) => Vec::new(),
        };
        let empty_until = empty_until(user, &pairs, now);
        pairs.retain(|(participation, campaign)| {
            eligibility::hindrance(campaign, participation, now).is_none()
        });
        Ok(EligibleCampaigns { screen_hindrance, pairs, empty_until })
    }

    /// The campaign that the decision shows, if the decision is in force: it is [current](Decision::is_current), and its
    /// campaign is among those that are eligible. Otherwise returns the decision, which has ended.
    fn in_force(
        &self,
        user: &User,
        decision: Decision,
        eligible: &[(Participation, Campaign)],
        now: Timestamp,
    ) -> Result<ShownCampaign, Box<Decision>> {
        let is_current = decision.is_current(now, user.selection.version);
        let pair = decision.shown().filter(|_| is_current).and_then(|(_, shown)| {
            eligible.iter().find(|(participation, _)| participation.id == shown).cloned()
        });
        let Some((participation, campaign)) = pair else {
            return Err(Box::new(decision));
        };
        let receipt = receipt::sign(&self.secrets, user.into(), Subject::Decision(decision.id));
        Ok(ShownCampaign { decision, campaign, participation, receipt })
    }
}
