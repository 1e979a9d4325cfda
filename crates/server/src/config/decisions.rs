//! `decisions.*`: how decisions are made, and how long they are kept whole.

use std::num::NonZeroU32;

use gametriggers_domain::selection::ExplorationShare;
use serde::{Deserialize, Deserializer, de};

/// How decisions are made, and how long they are kept whole.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionSettings {
    /// The age in days at which `serve` shortens a decision. If this is not set, decisions are never shortened.
    pub shorten_after_days: Option<NonZeroU32>,
    /// The share of decisions, from 0 to 1, that are drawn with equal probabilities instead of the strategy's. From such
    /// decisions `lab replay` can tell what another strategy would have done. By default there are none.
    #[serde(deserialize_with = "share")]
    pub exploration: ExplorationShare,
}

/// A number, as TOML writes it or as the environment does.
#[derive(Deserialize)]
#[serde(untagged, expecting = "the exploration share is a number from 0 (off) to 1")]
enum Written {
    Number(f64),
    Text(String),
}

/// Reads a share. Refuses `true`, which the configuration's library reads as the number 1: then chance alone would decide.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ExplorationShare, D::Error> {
    let number = match Written::deserialize(deserializer)? {
        Written::Number(number) => number,
        Written::Text(text) => text.parse().unwrap_or(f64::NAN),
    };
    number.try_into().map_err(de::Error::custom)
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
        assert_eq!((share("exploration = 1"), share("exploration = '0.5'")), (Ok(1.0), Ok(0.5)));
        // `true` is no share: somebody who means "on" does not mean that chance decides everything.
        for bad in ["1.01", "-1", "nan", "true", "'true'", "''", "[0.5]"] {
            let error = share(&format!("exploration = {bad}")).unwrap_err();
            assert!(error.contains("a number from 0 (off) to 1 for key `exploration`"), "{bad}: {error}");
        }
    }
}
