//! Reading one stored value as a type of ours; the error says what is wrong with it and follows the field's name.
//!
//! Numbers are read from every numeric type of BSON. Nothing here repeats a text that could be a secret.

use std::{fmt::Display, str::FromStr};

use bson::{Bson, Decimal128};
use gametriggers_types::{InvalidMoney, Money, ObjectId, ScreenToken, Timestamp};

/// A value, or what is wrong with it.
pub(super) type Read<T> = Result<T, String>;

fn wrong<T>(reason: impl Display) -> Read<T> {
    Err(reason.to_string())
}

pub(super) fn text(value: &Bson) -> Read<String> {
    value.as_str().map_or_else(|| wrong("not text"), |text| Ok(text.to_owned()))
}

/// A list of texts; a single text is a list of one.
pub(super) fn texts(value: &Bson) -> Read<Vec<String>> {
    match value {
        Bson::Array(items) => items.iter().filter(|item| **item != Bson::Null).map(text).collect(),
        Bson::String(text) => Ok(vec![text.clone()]),
        _ => wrong("not a list"),
    }
    .or_else(|_| wrong("not a list of texts"))
}

/// A text of a type that reads itself.
pub(super) fn parsed<T: FromStr<Err: Display>>(value: &Bson) -> Read<T> {
    text(value)?.parse().or_else(wrong)
}

pub(super) fn flag(value: &Bson) -> Read<bool> {
    value.as_bool().map_or_else(|| wrong("neither true nor false"), Ok)
}

pub(super) fn time(value: &Bson) -> Read<Timestamp> {
    let time = value.as_datetime().and_then(|time| Timestamp::from_millisecond(time.timestamp_millis()).ok());
    time.map_or_else(|| wrong("not a date"), Ok)
}

/// An id, or its 24 digits.
pub(super) fn id<T: From<ObjectId>>(value: &Bson) -> Read<T> {
    match value {
        Bson::ObjectId(id) => Ok(ObjectId::from_bytes(id.bytes()).into()),
        Bson::String(text) => text.parse().map(|id: ObjectId| id.into()).or_else(|_| wrong("not an id")),
        _ => wrong("not an id"),
    }
}

pub(super) fn token(value: &Bson) -> Read<ScreenToken> {
    ScreenToken::parse(&text(value)?).map_or_else(|| wrong("not a token that can be in an address"), Ok)
}

/// A finite number.
pub(super) fn number(value: &Bson) -> Read<f64> {
    let number = match value {
        Bson::Int32(number) => f64::from(*number),
        #[allow(clippy::cast_precision_loss)] // counts and money have readers of their own
        Bson::Int64(number) => *number as f64,
        Bson::Double(number) => *number,
        Bson::Decimal128(number) => number.to_string().parse().or_else(|_| wrong("not a number"))?,
        _ => return wrong("not a number"),
    };
    if number.is_finite() { Ok(number) } else { wrong("not a finite number") }
}

/// A whole number of 0 or more; a double may miss it by its rounding noise.
pub(super) fn count(value: &Bson) -> Read<u64> {
    let count = match value {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        _ => number(value).ok().and_then(|number| {
            let whole = number.round();
            let fits = (number - whole).abs() < 1e-6 && (0.0..9e15).contains(&whole);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked just above
            fits.then_some(whole as u64)
        }),
    };
    count.map_or_else(|| wrong("not a whole number of 0 or more"), Ok)
}

/// An amount of money, to six decimals.
pub(super) fn money(value: &Bson) -> Read<Money> {
    match value {
        Bson::Decimal128(number) => exact_money(number),
        _ => Money::from_units(number(value)?),
    }
    .or_else(wrong)
}

/// An amount of money of 0 or more.
pub(super) fn amount(value: &Bson) -> Read<Money> {
    let money = money(value)?;
    if money < Money::ZERO { wrong("less than 0") } else { Ok(money) }
}

/// A decimal number as money without a detour through a double.
fn exact_money(number: &Decimal128) -> Result<Money, InvalidMoney> {
    let micros = decimal_micros(&number.to_string()).and_then(|micros| i64::try_from(micros).ok());
    let money = Money::from_micros(micros.ok_or(InvalidMoney)?);
    // For the limit that holds for every amount from outside.
    Money::from_units(money.as_units()).map(|_| money)
}

/// `-12.5` or `-1.25E+1` in millionths, rounded half away from zero.
fn decimal_micros(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (digits, exponent) = digits.split_once('E').unwrap_or((digits, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // At most 34 digits.
    let coefficient: i128 = format!("{whole}{fraction}").parse().ok()?;
    if coefficient == 0 {
        return Some(0);
    }
    let power = exponent.parse::<i64>().ok()? + 6 - i64::try_from(fraction.len()).ok()?;
    let scale = u32::try_from(power.abs()).ok().and_then(|power| 10_i128.checked_pow(power));
    match scale {
        Some(scale) if power >= 0 => coefficient.checked_mul(scale).map(|micros| sign * micros),
        Some(scale) => Some(sign * ((coefficient + scale / 2) / scale)),
        None => (power < 0).then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bson(json: serde_json::Value) -> Bson {
        Bson::try_from(json).unwrap()
    }

    fn units(amount: f64) -> Read<Money> {
        Ok(Money::from_units(amount).unwrap())
    }

    #[test]
    fn a_number_is_read_from_every_numeric_type_and_both_forms() {
        for form in [
            json!(3),
            json!(3.0),
            json!({"$numberInt": "3"}),
            json!({"$numberLong": "3"}),
            json!({"$numberDouble": "3.0"}),
            json!({"$numberDecimal": "3"}),
            json!({"$numberDecimal": "3.00"}),
            json!({"$numberDecimal": "0.3E+1"}),
        ] {
            let value = bson(form.clone());
            assert_eq!(number(&value), Ok(3.0), "{form}");
            assert_eq!(count(&value), Ok(3), "{form}");
            assert_eq!(money(&value), units(3.0), "{form}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_by_every_reader_of_numbers() {
        for form in [
            json!("3"),
            json!(true),
            json!([3]),
            json!({"$numberDouble": "NaN"}),
            json!({"$numberDouble": "-Infinity"}),
            json!({"$numberDecimal": "NaN"}),
            json!({"$numberDecimal": "Infinity"}),
        ] {
            let value = bson(form.clone());
            assert!(number(&value).is_err(), "{form}");
            assert!(count(&value).is_err(), "{form}");
            assert!(money(&value).is_err(), "{form}");
        }
    }

    #[test]
    fn a_count_is_whole_and_not_negative() {
        assert_eq!(count(&bson(json!(9_007_199_254_740_993_i64))), Ok(9_007_199_254_740_993));
        assert_eq!(count(&bson(json!(41.999_999_999_999_99))), Ok(42));
        for bad in [json!(-1), json!(1.5), json!(-0.5), json!(1e300), json!({"$numberLong": "-1"})] {
            assert!(count(&bson(bad.clone())).is_err(), "{bad}");
        }
    }

    /// Defect M24: money was a double.
    #[test]
    fn m24_money_is_exact_to_six_decimals() {
        assert_eq!(money(&bson(json!(8.299_999_999_999_999))), units(8.3));
        assert_eq!(money(&bson(json!(0.300_000_000_000_000_04))), units(0.3));
        for (decimal, micros) in [
            ("8.299999999999999", 8_300_000),
            ("12500.2", 12_500_200_000),
            ("4294967296.000001", 4_294_967_296_000_001),
            ("-0.010000", -10_000),
            ("1E+3", 1_000_000_000),
            ("1.05E-6", 1),
            ("0.0000015", 2),
            ("4E-7", 0),
            ("1E-6000", 0),
            ("0E+6000", 0),
            ("1234567890.123456789012345678901234", 1_234_567_890_123_457),
        ] {
            let value = bson(json!({"$numberDecimal": decimal}));
            assert_eq!(money(&value), Ok(Money::from_micros(micros)), "{decimal}");
        }
        for too_large in ["1E+6000", "9999999999999999999999999999999999", "-1E+13", "1E+10"] {
            assert!(money(&bson(json!({"$numberDecimal": too_large}))).is_err(), "{too_large}");
        }
        assert!(money(&bson(json!(1e12))).is_err());
        assert!(amount(&bson(json!(-0.01))).is_err());
    }

    #[test]
    fn a_time_is_read_from_every_form_of_a_date() {
        let expected: Timestamp = "2025-07-02T06:30:00.123Z".parse().unwrap();
        for form in [
            json!({"$date": "2025-07-02T06:30:00.123Z"}),
            json!({"$date": {"$numberLong": "1751437800123"}}),
            json!({"$date": 1_751_437_800_123_i64}),
        ] {
            assert_eq!(time(&bson(form.clone())), Ok(expected), "{form}");
        }
        let never = bson(json!({"$date": {"$numberLong": "9223372036854775807"}}));
        assert!(time(&never).is_err());
        assert!(time(&bson(json!("2025-07-02"))).is_err());
    }

    #[test]
    fn an_id_may_have_been_stored_as_text() {
        let digits = "6864d4187d06a675f2abb714";
        assert_eq!(id::<ObjectId>(&bson(json!({"$oid": digits}))), Ok(digits.parse().unwrap()));
        assert_eq!(id::<ObjectId>(&bson(json!(digits))), Ok(digits.parse().unwrap()));
        assert!(id::<ObjectId>(&bson(json!("6864"))).is_err());
    }

    #[test]
    fn a_list_of_texts_may_have_been_a_single_one() {
        assert_eq!(texts(&bson(json!("Gaming"))), Ok(vec!["Gaming".to_owned()]));
        assert_eq!(texts(&bson(json!(["Gaming", null]))), Ok(vec!["Gaming".to_owned()]));
        assert!(texts(&bson(json!([1]))).is_err());
    }
}
