//! Which of several eligible campaigns is shown.
//!
//! A [`SelectionStrategy`] gives every candidate a weight; the engine ([`select`]) turns the weights into one pick and
//! into a record from which the pick can be replayed and explained.
//!
//! The draw is weighted rendezvous hashing: candidate *i* scores −wᵢ/ln(uᵢ), where uᵢ in (0, 1) is a hash of the seed
//! and the campaign, and the greatest score wins. As −ln(u)/w is exponentially distributed with rate w, the pick has
//! probability wᵢ/Σw (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006); and as uᵢ depends on
//! nothing but seed and campaign, a candidate that joins or leaves moves no pick among the others as long as their
//! weights stay.

mod engine;
mod shares;
mod strategies;

pub use engine::{Seed, Selection, select};
pub use shares::{Share, Shares};
pub use strategies::{all, default_strategy, find};

use gametriggers_types::{CampaignId, ParticipationId, PriorityWeights, SignedDuration, Slot, Timestamp};

use crate::price::Payment;

/// Without display for so long, a campaign has waited as long as counts.
pub(crate) const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);

/// A rule by which campaigns share a streamer's screen: one pure function.
pub trait SelectionStrategy: Send + Sync {
    /// The name under which streamers choose it. Stored in their settings: it never changes.
    fn name(&self) -> &'static str;

    /// Writes one weight (finite, ≥ 0) per candidate; the engine turns weights into the pick.
    ///
    /// `weights` has as many places as `candidates`, all 0. Only ratios matter. Where all stay 0, or one is negative or
    /// not finite, the engine weighs all candidates equally and says so in the record.
    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]);
}

/// What a strategy may know besides the candidates.
#[derive(Debug, Clone)]
pub struct SelectionContext {
    /// The moment of the decision.
    pub now: Timestamp,
    /// The slot of the streamer's time in which it falls.
    pub slot: Slot,
    /// The streamer's own weights.
    pub weights: PriorityWeights,
    /// The decision's seed, for strategies that draw: never another source of chance.
    pub seed: Seed,
}

/// An eligible campaign, as a strategy sees it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The campaign.
    pub campaign: CampaignId,
    /// The streamer's part in it.
    pub participation: ParticipationId,
    /// When the streamer joined.
    pub joined_at: Timestamp,
    /// What it pays.
    pub payment: Payment,
    /// Units paid to this participation so far.
    pub paid_units: u64,
    /// Impressions of this participation so far.
    pub impressions: u64,
    /// Clicks of every kind so far.
    pub clicks: u64,
    /// Visits through the tracking link so far.
    pub visits: u64,
    /// How long it was on screen in this broadcast.
    pub shown: SignedDuration,
    /// When it was last on screen in this broadcast, if it was.
    pub last_shown: Option<Timestamp>,
}

impl Candidate {
    /// Clicks per impression, 0 without impressions.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a ratio to 15 digits
    pub fn click_through_rate(&self) -> f64 {
        if self.impressions == 0 { 0.0 } else { self.clicks as f64 / self.impressions as f64 }
    }
}
