//! The length of a slot.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::InvalidSelectionSetting;

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
}
