//! What is on a streamer's screen.

use gametriggers_domain::{
    decision::{Basis, Decision},
    eligibility::{EmptyReason, screen_hindrance},
    model::{Campaign, Participation, TestCampaign, User},
};
use gametriggers_types::{CampaignId, DecisionId, ParticipationId, RejectionReason, Timestamp};

/// A streamer's screen and what is on it.
#[derive(Debug, Clone)]
pub struct Screen {
    /// The streamer whose screen it is.
    pub user: User,
    /// The content of the screen.
    pub on_screen: OnScreen,
}

/// The content of a screen.
#[derive(Debug, Clone)]
pub enum OnScreen {
    /// A campaign. It stays until its decision ends.
    Campaign(Box<ShownCampaign>),
    /// The streamer's own test ad.
    Test {
        /// The ad.
        ad: TestCampaign,
        /// The receipt of the ad, which shows the server that a click was on a test ad.
        receipt: String,
    },
    /// Nothing is on the screen.
    Empty(EmptyReason),
}

/// A campaign on a screen, with everything that a page needs to show it.
#[derive(Debug, Clone)]
pub struct ShownCampaign {
    /// The decision that put the campaign there.
    pub decision: Decision,
    /// The campaign.
    pub campaign: Campaign,
    /// The streamer's participation in the campaign.
    pub participation: Participation,
    /// The signed proof that the campaign was on this screen. All displays of one decision have the same receipt.
    pub receipt: String,
}

impl ShownCampaign {
    pub(crate) fn displayed(&self) -> DisplayedCampaign {
        DisplayedCampaign {
            decision: self.decision.id,
            campaign: self.campaign.id,
            participation: self.participation.id,
            basis: self.decision.basis,
            from: self.decision.from,
            until: self.decision.until,
        }
    }
}

/// The campaign that an event on a screen is credited to, or the reason why the event is credited to nobody.
pub(crate) type Credit = Result<DisplayedCampaign, RejectionReason>;

/// A campaign that a decision put on a screen, with the fields that are needed to credit an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DisplayedCampaign {
    pub(crate) decision: DecisionId,
    pub(crate) campaign: CampaignId,
    pub(crate) participation: ParticipationId,
    /// What pays for the impressions of the decision.
    pub(crate) basis: Basis,
    /// When the display began.
    pub(crate) from: Timestamp,
    /// When the display ended. If it has not ended, the time at which it will end, unless something ends it earlier.
    pub(crate) until: Timestamp,
}

/// The time at which the campaign of a decision in force leaves the screen although nothing changes in the store. The end date of
/// the campaign may be earlier now than when the decision was made.
pub(crate) fn in_force_until(displayed: &DisplayedCampaign, campaign: &Campaign) -> Timestamp {
    campaign.end_date.map_or(displayed.until, |end| end.min(displayed.until))
}

/// Returns the test ad on the user's screen, if there is one. A test ad is shown above any campaign and during a blackout.
pub(crate) fn test_ad_on_screen(user: &User, now: Timestamp) -> Option<&TestCampaign> {
    user.test_ad_at(now).filter(|_| screen_hindrance(user, now) != Some(EmptyReason::StreamerInactive))
}
