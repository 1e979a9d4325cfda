//! Time zones by their IANA names.

use std::fmt;

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::InvalidSelectionSetting;

/// What a clock on the wall shows: a day of the week and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The day of the week.
    pub day: Weekday,
    /// The minutes since midnight, from 0 to 1,439.
    pub minute: u16,
}

/// A time zone of the IANA database, such as `Asia/Kolkata`. The default is `UTC`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZoneName(TimeZone);

impl TimeZoneName {
    /// Looks up a zone in the time zone database that is compiled into the program.
    ///
    /// # Errors
    /// [`InvalidSelectionSetting::TimeZone`] if the database does not have this name.
    pub fn parse(name: &str) -> Result<Self, InvalidSelectionSetting> {
        let unknown = || InvalidSelectionSetting::TimeZone(name.chars().take(64).collect());
        if name == "UTC" {
            return Ok(Self::default());
        }
        let zone = TimeZone::get(name).map_err(|_| unknown())?;
        if zone.iana_name().is_some() { Ok(Self(zone)) } else { Err(unknown()) }
    }

    /// The zone's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The time that a clock in this zone shows at `at`.
    #[must_use]
    pub fn local_time(&self, at: Timestamp) -> LocalTime {
        let local = self.0.to_datetime(at);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        LocalTime { day: local.weekday(), minute }
    }
}

impl Default for TimeZoneName {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl fmt::Debug for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TimeZoneName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TimeZoneName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zones_of_the_database_are_taken() {
        assert_eq!(TimeZoneName::parse("Asia/Kolkata").unwrap().as_str(), "Asia/Kolkata");
        assert_eq!(TimeZoneName::parse("UTC").unwrap().as_str(), "UTC");
        for bad in ["", "Mars/Olympus", "+05:30", "local", "../etc/passwd"] {
            assert!(TimeZoneName::parse(bad).is_err(), "{bad}");
        }
    }
}
