//! The weights of the `weighted` strategy.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::InvalidSelectionSetting;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_numbers_from_0_to_1_and_not_all_zero() {
        for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Weight::try_from(bad), Err(InvalidSelectionSetting::Weight), "{bad}");
        }
        let zero = Weight::default();
        assert_eq!(PriorityWeights::new(zero, zero, zero), Err(InvalidSelectionSetting::AllWeightsZero));
        assert!(PriorityWeights::new(Weight(1.0), zero, zero).is_ok());
    }
}
