//! Numbers for people.

use crate::estimate::{Estimate, significant};

/// The number with thousands separated, and with three significant digits if it has fewer before the point.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = if magnitude >= 99.95 {
        0
    } else if magnitude >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{magnitude:.decimals$}");
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    let is_zero = grouped.chars().all(|sign| matches!(sign, '0' | '.' | ','));
    if value < 0.0 && !is_zero { format!("−{grouped}") } else { grouped }
}

/// The mean and half the width of its interval: `41.3 ±0.2`.
pub(super) fn estimate(estimate: &Estimate) -> String {
    format!("{} ±{}", number(estimate.mean), number(significant(estimate.half_width(), 2)))
}

/// A share in per cent: `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent.abs() >= 99.95 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// A share in per cent with half the width of its interval: `12.3 % ±0.4`.
pub(super) fn percent_estimate(estimate: &Estimate) -> String {
    format!("{} ±{:.1}", percent(estimate.mean), estimate.half_width() * 100.0)
}

/// A whole number with thousands separated.
#[allow(clippy::cast_precision_loss)] // far below 2^53
pub(super) fn count(value: u64) -> String {
    if value < 1_000 { value.to_string() } else { number(value as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_have_three_digits() {
        for (value, text) in [
            (1_234_567.4, "1,234,567"),
            (123.4, "123"),
            (99.96, "100"),
            (12.34, "12.3"),
            (-1.234, "−1.23"),
            (-0.001, "0.00"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(estimate(&Estimate { mean: 10.0, low: 9.0, high: 11.0 }), "10.0 ±1.00");
        assert_eq!([percent(0.0), percent(0.123_45), percent(1.0)], ["0 %", "12.3 %", "100 %"]);
        assert_eq!([count(7), count(12_345)], ["7", "12,345"]);
    }
}
