//! How long decisions take.

use std::time::Duration;

/// How long decisions took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) decisions: u64,
    pub(super) took: Duration,
}

impl Cost {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { decisions: self.decisions + other.decisions, took: self.took + other.took }
    }

    pub(super) fn mean_nanos(self) -> u64 {
        u64::try_from(self.took.as_nanos() / u128::from(self.decisions.max(1))).unwrap_or(u64::MAX)
    }
}
