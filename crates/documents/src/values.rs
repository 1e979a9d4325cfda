//! Reads single stored values as types of this system. Errors are texts that follow the field's name in a message.
//!
//! Numbers may have any numeric type of BSON. Errors never repeat a text that could be a secret.

use std::{fmt::Display, str::FromStr};

use bson::Bson;
use gametriggers_types::{Money, ObjectId, ScreenToken, Timestamp};

use crate::decimal;

/// The value, or a text that says what is wrong with it.
pub type Read<T> = Result<T, String>;

/// Turns the error of a checked constructor into a text.
pub(crate) fn checked<T, E: Display>(result: Result<T, E>) -> Read<T> {
    result.map_err(|error| error.to_string())
}

fn require<T>(value: Option<T>, reason: &str) -> Read<T> {
    value.ok_or_else(|| reason.to_owned())
}

/// A text.
///
/// # Errors
/// If the value is not a text.
pub fn text(value: &Bson) -> Read<String> {
    require(value.as_str().map(str::to_owned), "not text")
}

/// A list of texts. A single text is read as a list of one; nulls in the list are skipped.
pub(crate) fn texts(value: &Bson) -> Read<Vec<String>> {
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

/// A text that is parsed as `T`.
///
/// # Errors
/// If the value is not a text, or `T` refuses it.
pub fn parsed<T: FromStr<Err: Display>>(value: &Bson) -> Read<T> {
    checked(text(value)?.parse())
}

/// A boolean. A number is false if it is 0, and otherwise true.
pub(crate) fn flag(value: &Bson) -> Read<bool> {
    let flag = value.as_bool().or_else(|| Some(number(value).ok()? != 0.0));
    require(flag, "neither true nor false")
}

/// An instant, to the millisecond. Instants outside the range of [`Timestamp`] are read as the latest or the earliest
/// possible one. For example, the end of the year 9999 may stand for "never".
///
/// # Errors
/// If the value is not a date.
pub fn time(value: &Bson) -> Read<Timestamp> {
    let millis = require(value.as_datetime().map(|time| time.timestamp_millis()), "not a date")?;
    Ok(Timestamp::from_millisecond(millis).unwrap_or_else(|_| if millis < 0 { earliest() } else { latest() }))
}

/// The latest usable instant: the last whole second of [`Timestamp`], in the year 9999. Stores keep only milliseconds,
/// and milliseconds within that last second cannot be read back.
pub(crate) fn latest() -> Timestamp {
    whole_second(Timestamp::MAX)
}

fn earliest() -> Timestamp {
    whole_second(Timestamp::MIN)
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// An id, stored as an `ObjectId` or as its 24 digits.
///
/// # Errors
/// If the value is neither.
pub fn id<T: From<ObjectId>>(value: &Bson) -> Read<T> {
    let id = match value {
        Bson::ObjectId(id) => Some(ObjectId::from_bytes(id.bytes())),
        Bson::String(text) => text.parse().ok(),
        _ => None,
    };
    require(id.map(T::from), "not an id")
}

pub(crate) fn token(value: &Bson) -> Read<ScreenToken> {
    require(ScreenToken::parse(&text(value)?), "not a token that can be in an address")
}

/// A finite number.
pub(crate) fn number(value: &Bson) -> Read<f64> {
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

/// A whole number. A double may differ from it by rounding noise (less than 10⁻⁶).
///
/// # Errors
/// If the value is not a whole number.
pub fn whole(value: &Bson) -> Read<i64> {
    let whole = match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => number(value).ok().and_then(|number| {
            let whole = number.round();
            let fits = (number - whole).abs() < 1e-6 && whole.abs() < 9e15;
            #[allow(clippy::cast_possible_truncation)] // checked just above
            fits.then_some(whole as i64)
        }),
    };
    require(whole, "not a whole number")
}

/// A whole number of 0 or more.
///
/// # Errors
/// If the value is not such a number.
pub fn count(value: &Bson) -> Read<u64> {
    require(whole(value).ok().and_then(|whole| u64::try_from(whole).ok()), "not a whole number of 0 or more")
}

/// An amount of money, rounded to six decimals exactly as the ledger's first transaction rounds it in the database.
///
/// This system writes Decimal128. Doubles of the previous system are accepted up to the greatest amount for which a
/// double holds six decimals.
///
/// # Errors
/// If the value is not such an amount.
pub fn money(value: &Bson) -> Read<Money> {
    let exact = match value {
        Bson::Decimal128(number) => decimal::to_money(*number),
        Bson::Double(number) if Money::from_units(*number).is_ok() => {
            decimal::of_double(*number).and_then(decimal::to_money)
        }
        _ => None,
    };
    exact.map_or_else(|| checked(Money::from_units(number(value)?)), Ok)
}

/// An amount of money of 0 or more.
pub(crate) fn amount(value: &Bson) -> Read<Money> {
    require(Some(money(value)?).filter(|money| *money >= Money::ZERO), "less than 0")
}

/// The id as a BSON `ObjectId`.
#[must_use]
pub fn stored_id(id: ObjectId) -> bson::oid::ObjectId {
    bson::oid::ObjectId::from_bytes(id.bytes())
}

/// The instant as a BSON date, cut to milliseconds.
#[must_use]
pub fn stored_time(time: Timestamp) -> bson::DateTime {
    bson::DateTime::from_millis(time.as_millisecond())
}

/// The amount as a Decimal128 with six decimals.
#[must_use]
pub fn stored_money(amount: Money) -> bson::Decimal128 {
    decimal::of_money(amount)
}

/// The count as a 64-bit integer. Counters never reach 2^63.
#[must_use]
pub fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
        for decimal in ["8.299999999999999", "8.3", "83E-1"] {
            assert_eq!(money(&bson(json!({"$numberDecimal": decimal}))), Ok(units(8.3)), "{decimal}");
        }
        for too_large in ["1E+6000", "9999999999999999999999999999999999", "-1E+13"] {
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
        assert!(time(&bson(json!("2025-07-02"))).is_err());
    }

    #[test]
    fn a_time_beyond_all_that_can_be_told_is_the_last_that_can() {
        for millis in [i64::MAX, 253_402_300_800_000, 253_402_214_400_000] {
            let time = time(&Bson::DateTime(bson::DateTime::from_millis(millis))).unwrap();
            assert_eq!(time, latest());
            assert_eq!(Timestamp::from_millisecond(time.as_millisecond()).unwrap(), time, "stored as it is");
            assert!(time.to_string().starts_with("9999-12-30"));
        }
        let first = time(&Bson::DateTime(bson::DateTime::MIN)).unwrap();
        assert_eq!(
            (first, Timestamp::from_millisecond(first.as_millisecond()).unwrap()),
            (earliest(), first)
        );
    }

    #[test]
    fn a_number_is_a_flag() {
        for yes in
            [json!(true), json!(1), json!(1.0), json!({"$numberLong": "1"}), json!({"$numberDecimal": "1"})]
        {
            assert_eq!(flag(&bson(yes.clone())), Ok(true), "{yes}");
        }
        for no in [json!(false), json!(0), json!(0.0), json!({"$numberDecimal": "0"})] {
            assert_eq!(flag(&bson(no.clone())), Ok(false), "{no}");
        }
        for neither in [json!("true"), json!([]), json!({"$numberDouble": "NaN"})] {
            assert!(flag(&bson(neither.clone())).is_err(), "{neither}");
        }
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
