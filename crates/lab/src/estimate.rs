//! Means with intervals.

use serde::Serialize;

/// A mean and its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// A mean with an interval of this half width on both sides. All numbers are rounded to six significant digits.
    #[must_use]
    pub fn around(mean: f64, half_width: f64) -> Self {
        let round = |number| significant(number, 6);
        Self { mean: round(mean), low: round(mean - half_width), high: round(mean + half_width) }
    }

    /// Half the width of the interval.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The number, rounded to this many significant digits.
#[must_use]
pub fn significant(number: f64, digits: i32) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    #[allow(clippy::cast_possible_truncation)] // the exponent of a double
    let exponent = number.abs().log10().floor() as i32;
    // The number is rounded as text. A division by a power of ten would leave noise in the last digits.
    let decimals = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    format!("{number:.decimals$}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_rounded_to_its_significant_digits() {
        for (number, digits, rounded) in
            [(123_456.7, 3, "123457"), (0.001_234_56, 3, "0.00123"), (-9.996, 3, "-10"), (0.0, 3, "0")]
        {
            assert_eq!(significant(number, digits).to_string(), rounded);
        }
    }
}
