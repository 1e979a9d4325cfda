//! Reads MongoDB Extended JSON, with all forms of dates that `mongoexport` and other tools write.

use bson::Bson;
use gametriggers_types::Timestamp;
use serde_json::{Map, Value, json};

/// The Gregorian calendar, including weekdays, repeats after this many years.
const CYCLE_YEARS: i64 = 400;
const CYCLE_MILLIS: i64 = 146_097 * 24 * 60 * 60 * 1_000;
/// Years are moved by whole cycles into the cycle that begins with this year, which the date library can read.
const READABLE_YEAR: i64 = 2_000;

/// The BSON value of an Extended JSON value; `None` if the JSON is not valid Extended JSON.
pub(crate) fn read(mut json: Value) -> Option<Bson> {
    settle_dates(&mut json);
    Bson::try_from(json).ok()
}

/// Replaces every date in text form by the canonical form. Invalid dates stay as they are; [`read`] then refuses them.
fn settle_dates(json: &mut Value) {
    match json {
        Value::Object(fields) => match date(fields) {
            Some(millis) => *fields = canonical(millis),
            None => fields.values_mut().for_each(settle_dates),
        },
        Value::Array(items) => items.iter_mut().for_each(settle_dates),
        _ => {}
    }
}

fn canonical(millis: i64) -> Map<String, Value> {
    Map::from_iter([("$date".to_owned(), json!({"$numberLong": millis.to_string()}))])
}

fn date(fields: &Map<String, Value>) -> Option<i64> {
    if fields.len() != 1 {
        return None;
    }
    millis(fields.get("$date")?.as_str()?)
}

/// The milliseconds since the epoch of an ISO 8601 instant. The offset may have a colon or not; the year has four to
/// six digits and may have a sign.
fn millis(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => (1, text),
    };
    let (year, rest) = digits.split_at(digits.find('-')?);
    if !(4..=6).contains(&year.len()) || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let year = sign * year.parse::<i64>().ok()?;
    // The library reads years of four digits only.
    let cycles = (year - READABLE_YEAR).div_euclid(CYCLE_YEARS);
    let near = year - cycles * CYCLE_YEARS;
    let instant: Timestamp = format!("{near}{rest}").parse().ok()?;
    cycles.checked_mul(CYCLE_MILLIS)?.checked_add(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_may_be_written_in_every_form() {
        for text in [
            "2025-07-02T06:30:00.123Z",
            "2025-07-02T06:30:00.123+00:00",
            "2025-07-02T06:30:00.123+0000",
            "2025-07-02T06:30:00.123+00",
            "2025-07-02T06:30:00.123-0000",
            "2025-07-02T12:00:00.123+0530",
            "2025-07-02T12:00:00.123+05:30",
            "2025-07-01T22:30:00.123-0800",
        ] {
            assert_eq!(millis(text), Some(1_751_437_800_123), "{text}");
        }
    }

    #[test]
    fn every_year_is_read() {
        for (text, expected) in [
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("10000-01-01T00:00:00Z", 253_402_300_800_000),
            ("+010000-01-01T00:00:00.000Z", 253_402_300_800_000),
            ("+275760-09-13T00:00:00.000Z", 8_640_000_000_000_000),
            ("-271821-04-20T00:00:00.000Z", -8_640_000_000_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "-",
            "hunter2",
            "2025-07-02",
            "2025-13-02T00:00:00Z",
            "2025-07-02T06:30:00",
            "1e3-01-01",
            "é-01-01T",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_settled_wherever_they_are() {
        let far = json!({"a": [{"b": {"$date": "2025-07-02T06:30:00+0000"}}], "c": {"$date": "x", "d": 1}});
        let mut settled = far.clone();
        settle_dates(&mut settled);
        assert_eq!(settled["a"][0]["b"], json!({"$date": {"$numberLong": "1751437800000"}}));
        assert_eq!(settled["c"], far["c"]);
    }
}
