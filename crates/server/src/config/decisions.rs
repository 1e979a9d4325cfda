//! `decisions.*`: how long decisions are kept whole.

use std::num::NonZeroU32;

use serde::Deserialize;

/// How long decisions are kept whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionSettings {
    /// The age in days at which `serve` shortens a decision. If this is not set, decisions are never shortened.
    pub shorten_after_days: Option<NonZeroU32>,
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
}
