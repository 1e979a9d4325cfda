//! `decisions.*`: how decisions are made, and how long they are kept whole.

use std::num::NonZeroU32;

use gametriggers_domain::selection::ExplorationShare;
use serde::Deserialize;

/// How decisions are made, and how long they are kept whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionSettings {
    /// The age in days at which `serve` shortens a decision. If this is not set, decisions are never shortened.
    pub shorten_after_days: Option<NonZeroU32>,
    /// The share of decisions, from 0 to 1, that are drawn with equal probabilities instead of the strategy's. From such
    /// decisions `lab replay` can tell what another strategy would have done. By default there are none.
    pub exploration: ExplorationShare,
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn decisions_are_shortened_after_a_day_at_least_or_never() {
        let days = |toml: &str| read::<DecisionSettings>(toml).map(|decisions| decisions.shorten_after_days);
        assert_eq!(days(""), Ok(None));
        assert_eq!(days("shorten_after_days = 1"), Ok(NonZeroU32::new(1)));
        assert!(days("shorten_after_days = 0").is_err());
    }

    #[test]
    fn the_exploration_share_is_from_0_to_1_and_0_by_default() {
        let share =
            |toml: &str| read::<DecisionSettings>(toml).map(|decisions| decisions.exploration.value());
        assert_eq!((share(""), share("exploration = 0.05")), (Ok(0.0), Ok(0.05)));
        assert!(share("exploration = 1.01").is_err());
    }
}
