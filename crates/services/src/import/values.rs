//! Reading one stored value as a type of ours; the error says what is wrong with it and follows the field's name.
//!
//! Numbers are read from every numeric type of BSON. Nothing here repeats a text that could be a secret.

use std::{fmt::Display, str::FromStr};

use bson::Bson;
use gametriggers_types::{Money, ObjectId, ScreenToken, Timestamp};

/// A value, or what is wrong with it.
pub(super) type Read<T> = Result<T, String>;

/// The result of a type that checks itself.
pub(super) fn checked<T, E: Display>(result: Result<T, E>) -> Read<T> {
    result.map_err(|error| error.to_string())
}

fn require<T>(value: Option<T>, reason: &str) -> Read<T> {
    value.ok_or_else(|| reason.to_owned())
}

pub(super) fn text(value: &Bson) -> Read<String> {
    require(value.as_str().map(str::to_owned), "not text")
}

/// A list of texts; a single text is a list of one.
pub(super) fn texts(value: &Bson) -> Read<Vec<String>> {
    let texts = match value {
        Bson::Array(items) => {
            let items = items.iter().filter(|item| **item != Bson::Null);
            items.map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Bson::String(text) => Some(vec![text.clone()]),
        _ => None,
    };
    require(texts, "not a list of texts")
}

/// A text of a type that reads itself.
pub(super) fn parsed<T: FromStr<Err: Display>>(value: &Bson) -> Read<T> {
    checked(text(value)?.parse())
}

pub(super) fn flag(value: &Bson) -> Read<bool> {
    require(value.as_bool(), "neither true nor false")
}

pub(super) fn time(value: &Bson) -> Read<Timestamp> {
    let time = value.as_datetime().and_then(|time| Timestamp::from_millisecond(time.timestamp_millis()).ok());
    require(time, "not a date")
}

/// An id, or its 24 digits.
pub(super) fn id<T: From<ObjectId>>(value: &Bson) -> Read<T> {
    let id = match value {
        Bson::ObjectId(id) => Some(ObjectId::from_bytes(id.bytes())),
        Bson::String(text) => text.parse().ok(),
        _ => None,
    };
    require(id.map(T::from), "not an id")
}

pub(super) fn token(value: &Bson) -> Read<ScreenToken> {
    require(ScreenToken::parse(&text(value)?), "not a token that can be in an address")
}

/// A finite number.
pub(super) fn number(value: &Bson) -> Read<f64> {
    let number = match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        #[allow(clippy::cast_precision_loss)] // counts have a reader of their own
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        Bson::Decimal128(number) => number.to_string().parse().ok(),
        _ => None,
    };
    let number = require(number, "not a number")?;
    require(number.is_finite().then_some(number), "not a finite number")
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
    require(count, "not a whole number of 0 or more")
}

/// An amount of money, to six decimals; as far as [`Money`] goes, a double holds all of them.
pub(super) fn money(value: &Bson) -> Read<Money> {
    checked(Money::from_units(number(value)?))
}

/// An amount of money of 0 or more.
pub(super) fn amount(value: &Bson) -> Read<Money> {
    require(Some(money(value)?).filter(|money| *money >= Money::ZERO), "less than 0")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bson(json: serde_json::Value) -> Bson {
        Bson::try_from(json).unwrap()
    }

    fn units(amount: f64) -> Money {
        Money::from_units(amount).unwrap()
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
            assert_eq!(money(&value), Ok(units(3.0)), "{form}");
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
        assert_eq!(money(&bson(json!(8.299_999_999_999_999))), Ok(units(8.3)));
        assert_eq!(money(&bson(json!(0.300_000_000_000_000_04))), Ok(units(0.3)));
        for (decimal, micros) in [
            ("8.299999999999999", 8_300_000),
            ("12500.2", 12_500_200_000),
            ("3999999999.999999", 3_999_999_999_999_999),
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
