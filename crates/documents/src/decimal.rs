//! Converts [`Money`] to and from Decimal128, on the bits of the format.
//!
//! Written amounts have six decimals. Amounts are read exactly as MongoDB rounds them by `$round: [{$toDecimal: …},
//! 6]`.

use bson::Decimal128;
use gametriggers_types::Money;

/// The bias of the stored exponent: the stored value is the exponent plus 6,176.
const BIAS: i32 = 6_176;
const EXPONENT_SHIFT: u32 = 113;
const EXPONENT_MASK: u128 = 0x3fff;
const COEFFICIENT_MASK: u128 = (1 << EXPONENT_SHIFT) - 1;
/// The greatest canonical coefficient. A greater one stands for 0.
const COEFFICIENT_MAX: u128 = 10_u128.pow(34) - 1;
/// The decimals of a [`Money`].
const SCALE: i32 = 6;

/// The amount with six decimals.
pub(crate) fn of_money(amount: Money) -> Decimal128 {
    let sign = u128::from(amount.micros() < 0) << 127;
    let exponent = u128::from((BIAS - SCALE).unsigned_abs()) << EXPONENT_SHIFT;
    Decimal128::from_bytes((sign | exponent | u128::from(amount.micros().unsigned_abs())).to_le_bytes())
}

/// The amount nearest to the number. `None` if it is infinite, not a number, or too large.
pub(crate) fn to_money(number: Decimal128) -> Option<Money> {
    let bits = u128::from_le_bytes(number.bytes());
    let coefficient = match (bits >> 125) & 0b11 {
        // Infinity or NaN; otherwise a coefficient with too many digits, which stands for 0.
        0b11 if (bits >> 123) & 0b1111 == 0b1111 => return None,
        0b11 => 0,
        _ => Some(bits & COEFFICIENT_MASK).filter(|coefficient| *coefficient <= COEFFICIENT_MAX).unwrap_or(0),
    };
    #[allow(clippy::cast_possible_truncation)] // 14 bits
    let exponent = ((bits >> EXPONENT_SHIFT) & EXPONENT_MASK) as i32 - BIAS;
    let micros = i64::try_from(shifted(coefficient, exponent + SCALE)?).ok()?;
    Some(Money::from_micros(if bits >> 127 == 1 { -micros } else { micros }))
}

/// The number as MongoDB's `$toDecimal` converts it: with 15 significant digits, which is the precision that every
/// double has.
pub(crate) fn of_double(number: f64) -> Option<Decimal128> {
    format!("{number:.14e}").parse().ok()
}

/// `coefficient` · 10^`exponent`, rounded half to even. `None` if it overflows.
fn shifted(coefficient: u128, exponent: i32) -> Option<u128> {
    if coefficient == 0 {
        return Some(0);
    }
    match (10_u128.checked_pow(exponent.unsigned_abs()), exponent >= 0) {
        (Some(power), true) => coefficient.checked_mul(power),
        (Some(power), false) => {
            let (whole, twice_rest) = (coefficient / power, 2 * (coefficient % power));
            let is_up = twice_rest > power || (twice_rest == power && whole % 2 == 1);
            Some(whole + u128::from(is_up))
        }
        (None, true) => None,
        (None, false) => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_written_with_six_decimals() {
        for (micros, text) in [
            (0, "0.000000"),
            (1_660_000, "1.660000"),
            (-10_000, "-0.010000"),
            (1, "0.000001"),
            (i64::MAX, "9223372036854.775807"),
        ] {
            let expected: Decimal128 = text.parse().unwrap();
            assert_eq!(of_money(Money::from_micros(micros)).bytes(), expected.bytes(), "{text}");
        }
    }

    #[test]
    fn a_number_is_rounded_to_the_nearest_micro_unit() {
        for (text, micros) in [
            ("8.299999999999999", 8_300_000),
            ("12500.2", 12_500_200_000),
            ("-0.010000", -10_000),
            ("1E+3", 1_000_000_000),
            ("1E+10", 10_000_000_000_000_000),
            ("1.05E-6", 1),
            ("0.0000015", 2),
            ("0.0000025", 2),
            ("0.00000250000000001", 3),
            ("-0.0000015", -2),
            ("4E-7", 0),
            ("1E-6000", 0),
            ("0E+6000", 0),
            ("1234567890.123456789012345678901234", 1_234_567_890_123_457),
        ] {
            assert_eq!(to_money(text.parse().unwrap()), Some(Money::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for text in
            ["NaN", "Infinity", "-Infinity", "1E+6000", "9999999999999999999999999999999999", "-1E+13"]
        {
            assert_eq!(to_money(text.parse().unwrap()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back(micros in -i64::MAX..) {
            let amount = Money::from_micros(micros);
            prop_assert_eq!(to_money(of_money(amount)), Some(amount));
        }
    }
}
