//! The registry of strategies. A new strategy needs a file and two lines here (`docs/howto/add-a-strategy.md`).

use super::SelectionStrategy;

mod fair_rotation;
mod performance;
mod revenue_optimized;
mod time_rotation;
mod weighted;

static STRATEGIES: &[&dyn SelectionStrategy] = &[
    &weighted::Weighted,
    &time_rotation::TimeRotation,
    &revenue_optimized::RevenueOptimized,
    &performance::Performance,
    &fair_rotation::FairRotation,
];

/// Every strategy that a streamer can choose.
#[must_use]
pub fn all() -> &'static [&'static dyn SelectionStrategy] {
    STRATEGIES
}

/// The strategy with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn SelectionStrategy> {
    STRATEGIES.iter().copied().find(|strategy| strategy.name() == name)
}

/// The strategy for streamers who chose none, or one that does not exist.
#[must_use]
pub fn default_strategy() -> &'static dyn SelectionStrategy {
    &fair_rotation::FairRotation
}
