//! The strategies. A new one is a file in this folder and a line in this list (`docs/howto/add-a-strategy.md`).

use super::SelectionStrategy;

/// Declares each file as a module and puts its strategy into the list.
macro_rules! strategies {
    ($($file:ident::$strategy:ident,)*) => {
        $(mod $file;)*

        /// Every strategy that a streamer can choose.
        pub(super) static ALL: &[&dyn SelectionStrategy] = &[$(&$file::$strategy,)*];
    };
}

strategies! {
    capped_fair::CappedFair,
    daypart::Daypart,
    fair_rotation::FairRotation,
    pacing::Pacing,
    performance::Performance,
    revenue_optimized::RevenueOptimized,
    time_rotation::TimeRotation,
    weighted::Weighted,
}

/// The strategy for streamers who chose none.
pub(super) static DEFAULT: &dyn SelectionStrategy = &fair_rotation::FairRotation;
