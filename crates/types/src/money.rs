//! Money as a whole number of micro-units.

use std::{fmt, iter::Sum, ops};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The error for a number that is not a valid amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is a finite number of at most 4 billion")]
pub struct InvalidMoney;

/// An amount of money in millionths of the currency's unit.
///
/// Its JSON form is a number in whole units (`1.66`), exact to six decimals. Sums saturate at the ends of the range,
/// about ±9·10¹² units, which no budget comes near.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// The amount 0.
    pub const ZERO: Self = Self(0);
    /// The number of micro-units in a unit.
    pub const MICROS_PER_UNIT: i64 = 1_000_000;
    /// The largest amount accepted from outside. Beyond it, a JSON number no longer holds six decimals.
    const MAX_UNITS: f64 = 4e9;

    /// An amount of `micros` millionths.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The amount in millionths.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The amount nearest to `units`, rounded to six decimals. The rounding removes the noise of stored doubles.
    ///
    /// # Errors
    /// [`InvalidMoney`] if the number is not finite or is too large to hold six decimals.
    pub fn from_units(units: f64) -> Result<Self, InvalidMoney> {
        if !units.is_finite() || units.abs() > Self::MAX_UNITS {
            return Err(InvalidMoney);
        }
        #[allow(clippy::cast_possible_truncation)] // bounded just above
        Ok(Self((units * 1e6).round() as i64))
    }

    /// The amount in units, for display and for weights. Do not use it for sums.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // within MAX_UNITS a double holds six decimals
    pub fn as_units(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl ops::Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl ops::Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl ops::SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, ops::Add::add)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % Self::MICROS_PER_UNIT == 0 {
            serializer.serialize_i64(self.0 / Self::MICROS_PER_UNIT)
        } else {
            serializer.serialize_f64(self.as_units())
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_units(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Defect M24: money was a double, and its rounding noise was compared and summed.
    #[test]
    fn m24_rounding_noise_is_gone_after_reading() {
        assert_eq!(Money::from_units(8.299_999_999_999_999).unwrap(), Money::from_micros(8_300_000));
        assert_eq!(Money::from_units(-0.009_999_999_999_999_787).unwrap(), Money::from_micros(-10_000));
        assert!(Money::from_units(f64::NAN).is_err());
        assert!(Money::from_units(1e300).is_err());
    }

    #[test]
    fn whole_amounts_are_whole_numbers_in_json() {
        assert_eq!(serde_json::to_string(&Money::from_micros(83_000_000_000)).unwrap(), "83000");
        assert_eq!(serde_json::to_string(&Money::from_micros(1_660_000)).unwrap(), "1.66");
        assert_eq!(serde_json::to_string(&Money::from_micros(-10_000)).unwrap(), "-0.01");
    }

    proptest! {
        #[test]
        fn json_keeps_every_micro_unit(micros in -4_000_000_000_000_000_i64..=4_000_000_000_000_000) {
            let amount = Money::from_micros(micros);
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), amount);
        }
    }
}
