//! A streamer's settings for how campaigns are selected.

mod interval;
mod spacing;
mod strategy;
mod time_zone;
mod weights;

pub use interval::RotationInterval;
pub use spacing::{SlotsBetween, SlotsInARow, Spacing};
pub use strategy::{Daypart, DaypartWeight, ParameterValue, StrategyName, StrategyParameters};
pub use time_zone::{LocalTime, TimeZoneName};
pub use weights::{PriorityWeights, Weight};

use crate::WeeklyPeriod;

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
    /// The number of slots in a row is not a whole number from 0 to 20.
    #[error("maxSlotsInARow is a whole number from 0 (no limit) to 20")]
    SlotsInARow,
    /// The number of slots between campaigns of one category is not a whole number from 0 to 10.
    #[error("minSlotsBetweenCategory is a whole number from 0 (none) to 10")]
    SlotsBetween,
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
    /// The parameters of the other strategies.
    pub parameters: StrategyParameters,
    /// The distance between campaigns.
    pub spacing: Spacing,
    /// The periods in which the screen stays empty.
    pub blackouts: Vec<WeeklyPeriod>,
    /// The streamer's time zone. Blackout periods and dayparts are in this zone.
    pub time_zone: TimeZoneName,
    /// Grows by one with every write of these settings. A decision made under a lower version is no longer in force.
    pub version: u64,
}
