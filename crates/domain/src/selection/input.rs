//! What a strategy knows: the moment, the broadcast so far, and the candidates.

use gametriggers_types::{
    CampaignId, LocalTime, Money, ParticipationId, SignedDuration, Slot, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use super::{Parameters, Seed};
use crate::price::Payment;

/// What a strategy may use besides the candidates.
#[derive(Debug, Clone, Copy)]
pub struct SelectionContext<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// The slot that contains [`now`](Self::now).
    pub slot: Slot,
    /// The day of the week and the time of day at [`now`](Self::now) in the streamer's time zone. If the streamer has not
    /// chosen a zone, the zone is UTC.
    pub local: LocalTime,
    /// The decision's seed. Strategies that draw must use no other source of randomness.
    pub seed: Seed,
    /// The values of the strategy's parameters. A parameter that the streamer has not set has its default.
    pub parameters: Parameters<'a>,
    /// The number of people who watch the stream, at the latest measurement. `None` if nobody measures the audience, or
    /// if the stream is not live. `Some(0)` means that nobody watches.
    pub viewers: Option<u64>,
    /// The categories of the streamer's channel. Empty if the streamer has named none.
    pub categories: &'a [String],
    /// The languages of the streamer's channel. Empty if the streamer has named none.
    pub languages: &'a [String],
    /// The broadcast before this decision.
    pub broadcast: BroadcastSoFar<'a>,
}

/// A streamer's broadcast before a decision. A broadcast ends when no decision was in force for six hours.
#[derive(Debug, Clone, Copy)]
pub struct BroadcastSoFar<'a> {
    /// When the first decision of the broadcast was made. For the first decision, this is [`SelectionContext::now`].
    pub began: Timestamp,
    /// The time on screen of all campaigns together. Campaigns that have left are included.
    pub displayed: SignedDuration,
    /// The latest appearances of campaigns on screen, the earliest first; at most [`APPEARANCES_MAX`]. The last one may
    /// have ended just now. Empty before the first campaign was on screen.
    pub appearances: &'a [Appearance],
    /// Campaigns that were candidates earlier in this broadcast and are none now; at most 32, in no particular order.
    pub away: &'a [AwayCampaign],
}

/// The greatest number of appearances that a broadcast remembers.
pub const APPEARANCES_MAX: usize = 12;

/// A campaign's time on screen without a break. Several decisions in a row for one campaign are one appearance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Appearance {
    /// The campaign.
    pub campaign: CampaignId,
    /// The campaign's categories at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// When the campaign came on screen.
    pub from: Timestamp,
    /// When the campaign left the screen.
    pub until: Timestamp,
}

/// A campaign that was a candidate earlier in the broadcast and is none now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AwayCampaign {
    /// The campaign.
    pub campaign: CampaignId,
    /// How long the campaign was on screen. See [`Candidate::displayed`].
    pub displayed: SignedDuration,
    /// The campaign's tallied time. See [`Candidate::tallied`].
    pub tallied: SignedDuration,
    /// When the campaign was last on screen in this broadcast; `None` if it never was.
    pub last_shown: Option<Timestamp>,
}

/// An eligible campaign, with the data that strategies may use.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The campaign.
    pub campaign: CampaignId,
    /// The streamer's participation in the campaign.
    pub participation: ParticipationId,
    /// The brand whose campaign this is.
    pub brand: UserId,
    /// The campaign's categories. Empty if the brand has named none.
    pub categories: &'a [String],
    /// The campaign's languages. Empty if the brand has named none.
    pub languages: &'a [String],
    /// When the streamer joined.
    pub joined_at: Timestamp,
    /// How the campaign pays.
    pub payment: Payment,
    /// The campaign's whole budget. A campaign of the previous system may have left more than this.
    pub budget: Money,
    /// The part of the budget that is not spent yet, by all streamers together. At least the price of one unit.
    pub remaining: Money,
    /// When the campaign was created.
    pub created_at: Timestamp,
    /// When the campaign begins; `None` if it has no start date. Such a campaign runs from its approval on.
    pub starts_at: Option<Timestamp>,
    /// When the campaign ends; `None` if it runs until its budget is spent.
    pub ends_at: Option<Timestamp>,
    /// Units paid to this participation so far: impressions or visits.
    pub paid_units: u64,
    /// Impressions of this participation so far.
    pub impressions: u64,
    /// Clicks of every kind on this participation so far.
    pub clicks: u64,
    /// Visits through the tracking link of this participation so far.
    pub visits: u64,
    /// What this participation has earned so far.
    pub earned: Money,
    /// The time for which the campaign was really on screen in this broadcast. The time starts at zero again for a
    /// campaign that has left if 32 or more other campaigns have left with a greater tallied time.
    pub displayed: SignedDuration,
    /// The campaign's time in a fair rotation: its time on screen in this broadcast plus its credit. A campaign that
    /// comes later than others is credited as much time as the candidate with the least tallied time has. So the
    /// tallied time can be greater than zero although the campaign was never on screen.
    pub tallied: SignedDuration,
    /// When the campaign was last on screen in this broadcast; `None` if it never was.
    pub last_shown: Option<Timestamp>,
}

impl Candidate<'_> {
    /// Clicks per impression; 0 if there are no impressions.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a ratio to 15 digits
    pub fn click_through_rate(&self) -> f64 {
        if self.impressions == 0 { 0.0 } else { self.clicks as f64 / self.impressions as f64 }
    }

    /// Whether the campaign has this category. Upper and lower case are the same.
    #[must_use]
    pub fn has_category(&self, category: &str) -> bool {
        self.categories.iter().any(|own| same_category(own, category))
    }

    /// Which part of the campaign's flight has passed at `now`, from 0 to 1. The flight lasts from
    /// [`starts_at`](Self::starts_at), or else [`created_at`](Self::created_at), to [`ends_at`](Self::ends_at). `None`
    /// if the campaign has no end, or if its end is not after its beginning.
    #[must_use]
    pub fn elapsed_share(&self, now: Timestamp) -> Option<f64> {
        let (begin, end) = (self.starts_at.unwrap_or(self.created_at), self.ends_at?);
        let seconds = |from: Timestamp, until: Timestamp| until.duration_since(from).as_secs_f64();
        let whole = seconds(begin, end);
        (whole > 0.0).then(|| (seconds(begin, now) / whole).clamp(0.0, 1.0))
    }

    /// Which part of the campaign's budget is spent, from 0 to 1. `None` if the budget is 0. If more is left than the
    /// budget, the result is 0.
    #[must_use]
    pub fn spent_share(&self) -> Option<f64> {
        let (budget, remaining) = (self.budget.as_units(), self.remaining.as_units());
        (budget > 0.0).then(|| (1.0 - remaining / budget).clamp(0.0, 1.0))
    }
}

/// Whether two campaigns have a category in common.
#[must_use]
pub(crate) fn share_category(one: &[String], other: &[String]) -> bool {
    one.iter().any(|category| other.iter().any(|of_other| same_category(category, of_other)))
}

/// Whether two names of categories mean the same category: upper and lower case are the same.
fn same_category(one: &str, other: &str) -> bool {
    // In upper case, ς and σ are one letter, and ß is SS. The sign for kelvin is a K only in lower case.
    let fold = |text| str::chars(text).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    one.eq_ignore_ascii_case(other) || (!(one.is_ascii() && other.is_ascii()) && fold(one).eq(fold(other)))
}
