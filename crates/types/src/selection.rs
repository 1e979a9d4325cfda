//! A streamer's settings for how campaigns are selected.

use std::fmt;

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::BlackoutPeriod;

/// Why a selection setting is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelectionSetting {
    /// The interval is not a whole number from 1 to 60.
    #[error("rotationIntervalMinutes is a whole number from 1 to 60")]
    Interval,
    /// A weight is outside 0 to 1.
    #[error("each of priorityWeights is a number from 0 to 1")]
    Weight,
    /// All weights are 0.
    #[error("at least one of priorityWeights is greater than 0")]
    AllWeightsZero,
    /// The zone is not in the IANA time zone database.
    #[error("`{0}` is not a time zone of the IANA database, such as Asia/Kolkata")]
    TimeZone(String),
}

/// The length of a slot in whole minutes, 1 to 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RotationInterval(u8);

impl RotationInterval {
    /// The length in minutes.
    #[must_use]
    pub const fn minutes(self) -> u8 {
        self.0
    }
}

impl Default for RotationInterval {
    fn default() -> Self {
        Self(3)
    }
}

impl TryFrom<i64> for RotationInterval {
    type Error = InvalidSelectionSetting;

    fn try_from(minutes: i64) -> Result<Self, Self::Error> {
        match u8::try_from(minutes) {
            Ok(minutes @ 1..=60) => Ok(Self(minutes)),
            _ => Err(InvalidSelectionSetting::Interval),
        }
    }
}

impl TryFrom<f64> for RotationInterval {
    type Error = InvalidSelectionSetting;

    /// Accepts whole numbers that JSON wrote with a fraction of zero (`3.0`).
    fn try_from(minutes: f64) -> Result<Self, Self::Error> {
        if minutes.fract() == 0.0 && (1.0..=60.0).contains(&minutes) {
            #[allow(clippy::cast_possible_truncation)] // between 1 and 60
            Self::try_from(minutes as i64)
        } else {
            Err(InvalidSelectionSetting::Interval)
        }
    }
}

impl<'de> Deserialize<'de> for RotationInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

/// A weight of the `weighted` strategy: a number from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize)]
pub struct Weight(f64);

impl Weight {
    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Weight {
    type Error = InvalidSelectionSetting;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(InvalidSelectionSetting::Weight) }
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

/// The three weights of the `weighted` strategy. At least one is greater than 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PriorityWeights {
    payment_rate: Weight,
    performance: Weight,
    fairness: Weight,
}

impl PriorityWeights {
    /// Three weights.
    ///
    /// # Errors
    /// [`InvalidSelectionSetting::AllWeightsZero`] if all three are 0.
    pub fn new(
        payment_rate: Weight,
        performance: Weight,
        fairness: Weight,
    ) -> Result<Self, InvalidSelectionSetting> {
        if [payment_rate, performance, fairness].iter().all(|weight| weight.0 == 0.0) {
            return Err(InvalidSelectionSetting::AllWeightsZero);
        }
        Ok(Self { payment_rate, performance, fairness })
    }

    /// The weight of the campaign's rate.
    #[must_use]
    pub const fn payment_rate(self) -> Weight {
        self.payment_rate
    }

    /// The weight of the campaign's click-through rate.
    #[must_use]
    pub const fn performance(self) -> Weight {
        self.performance
    }

    /// The weight of the time since the campaign was last shown.
    #[must_use]
    pub const fn fairness(self) -> Weight {
        self.fairness
    }
}

impl Default for PriorityWeights {
    fn default() -> Self {
        Self { payment_rate: Weight(0.4), performance: Weight(0.3), fairness: Weight(0.3) }
    }
}

/// The name of a selection strategy. The registry in `gametriggers-domain` knows which names exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StrategyName(String);

impl StrategyName {
    /// The strategy that is used if the streamer chose none, or one that does not exist.
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

/// A time zone of the IANA database, such as `Asia/Kolkata`. The default is `UTC`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZoneName(TimeZone);

impl TimeZoneName {
    /// Looks up a zone in the time zone database that is compiled into the program.
    ///
    /// # Errors
    /// [`InvalidSelectionSetting::TimeZone`] if the database does not have this name.
    pub fn parse(name: &str) -> Result<Self, InvalidSelectionSetting> {
        let unknown = || InvalidSelectionSetting::TimeZone(name.chars().take(64).collect());
        if name == "UTC" {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        if zone.iana_name().is_some() { Ok(Self(zone)) } else { Err(unknown()) }
    }

    /// The zone's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The weekday and the minutes since midnight that a clock in this zone shows at `at`.
    #[must_use]
    pub fn day_and_minute(&self, at: Timestamp) -> (Weekday, u16) {
        let local = self.0.to_datetime(at);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        (local.weekday(), minute)
    }
}

impl Default for TimeZoneName {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TimeZoneName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TimeZoneName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A streamer's selection settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SelectionSettings {
    /// The name of the chosen strategy.
    pub strategy: StrategyName,
    /// The length of a slot.
    pub interval: RotationInterval,
    /// The weights of the `weighted` strategy.
    pub weights: PriorityWeights,
    /// The periods in which the screen stays empty.
    pub blackouts: Vec<BlackoutPeriod>,
    /// The time zone of the blackout periods.
    pub time_zone: TimeZoneName,
    /// Grows by one with every write of these settings. A decision made under a lower version is no longer in force.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_whole_number_from_1_to_60() {
        for bad in [0.0, 61.0, 1.5, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(RotationInterval::try_from(bad), Err(InvalidSelectionSetting::Interval), "{bad}");
        }
        assert_eq!(RotationInterval::try_from(3.0), Ok(RotationInterval::default()));
        assert_eq!(RotationInterval::try_from(60).unwrap().minutes(), 60);
    }

    #[test]
    fn weights_are_numbers_from_0_to_1_and_not_all_zero() {
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Weight::try_from(bad), Err(InvalidSelectionSetting::Weight), "{bad}");
        }
        let zero = Weight::default();
        assert_eq!(PriorityWeights::new(zero, zero, zero), Err(InvalidSelectionSetting::AllWeightsZero));
        assert!(PriorityWeights::new(Weight(1.0), zero, zero).is_ok());
    }

    #[test]
    fn only_zones_of_the_database_are_taken() {
        assert_eq!(TimeZoneName::parse("Asia/Kolkata").unwrap().as_str(), "Asia/Kolkata");
        assert_eq!(TimeZoneName::parse("UTC").unwrap().as_str(), "UTC");
        for bad in ["", "Mars/Olympus", "+05:30", "local", "../etc/passwd"] {
            assert!(TimeZoneName::parse(bad).is_err(), "{bad}");
        }
    }
}
