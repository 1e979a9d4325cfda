//! Numbers for people.

use crate::estimate::Estimate;

/// The number with separated thousands. A number with fewer than three digits before the point gets decimals, up to
/// two.
pub(super) fn number(value: f64) -> String {
    with_decimals(value, decimals(value))
}

/// The number of decimals that a number is written with.
fn decimals(value: f64) -> usize {
    match value.abs() {
        0.0 | 99.95.. => 0,
        9.995.. => 1,
        _ => 2,
    }
}

fn with_decimals(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let whole = text.find('.').unwrap_or(text.len());
    let mut grouped = String::new();
    for (place, sign) in text.chars().enumerate() {
        if place > 0 && place < whole && (whole - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(sign);
    }
    let is_zero = text.chars().all(|sign| matches!(sign, '0' | '.'));
    if value < 0.0 && !is_zero { format!("−{grouped}") } else { grouped }
}

/// The mean and half the width of its interval, with the same number of decimals: `41.3 ±0.2`.
pub(super) fn estimate(estimate: &Estimate) -> String {
    let decimals = decimals(estimate.mean);
    format!("{} ±{}", with_decimals(estimate.mean, decimals), with_decimals(estimate.half_width(), decimals))
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

/// A whole number with separated thousands.
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
            (0.0, "0"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(estimate(&Estimate { mean: 10.0, low: 9.0, high: 11.0 }), "10.0 ±1.0");
        assert_eq!([percent(0.0), percent(0.123_45), percent(1.0)], ["0 %", "12.3 %", "100 %"]);
        assert_eq!([count(7), count(12_345)], ["7", "12,345"]);
    }
}
