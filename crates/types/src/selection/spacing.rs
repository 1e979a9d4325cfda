//! The distance that a streamer wants between appearances of one campaign, and between campaigns of one category.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::InvalidSelectionSetting;

/// The greatest number of slots that one campaign may stay on screen without a break: 1 to 20, or 0 for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SlotsInARow(u8);

/// The least number of slots between two different campaigns of one category (competitive separation): 1 to 10, or 0
/// for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SlotsBetween(u8);

/// Implements a setting that is a whole number from 0 to a greatest value.
macro_rules! whole_number_to {
    ($type:ident, $max:literal, $error:ident) => {
        impl $type {
            /// The greatest value.
            pub const MAX: u8 = $max;

            /// The number of slots; 0 means that the rule is off.
            #[must_use]
            pub const fn slots(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<f64> for $type {
            type Error = InvalidSelectionSetting;

            /// Accepts whole numbers that JSON wrote with a fraction of zero (`3.0`).
            fn try_from(slots: f64) -> Result<Self, Self::Error> {
                if slots.fract() == 0.0 && (0.0..=f64::from(Self::MAX)).contains(&slots) {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to MAX
                    Ok(Self(slots as u8))
                } else {
                    Err(InvalidSelectionSetting::$error)
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
            }
        }
    };
}

whole_number_to!(SlotsInARow, 20, SlotsInARow);
whole_number_to!(SlotsBetween, 10, SlotsBetween);

/// The distance between campaigns that a streamer wants, whatever the strategy. Both rules are off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spacing {
    /// The greatest number of slots that one campaign may stay on screen without a break.
    pub in_a_row: SlotsInARow,
    /// The least number of slots between two different campaigns of one category.
    pub between: SlotsBetween,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_is_counted_in_whole_slots() {
        for bad in [-1.0, 0.5, 21.0, f64::NAN] {
            assert_eq!(SlotsInARow::try_from(bad), Err(InvalidSelectionSetting::SlotsInARow), "{bad}");
        }
        assert_eq!(SlotsInARow::try_from(20.0).unwrap().slots(), 20);
        assert_eq!(SlotsBetween::try_from(11.0), Err(InvalidSelectionSetting::SlotsBetween));
        assert_eq!(SlotsBetween::try_from(0.0).unwrap(), SlotsBetween::default());
    }
}
