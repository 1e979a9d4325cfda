//! Selects one of several eligible campaigns for the screen.
//!
//! A [`SelectionStrategy`] gives every candidate a weight. The engine ([`select`]) draws one candidate by these weights
//! and makes a record from which the draw can be repeated and explained.
//!
//! The draw is weighted rendezvous hashing. Candidate *i* scores −wᵢ/ln(uᵢ), where uᵢ in (0, 1) is a hash of the seed
//! and the campaign. The greatest score wins. −ln(u)/w is exponentially distributed with rate w, so candidate *i* wins
//! with probability wᵢ/Σw (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). uᵢ depends only
//! on the seed and the campaign. So if a candidate joins or leaves and the weights of the others stay the same, the
//! draw among the others has the same winner.

mod engine;
mod shares;
mod strategies;

pub use engine::{Seed, Selection, select};
pub use shares::{Share, Shares};
pub use strategies::{all, default_strategy, find};

use gametriggers_types::{CampaignId, ParticipationId, PriorityWeights, SignedDuration, Slot, Timestamp};

use crate::price::Payment;

/// The longest waiting time that the `weighted` strategy distinguishes: a longer wait does not raise the weight
/// further.
pub(crate) const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);

/// A rule by which campaigns share a streamer's screen: a pure function from candidates to weights.
pub trait SelectionStrategy: Send + Sync {
    /// The name by which streamers choose the strategy. It must never change, because it is stored in their settings.
    fn name(&self) -> &'static str;

    /// Writes one weight (finite, ≥ 0) for each candidate.
    ///
    /// `weights` is as long as `candidates` and contains only zeros. Only the ratios of the weights matter. If all stay
    /// 0, or one is negative or not finite, the engine gives all candidates the same weight and notes this in the
    /// record.
    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]);
}

/// The data that a strategy may use besides the candidates.
#[derive(Debug, Clone)]
pub struct SelectionContext {
    /// The time of the decision.
    pub now: Timestamp,
    /// The slot that contains this time.
    pub slot: Slot,
    /// The streamer's weights for the `weighted` strategy.
    pub weights: PriorityWeights,
    /// The decision's seed. Strategies that draw must use no other source of randomness.
    pub seed: Seed,
}

/// An eligible campaign, with the data that strategies may use.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The campaign.
    pub campaign: CampaignId,
    /// The streamer's participation in the campaign.
    pub participation: ParticipationId,
    /// When the streamer joined.
    pub joined_at: Timestamp,
    /// How the campaign pays.
    pub payment: Payment,
    /// Units paid to this participation so far: impressions or visits.
    pub paid_units: u64,
    /// Impressions of this participation so far.
    pub impressions: u64,
    /// Clicks of every kind so far.
    pub clicks: u64,
    /// Visits through the tracking link so far.
    pub visits: u64,
    /// How long the campaign was on screen in this broadcast.
    pub shown: SignedDuration,
    /// When the campaign was last on screen in this broadcast; `None` if it was not.
    pub last_shown: Option<Timestamp>,
}

impl Candidate {
    /// Clicks per impression; 0 if there are no impressions.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a ratio to 15 digits
    pub fn click_through_rate(&self) -> f64 {
        if self.impressions == 0 { 0.0 } else { self.clicks as f64 / self.impressions as f64 }
    }
}
