//! The units in which GameTriggers divides time: minutes, slots and quarter-hours.

use jiff::Timestamp;

use crate::RotationInterval;

/// A whole minute of UTC, numbered since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

impl Minute {
    /// The minute that contains `at`.
    #[must_use]
    pub fn containing(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(60))
    }

    /// The minute with this number.
    #[must_use]
    pub const fn from_epoch(minutes: i64) -> Self {
        Self(minutes)
    }

    /// Minutes since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> i64 {
        self.0
    }

    /// The instant at which the minute begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        clamped(self.0.saturating_mul(60))
    }
}

/// A slot: `interval` whole minutes. Slots are counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    index: i64,
    interval: RotationInterval,
}

impl Slot {
    /// The slot of length `interval` that contains `at`.
    #[must_use]
    pub fn containing(at: Timestamp, interval: RotationInterval) -> Self {
        let minutes = i64::from(interval.minutes());
        Self { index: Minute::containing(at).0.div_euclid(minutes), interval }
    }

    /// The number of the slot among slots of this length, counted from 0 at the epoch.
    #[must_use]
    pub const fn index(self) -> i64 {
        self.index
    }

    /// The slot's length.
    #[must_use]
    pub const fn interval(self) -> RotationInterval {
        self.interval
    }

    /// The slot's first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Minute(self.index.saturating_mul(i64::from(self.interval.minutes()))).start()
    }

    /// The first instant after the slot.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Self { index: self.index.saturating_add(1), ..self }.start()
    }
}

/// A quarter-hour of UTC. Days in every time zone begin and end on quarter-hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(i64);

impl Quarter {
    const SECONDS: i64 = 15 * 60;

    /// The quarter-hour that contains `at`.
    #[must_use]
    pub fn containing(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(Self::SECONDS))
    }

    /// The instant at which the quarter-hour begins.
    #[must_use]
    pub fn start(self) -> Timestamp {
        clamped(self.0.saturating_mul(Self::SECONDS))
    }
}

/// The instant `second` seconds after the epoch, clamped to the range of `Timestamp`.
fn clamped(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn slots_are_cut_in_whole_minutes_since_the_epoch() {
        let seven = RotationInterval::try_from(7).unwrap();
        let slot = Slot::containing(at("2026-11-20T10:03:59.999Z"), seven);
        assert_eq!(slot.start().as_second() % (7 * 60), 0);
        assert_eq!(slot.end().duration_since(slot.start()).as_secs(), 7 * 60);
        assert_eq!(Slot::containing(slot.end(), seven).index(), slot.index() + 1);
    }

    #[test]
    fn time_before_the_epoch_is_cut_the_same_way() {
        let slot = Slot::containing(at("1969-12-31T23:59:59Z"), RotationInterval::default());
        assert_eq!(slot.index(), -1);
        assert_eq!(slot.end(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn a_quarter_begins_at_0_15_30_or_45() {
        assert_eq!(Quarter::containing(at("2026-11-20T10:29:59Z")).start(), at("2026-11-20T10:15:00Z"));
    }
}
