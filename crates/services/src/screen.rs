//! A streamer's screen as it was read or decided.

use gametriggers_domain::{
    decision::Decision,
    eligibility::{EmptyReason, screen_hindrance},
    model::{Campaign, Participation, TestCampaign, User},
};

use gametriggers_types::Timestamp;

use crate::content::Display;

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

impl ShownCampaign {
    pub(crate) fn display(&self) -> Display {
        Display {
            decision: self.decision.id,
            campaign: self.campaign.id,
            participation: self.participation.id,
            basis: self.decision.basis,
            from: self.decision.from,
            until: self.decision.until,
        }
    }
}

/// What may be on a screen.
pub(crate) struct Offer {
    /// Why nothing at all may be.
    pub(crate) hindrance: Option<EmptyReason>,
    /// The participations that may be, with their campaigns.
    pub(crate) eligible: Vec<(Participation, Campaign)>,
    /// If none of them may be, when that is over by time alone.
    pub(crate) empty_until: Timestamp,
}

/// When a display in force is over by time alone. Its campaign may end sooner than was known when it was decided.
pub(crate) fn in_force_until(display: &Display, campaign: &Campaign) -> Timestamp {
    campaign.end_date.map_or(display.until, |end| end.min(display.until))
}

/// The test ad that is on the user's screen: it comes before any campaign and any blackout.
pub(crate) fn test_ad_on_screen(user: &User, now: Timestamp) -> Option<&TestCampaign> {
    user.test_ad_at(now).filter(|_| screen_hindrance(user, now) != Some(EmptyReason::StreamerInactive))
}
