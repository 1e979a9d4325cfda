//! The measured figures.

pub(crate) mod paying;

use std::{collections::BTreeMap, fmt, time::Duration};

use hdrhistogram::Histogram;

use self::paying::{Paying, on};

/// The number of commands that the bare driver has under way at once.
pub(crate) const DRIVER_IN_FLIGHT: u32 = 128;
/// The number of payments that the bare driver has under way at once: as many as connections send events.
pub(crate) const PAYMENTS_IN_FLIGHT: u32 = 256;

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Backend {
    #[value(name = "mongodb")]
    MongoDb,
    Sqlite,
}

impl Backend {
    pub(crate) const ALL: [Self; 2] = [Self::MongoDb, Self::Sqlite];
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MongoDb => "MongoDB",
            Self::Sqlite => "SQLite",
        })
    }
}

/// Something that is measured by running it for some time. The order of the variants puts runs that are compared close
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measured {
    /// The bare framework's handler.
    Bare,
    /// Requests for what is on screen.
    Data { size: u32, backend: Backend },
    /// Requests for screens that stay the same while another streamer changes settings.
    Busy { backend: Backend },
    /// Requests for empty screens.
    Empty { backend: Backend },
    /// The bare driver's `findOneAndUpdate`.
    Driver(Documents),
    /// Clicks on the screens of the live streamers.
    Clicks { size: u32, connections: usize, backend: Backend },
    /// Clicks without receipts, after their campaign has changed and before any page has asked again.
    Stale { backend: Backend },
    /// Visits to many participations, each by a new visitor. No campaign pays for them.
    Visits { backend: Backend },
    /// Clicks in a store in which each campaign has one streamer.
    Apart { backend: Backend, clicked: Documents },
    /// The bare driver's `findOneAndUpdate` that takes the price of one event from a budget if the budget suffices,
    /// spread over so many budgets.
    BarePayments { budgets: u32 },
    /// Events in a store whose campaigns pay.
    Paying(Paying),
    /// Minutes of audiences, in batches, without HTTP.
    Audiences { streamers: u32, backend: Backend },
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bare => write!(f, "bare actix handler"),
            Self::Data { size, backend } => write!(f, "/data on {backend}, {} participations", grouped(size)),
            Self::Busy { backend } => write!(f, "/data on {backend} while settings change"),
            Self::Empty { backend } => write!(f, "/data of empty screens, {backend}"),
            Self::Stale { backend } => {
                write!(f, "clicks without receipt after a change of their campaign, {backend}")
            }
            Self::Visits { backend } => write!(f, "visits that do not pay, {backend}"),
            Self::Driver(Documents::One) => {
                write!(f, "bare driver, {DRIVER_IN_FLIGHT} in flight, one document")
            }
            Self::Driver(Documents::Many) => {
                write!(f, "bare driver, {DRIVER_IN_FLIGHT} in flight, distinct documents")
            }
            Self::Clicks { size, connections, backend } => write!(
                f,
                "clicks on {backend}, {} participations, {} connections",
                grouped(size),
                grouped(connections)
            ),
            Self::Apart { backend, clicked: Documents::One } => {
                write!(f, "clicks on one campaign, {backend}")
            }
            Self::Apart { backend, clicked: Documents::Many } => {
                write!(f, "clicks on all campaigns, {backend}")
            }
            Self::BarePayments { budgets } => {
                write!(f, "bare driver, {PAYMENTS_IN_FLIGHT} payments in flight, {}", on(budgets))
            }
            Self::Paying(paying) => write!(f, "{paying}"),
            Self::Audiences { streamers, backend } => {
                let (streamers, campaigns) = (grouped(streamers), on(paying::FIFTY));
                write!(f, "minutes of {streamers} audiences in batches on {backend}, {campaigns}")
            }
        }
    }
}

/// The number of documents over which events are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Documents {
    One,
    Many,
}

/// One run of a load.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// The transactions that the MongoDB server aborted for each one that it committed, if it was asked and told.
    pub(crate) aborted: Option<f64>,
}

impl Run {
    /// The run with these latencies in microseconds of answers, all within `measured`.
    pub(crate) fn of(micros: &Histogram<u64>, measured: Duration) -> Self {
        let percentile = |part| Duration::from_micros(micros.value_at_quantile(part));
        Self {
            per_second: micros.len() as f64 / measured.as_secs_f64(),
            p50: percentile(0.5),
            p99: percentile(0.99),
            p999: percentile(0.999),
            aborted: None,
        }
    }

    /// The time per answer, over all connections together.
    pub(crate) fn micros_each(&self) -> f64 {
        1e6 / self.per_second
    }
}

/// The server's memory before and after the screens of `streamers` were requested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Memory {
    pub(crate) streamers: u32,
    pub(crate) before: u64,
    pub(crate) after: u64,
    /// How long requesting them took.
    pub(crate) within: Duration,
}

impl Memory {
    pub(crate) fn per_streamer(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / f64::from(self.streamers)
    }
}

/// The nanoseconds of one selection of this many candidates by a strategy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selection {
    pub(crate) strategy: &'static str,
    pub(crate) candidates: usize,
    pub(crate) nanos: f64,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// The runs of each kind, in the order of the repetitions. Each repetition runs everything once.
    pub(crate) runs: BTreeMap<Measured, Vec<Run>>,
    pub(crate) selections: Vec<Selection>,
    pub(crate) memory: Option<Memory>,
    /// The size of an answer about what is on screen, in bytes.
    pub(crate) body_bytes: Option<usize>,
    /// Confirmed statements about the stores after the runs.
    pub(crate) checks: Vec<String>,
    /// Errors that make the figures worthless.
    pub(crate) errors: Vec<String>,
}

impl Results {
    /// The median of a value over the repetitions.
    pub(crate) fn median(&self, of: Measured, what: impl Fn(&Run) -> f64) -> Option<f64> {
        median(self.runs.get(&of)?.iter().map(what).collect())
    }

    /// The median of the ratios of two runs in the same repetition. Disturbances of the machine affect both runs.
    pub(crate) fn ratio(&self, of: Measured, to: Measured, what: impl Fn(&Run) -> f64) -> Option<f64> {
        let (of, to) = (self.runs.get(&of)?, self.runs.get(&to)?);
        median(of.iter().zip(to).map(|(of, to)| what(of) / what(to)).collect())
    }
}

/// The middle value, or the mean of the two middle values.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// A whole number with commas between thousands.
pub(crate) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(per_second: f64) -> Run {
        Run { per_second, ..Run::default() }
    }

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    /// The machine was half as fast in the second repetition; the ratio of the medians would be 0.8.
    #[test]
    fn ratios_are_those_of_runs_that_were_made_close_together() {
        let mut results = Results::default();
        let data = Measured::Data { size: 1, backend: Backend::Sqlite };
        results.runs.insert(Measured::Bare, [100.0, 50.0, 100.0].map(run).to_vec());
        results.runs.insert(data, [90.0, 45.0, 80.0].map(run).to_vec());
        assert_eq!(results.ratio(data, Measured::Bare, |run| run.per_second), Some(0.9));
        assert_eq!(results.ratio(data, Measured::Driver(Documents::One), |run| run.per_second), None);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
