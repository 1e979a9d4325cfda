//! What impressions are paid by.

use serde::{Deserialize, Serialize};

/// What the impressions of a decision are paid by. It is fixed when the decision is made, so that impressions are not
/// paid twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The audience cannot be measured: the display counts as one impression.
    Display,
    /// The audience is measured: viewer-minutes are counted.
    Viewers,
}

impl Basis {
    /// The other basis, which does not pay for this decision.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Display => Self::Viewers,
            Self::Viewers => Self::Display,
        }
    }
}
