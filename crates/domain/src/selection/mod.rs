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
//!
//! The engine also applies the [`DrawRules`], which hold for every strategy: the streamer's spacing (the distance
//! between campaigns), and the share of decisions that the installation leaves to chance.

mod engine;
mod input;
mod parameters;
mod registry;
mod seed;
mod shares;
mod spacing;
mod strategies;

pub use engine::{DrawRules, ExplorationShare, InvalidExplorationShare, Selection, select, select_by};
pub use input::{APPEARANCES_MAX, Appearance, AwayCampaign, BroadcastSoFar, Candidate, SelectionContext};
pub use parameters::{
    DAYPART_CATEGORY_MAX, DAYPARTS_MAX, DaypartsParameter, InvalidParameter, NumberParameter, Parameter,
    Parameters, PriorityWeightParameter,
};
pub use registry::{
    UnknownStrategy, all, check_parameters, default_strategy, effective_parameters, find, find_or_default,
    find_parameter, set_parameters,
};
pub use seed::Seed;
pub use shares::{Share, Shares};
pub(crate) use spacing::NO_BREAK;

/// A rule by which campaigns share a streamer's screen: a pure function from candidates to weights.
pub trait SelectionStrategy: Send + Sync {
    /// The name by which streamers choose the strategy. It must never change, because it is stored in their settings.
    fn name(&self) -> &'static str;

    /// What the strategy does: one sentence for streamers.
    fn description(&self) -> &'static str;

    /// The parameters that a streamer may set. Most strategies have none.
    fn parameters(&self) -> &'static [Parameter] {
        &[]
    }

    /// Writes one weight (finite, ≥ 0) for each candidate.
    ///
    /// `weights` is as long as `candidates` and contains only zeros. Only the ratios of the weights matter. At least
    /// one weight must become greater than 0. If all weights stay 0, or if one weight is negative or not finite, the
    /// engine gives all candidates the same weight and notes this in the record. A strategy in the registry must never
    /// cause this. A test checks it.
    ///
    /// This method must not allocate memory, because an allocation makes each decision slower. A test checks this for
    /// each strategy in the registry.
    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]);
}
