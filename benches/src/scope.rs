//! Decides what is measured, and how much of it.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use crate::results::{
    Backend, Documents, Measured,
    paying::{Cache, FIFTY, HOT, Paying, Receipts, Sent},
};

/// The size of the store for everything except the comparison of sizes.
pub(crate) const SMALLEST: u32 = 1_000;
/// The number of connections over which screens are requested.
pub(crate) const SCREENS: usize = 64;
/// The number of streamers for whose audiences a time is asked.
pub(crate) const AUDIENCES: u32 = 10_000;
/// The number of connections over which clicks are sent, unless that number is what is compared.
pub(crate) const CLICKERS: usize = 256;

/// The parts of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Part {
    /// Requests for what is on screen, beside the bare framework
    Data,
    /// Requests for what is on screen while settings change
    Busy,
    /// Requests for empty screens
    Empty,
    /// Durable clicks
    Clicks,
    /// Clicks without a receipt after their campaign has changed
    Stale,
    /// Visits through tracking links
    Visits,
    /// Visits and displays that are paid, and clicks beside them, on one or several instances
    Paid,
    /// Minutes of audiences, which are paid
    Viewers,
    /// The bare driver
    Driver,
    /// One hot campaign and thousands of cold ones
    Hot,
    /// The selection of one of several candidates
    Selection,
    /// The memory of each streamer
    Memory,
    /// The cost in larger stores
    Size,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) repetitions: u32,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
    /// The sizes of the stores in participations, the smallest first.
    pub(crate) sizes: &'static [u32],
    pub(crate) connections: &'static [usize],
    /// The number of cold campaigns.
    pub(crate) campaigns: u32,
    /// The number of events in one run in which each event is on a screen of its own.
    pub(crate) displays: u32,
    /// The numbers of instances of the server, the smallest first.
    pub(crate) instances: &'static [u32],
    /// The number of streamers whose audiences are submitted together, and for how many minutes in one run.
    pub(crate) audiences: u32,
    pub(crate) minutes: u32,
    /// Whether paid events are measured in every combination, and not only in one of each kind.
    pub(crate) is_complete: bool,
    /// The number of streamers for the measurement of memory.
    pub(crate) streamers: u32,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        repetitions: 3,
        warm_up: Duration::from_millis(1_500),
        measured: Duration::from_secs(5),
        sizes: &[SMALLEST, 100_000, 1_000_000],
        connections: &[64, CLICKERS, 1_024],
        campaigns: 10_000,
        displays: 20_000,
        instances: &[1, 2, 3],
        audiences: AUDIENCES,
        minutes: 3,
        is_complete: true,
        streamers: 100_000,
    };
    /// Shows in two minutes that everything can be measured. The figures are not precise.
    pub(crate) const SHORT: Self = Self {
        repetitions: 1,
        warm_up: Duration::from_millis(300),
        measured: Duration::from_millis(700),
        sizes: &[SMALLEST],
        connections: &[64, CLICKERS],
        campaigns: 500,
        displays: 300,
        instances: &[1, 2],
        audiences: 2_000,
        minutes: 1,
        is_complete: false,
        streamers: 2_000,
    };
}

impl Effort {
    /// The runs of events in stores whose campaigns pay.
    fn paying(&self, backend: Backend) -> Vec<Paying> {
        use Receipts::{Given, Missing};
        use Sent::{Clicks, Displays, Visits};

        let run = |campaigns, cache, sent| Paying { backend, campaigns, cache, sent, instances: 1 };
        let warm = |campaigns, sent| run(campaigns, Cache::Warm, sent);
        let cold = |campaigns, sent| run(campaigns, Cache::Cold, sent);
        let paid = [Visits, Displays(Given)];
        let fifty = paid.map(|sent| warm(FIFTY, sent));
        let clicks = warm(HOT, Clicks(Given));
        let mut on_several = paid.map(|sent| warm(HOT, sent)).to_vec();
        let mut on_one = vec![clicks, warm(FIFTY, Displays(Missing)), cold(FIFTY, Displays(Missing))];
        if self.is_complete {
            on_several.push(clicks);
            on_several.extend(fifty);
            on_one.extend(fifty.map(|paying| paying.over(self.campaigns)));
            on_one.extend([warm(FIFTY, Clicks(Missing)), cold(self.campaigns, Visits)]);
            on_one.extend([Clicks(Given), Clicks(Missing), Displays(Given)].map(|sent| cold(FIFTY, sent)));
        } else {
            on_one.extend(fifty);
            on_one.push(cold(FIFTY, Visits));
        }
        let several =
            on_several.iter().flat_map(|paying| self.instances.iter().map(|count| paying.on(*count)));
        several.chain(on_one.iter().copied()).collect()
    }

    /// The numbers of budgets over which the bare driver's payments are spread.
    fn budgets(&self) -> Vec<u32> {
        if self.is_complete { vec![HOT, FIFTY, self.campaigns] } else { vec![HOT, FIFTY] }
    }
}

/// What to measure, and with which programs.
pub(crate) struct Scope {
    pub(crate) parts: BTreeSet<Part>,
    pub(crate) backends: BTreeSet<Backend>,
    pub(crate) effort: Effort,
    /// The program `gametriggers`.
    pub(crate) server: PathBuf,
    /// The connection string of a MongoDB server; empty if MongoDB is left out.
    pub(crate) mongodb: String,
}

impl Scope {
    /// Everything that has to be run for some time.
    pub(crate) fn measured(&self) -> BTreeSet<Measured> {
        let mut all = BTreeSet::new();
        let has = |part| self.parts.contains(&part);
        if has(Part::Data) {
            all.insert(Measured::Bare);
        }
        if has(Part::Driver) && self.backends.contains(&Backend::MongoDb) {
            all.extend([Documents::One, Documents::Many].map(Measured::Driver));
        }
        if has(Part::Paid) && self.backends.contains(&Backend::MongoDb) {
            let budgets = self.effort.budgets().into_iter();
            all.extend(budgets.map(|budgets| Measured::BarePayments { budgets }));
        }
        for &backend in &self.backends {
            let sizes = if has(Part::Size) { self.effort.sizes } else { &[SMALLEST] };
            for &size in sizes {
                if [Part::Data, Part::Size, Part::Busy, Part::Empty].into_iter().any(has) {
                    all.insert(Measured::Data { size, backend });
                }
                if has(Part::Size) {
                    all.insert(Measured::Clicks { size, connections: CLICKERS, backend });
                }
            }
            if has(Part::Busy) {
                all.insert(Measured::Busy { backend });
            }
            if has(Part::Empty) {
                all.insert(Measured::Empty { backend });
            }
            if has(Part::Stale) || has(Part::Visits) {
                all.insert(Measured::Clicks { size: SMALLEST, connections: CLICKERS, backend });
            }
            if has(Part::Stale) {
                all.insert(Measured::Stale { backend });
            }
            if has(Part::Visits) {
                all.insert(Measured::Visits { backend });
            }
            if has(Part::Paid) {
                all.extend(self.effort.paying(backend).into_iter().map(Measured::Paying));
            }
            if has(Part::Viewers) {
                all.insert(Measured::Audiences { streamers: self.effort.audiences, backend });
            }
            if has(Part::Clicks) {
                let over = |&connections| Measured::Clicks { size: SMALLEST, connections, backend };
                all.extend(self.effort.connections.iter().map(over));
            }
            if has(Part::Hot) {
                all.extend(
                    [Documents::One, Documents::Many].map(|clicked| Measured::Apart { backend, clicked }),
                );
            }
        }
        all
    }
}
