//! The name of a strategy, and the values of the parameters that strategies declare.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use crate::WeeklyPeriod;

/// The name of a selection strategy. The registry in `gametriggers-domain` knows which names exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StrategyName(String);

impl StrategyName {
    /// The strategy of streamers who chose none, or who chose a strategy that does not exist.
    pub const DEFAULT: &str = "fair-rotation";

    /// Makes a name without checking that the strategy exists.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for StrategyName {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The weight of one category of campaigns while a [`Daypart`] lasts: a number from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct DaypartWeight(f64);

impl DaypartWeight {
    /// The greatest weight.
    pub const MAX: f64 = 100.0;

    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for DaypartWeight {
    type Error = &'static str;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        let is_valid = (0.0..=Self::MAX).contains(&value);
        if is_valid { Ok(Self(value)) } else { Err("the weight of a daypart is a number from 0 to 100") }
    }
}

/// A part of the week in which the campaigns of one category have a weight of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Daypart {
    /// The part of the week, in the streamer's time zone.
    #[serde(flatten)]
    pub period: WeeklyPeriod,
    /// The category. Upper and lower case are the same.
    pub category: String,
    /// The weight of campaigns that have this category.
    pub weight: DaypartWeight,
}

/// The value of one parameter of a strategy. The registry in `gametriggers-domain` knows which parameters exist, and
/// the kind and the range of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "the value of a parameter is a number, or a list of dayparts, each with startTime, endTime, days, category and a weight from 0 to 100"
)]
pub enum ParameterValue {
    /// A number. Whole numbers are numbers, too.
    Number(f64),
    /// Parts of the week with weights. If several parts cover a moment and name a category of a campaign, the first one
    /// counts.
    Dayparts(Vec<Daypart>),
}

/// The parameter values that a streamer has chosen, by the name of the strategy and the name of the parameter. The
/// values stay when the streamer chooses another strategy. A parameter without a value has its default.
///
/// Reading is lenient: a stored value that no parameter can have is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StrategyParameters(
    #[serde(deserialize_with = "usable")] BTreeMap<String, BTreeMap<String, ParameterValue>>,
);

impl StrategyParameters {
    /// The values of one strategy; `None` if it has none.
    #[must_use]
    pub fn of(&self, strategy: &str) -> Option<&BTreeMap<String, ParameterValue>> {
        self.0.get(strategy)
    }

    /// Sets one value. The name of the strategy and of the parameter are not checked.
    pub fn set(&mut self, strategy: &str, parameter: &str, value: ParameterValue) {
        self.0.entry(strategy.to_owned()).or_default().insert(parameter.to_owned(), value);
    }

    /// All values: strategy, parameter, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &ParameterValue)> {
        self.0.iter().flat_map(|(strategy, values)| {
            values.iter().map(move |(parameter, value)| (strategy.as_str(), parameter.as_str(), value))
        })
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// Takes over all values of `changes`.
    pub fn merge(&mut self, changes: &Self) {
        for (strategy, parameter, value) in changes.iter() {
            self.set(strategy, parameter, value.clone());
        }
    }

    /// Whether [`merge`](Self::merge) with these values would change anything.
    #[must_use]
    pub fn would_change_by(&self, changes: &Self) -> bool {
        let stored = |strategy, parameter| self.of(strategy).and_then(|values| values.get(parameter));
        changes.iter().any(|(strategy, parameter, value)| stored(strategy, parameter) != Some(value))
    }
}

/// A stored value that is read as a `T` if it has the form of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Usable(T),
    Other(IgnoredAny),
}

impl<T> Lenient<T> {
    fn usable(self) -> Option<T> {
        match self {
            Self::Usable(value) => Some(value),
            Self::Other(IgnoredAny) => None,
        }
    }
}

fn usable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, BTreeMap<String, ParameterValue>>, D::Error> {
    type Stored = BTreeMap<String, Lenient<BTreeMap<String, Lenient<ParameterValue>>>>;
    let of_strategy = |values: Lenient<BTreeMap<String, Lenient<ParameterValue>>>| {
        let values = values.usable()?.into_iter();
        Some(values.filter_map(|(name, value)| Some((name, value.usable()?))).collect())
    };
    let stored = Stored::deserialize(deserializer)?.into_iter();
    Ok(stored.filter_map(|(strategy, values)| Some((strategy, of_strategy(values)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_merge_value_by_value() {
        let one = |value: f64| ParameterValue::Number(value);
        let mut stored = StrategyParameters::default();
        stored.set("a", "x", one(1.0));
        stored.set("b", "x", one(2.0));
        let mut changes = StrategyParameters::default();
        assert!(changes.is_empty() && !stored.would_change_by(&changes));
        changes.set("a", "y", one(3.0));
        assert!(stored.would_change_by(&changes));
        stored.merge(&changes);
        assert!(!stored.would_change_by(&changes));
        let all: Vec<_> = stored.iter().map(|(strategy, name, _)| format!("{strategy}.{name}")).collect();
        assert_eq!(all, ["a.x", "a.y", "b.x"]);
    }

    #[test]
    fn parameters_are_read_from_the_form_in_which_they_are_written() {
        let text = concat!(
            r#"{"capped-fair":{"share":0.5},"daypart":{"dayparts":[{"startTime":"18:00","endTime":"24:00","#,
            r#""days":["friday"],"category":"gaming","weight":3.0}]}}"#
        );
        let read: StrategyParameters = serde_json::from_str(text).unwrap();
        assert!(matches!(read.of("daypart").unwrap()["dayparts"], ParameterValue::Dayparts(_)), "{read:?}");
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_value_that_cannot_be_used_is_left_out_alone() {
        let text = r#"{"a":{"w":1,"x":"text","y":[{"weight":101}],"z":null},"b":1,"c":{"v":2.5}}"#;
        let read: StrategyParameters = serde_json::from_str(text).unwrap();
        let all: Vec<_> = read.iter().map(|(strategy, name, _)| format!("{strategy}.{name}")).collect();
        assert_eq!(all, ["a.w", "c.v"]);
    }
}
