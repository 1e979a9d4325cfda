//! Periods that recur every week, such as the blackout periods in which a streamer's screen stays empty.

use std::{fmt, str::FromStr};

use jiff::civil::Weekday;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::LocalTime;

/// Why a weekly period is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// The time is not `HH:MM`.
    #[error(
        "{} is not a time of day: write HH:MM from 00:00 to 23:59, or 24:00 for the end of a day",
        quoted(.0)
    )]
    TimeOfDay(String),
    /// The period starts at 24:00.
    #[error("a period starts at 23:59 at the latest")]
    Start,
    /// Start and end are the same.
    #[error("startTime and endTime of a period must differ; a whole day is 00:00 to 24:00")]
    Empty,
    /// The text is not the name of a day.
    #[error("{} is not a day of the week: write monday to sunday", quoted(.0))]
    Day(String),
    /// The list of days is empty.
    #[error("a period names at least one day: choose from monday to sunday")]
    NoDays,
}

/// The entered text, quoted for an error message.
fn quoted(text: &str) -> String {
    if text.is_empty() { "an empty text".to_owned() } else { format!("`{text}`") }
}

/// A time of day in whole minutes, from 00:00 to 24:00. 24:00 is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    const END: u16 = 24 * 60;
    /// 23:59.
    pub const LAST_MINUTE: Self = Self(Self::END - 1);
    /// 24:00.
    pub const END_OF_DAY: Self = Self(Self::END);

    /// The minutes since 00:00, from 0 to 1,440.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let two = |digits: &str| match digits.as_bytes() {
            [b'0'..=b'9', b'0'..=b'9'] => digits.parse::<u16>().ok(),
            _ => None,
        };
        let minutes = text
            .split_once(':')
            .and_then(|(hours, minutes)| Some((two(hours)?, two(minutes)?)))
            .filter(|&(_, minutes)| minutes < 60)
            .map(|(hours, minutes)| hours * 60 + minutes)
            .filter(|&minutes| minutes <= Self::END);
        minutes.map(Self).ok_or_else(|| InvalidPeriod::TimeOfDay(text.chars().take(64).collect()))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The English name of a day, in lower case.
#[must_use]
pub fn weekday_name(day: Weekday) -> &'static str {
    DAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())].0
}

/// Reads the English name of a day or its first three letters, in upper or lower case.
///
/// # Errors
/// [`InvalidPeriod::Day`] for anything else.
pub fn parse_weekday(text: &str) -> Result<Weekday, InvalidPeriod> {
    DAYS.iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text))
        .map(|&(_, day)| day)
        .ok_or_else(|| InvalidPeriod::Day(text.chars().take(64).collect()))
}

/// A half-open period `[start, end)` that recurs weekly on the given days. If the end is before the start, the period
/// runs over midnight and belongs to the day on which it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct WeeklyPeriod {
    start: TimeOfDay,
    end: TimeOfDay,
    days: Vec<Weekday>,
}

impl WeeklyPeriod {
    /// A period on the given days. The days are sorted from Monday, without repetitions.
    ///
    /// # Errors
    /// [`InvalidPeriod`] if the period is empty, starts at 24:00 or names no day.
    pub fn new(start: TimeOfDay, end: TimeOfDay, days: &[Weekday]) -> Result<Self, InvalidPeriod> {
        if start.0 == TimeOfDay::END {
            return Err(InvalidPeriod::Start);
        }
        if start == end {
            return Err(InvalidPeriod::Empty);
        }
        let days: Vec<_> = DAYS.iter().map(|&(_, day)| day).filter(|day| days.contains(day)).collect();
        if days.is_empty() {
            return Err(InvalidPeriod::NoDays);
        }
        Ok(Self { start, end, days })
    }

    /// The first minute of the period.
    #[must_use]
    pub const fn start(&self) -> TimeOfDay {
        self.start
    }

    /// The first minute after the period.
    #[must_use]
    pub const fn end(&self) -> TimeOfDay {
        self.end
    }

    /// The days on which the period starts, sorted from Monday.
    #[must_use]
    pub fn days(&self) -> &[Weekday] {
        &self.days
    }

    /// Whether the period covers this time of the week.
    #[must_use]
    pub fn covers(&self, LocalTime { day, minute }: LocalTime) -> bool {
        let on = |day: Weekday| self.days.contains(&day);
        if self.start < self.end {
            on(day) && (self.start.0..self.end.0).contains(&minute)
        } else {
            (on(day) && minute >= self.start.0) || (on(day.previous()) && minute < self.end.0)
        }
    }
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    start_time: TimeOfDay,
    end_time: TimeOfDay,
    days: Vec<String>,
}

impl From<WeeklyPeriod> for Stored {
    fn from(period: WeeklyPeriod) -> Self {
        Self {
            start_time: period.start,
            end_time: period.end,
            days: period.days.into_iter().map(|day| weekday_name(day).to_owned()).collect(),
        }
    }
}

impl TryFrom<Stored> for WeeklyPeriod {
    type Error = InvalidPeriod;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let days = stored.days.iter().map(|day| parse_weekday(day)).collect::<Result<Vec<_>, _>>()?;
        Self::new(stored.start_time, stored.end_time, &days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: Weekday, minute: u16) -> LocalTime {
        LocalTime { day, minute }
    }

    fn period(start: &str, end: &str, days: &[Weekday]) -> WeeklyPeriod {
        WeeklyPeriod::new(start.parse().unwrap(), end.parse().unwrap(), days).unwrap()
    }

    /// Defect S10: the part after midnight was tested against the same day.
    #[test]
    fn s10_an_overnight_period_belongs_to_the_day_on_which_it_starts() {
        let night = period("22:00", "06:00", &[Weekday::Friday]);
        assert!(night.covers(at(Weekday::Friday, 22 * 60)));
        assert!(night.covers(at(Weekday::Saturday, 5 * 60 + 59)));
        assert!(!night.covers(at(Weekday::Saturday, 6 * 60)));
        assert!(!night.covers(at(Weekday::Friday, 5 * 60)));
        assert!(!night.covers(at(Weekday::Saturday, 22 * 60)));
    }

    /// Defect S11: junk days matched by prefix, the end minute was included, malformed times never matched.
    #[test]
    fn s11_periods_are_half_open_and_checked() {
        let noon = period("12:00", "13:00", &[Weekday::Monday]);
        assert!(noon.covers(at(Weekday::Monday, 12 * 60)));
        assert!(!noon.covers(at(Weekday::Monday, 13 * 60)));
        for bad in ["99:99", "24:01", "1:00", "12:60", "+1:00", "12", "", "12:00:00", "１２:００"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
        for bad in ["mondayish", "", "m", "tu"] {
            assert!(parse_weekday(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_whole_day_can_be_written_and_an_empty_period_cannot() {
        let day = period("00:00", "24:00", &[Weekday::Sunday]);
        assert!(day.covers(at(Weekday::Sunday, 0)) && day.covers(at(Weekday::Sunday, 1439)));
        assert!(!day.covers(at(Weekday::Monday, 0)));
        let noon: TimeOfDay = "12:00".parse().unwrap();
        assert_eq!(WeeklyPeriod::new(noon, noon, &[Weekday::Monday]), Err(InvalidPeriod::Empty));
        assert_eq!(WeeklyPeriod::new(noon, "13:00".parse().unwrap(), &[]), Err(InvalidPeriod::NoDays));
    }

    #[test]
    fn json_names_days_in_lower_case_from_monday() {
        let period: WeeklyPeriod = serde_json::from_value(serde_json::json!({
            "startTime": "22:00", "endTime": "06:00", "days": ["Sun", "monday", "MONDAY"],
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value(period).unwrap(),
            serde_json::json!({"startTime": "22:00", "endTime": "06:00", "days": ["monday", "sunday"]})
        );
    }
}
