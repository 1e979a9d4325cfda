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
    /// The number of displays in one run. Runs with a cold cache have as many events.
    pub(crate) displays: u32,
    /// The numbers of instances of the server, the smallest first.
    pub(crate) instances: &'static [u32],
    /// The number of minutes for which each audience is submitted in one run.
    pub(crate) minutes: u32,
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
        minutes: 3,
        streamers: 100_000,
    };
    /// Shows in two minutes that everything can be measured. The figures are not precise.
    pub(crate) const SHORT: Self = Self {
        repetitions: 1,
        warm_up: Duration::from_millis(500),
        measured: Duration::from_secs(1),
        sizes: &[SMALLEST],
        connections: &[64, CLICKERS],
        campaigns: 500,
        displays: 300,
        instances: &[1, 2],
        minutes: 1,
        streamers: 2_000,
    };
}

impl Effort {
    /// The runs of events in stores whose campaigns pay.
    fn paying(&self, backend: Backend) -> impl Iterator<Item = Paying> {
        use Receipts::{Given, Missing};
        use Sent::{Clicks, Displays, Visits};

        let one = move |campaigns, cache, sent| Paying { backend, campaigns, cache, sent, instances: 1 };
        let warm = move |campaigns, sent| one(campaigns, Cache::Warm, sent);
        let cold = move |campaigns, sent| one(campaigns, Cache::Cold, sent);
        let paid = [Visits, Displays(Given)];
        let on_each = paid.into_iter().flat_map(move |sent| [warm(HOT, sent), warm(FIFTY, sent)]);
        let on_each = on_each.chain([warm(HOT, Clicks(Given))]);
        let Self { instances, campaigns, .. } = *self;
        let several = on_each.flat_map(move |paying| instances.iter().map(move |count| paying.on(*count)));
        let spread = paid.map(|sent| warm(campaigns, sent));
        let without = [Clicks(Missing), Displays(Missing)].map(|sent| warm(FIFTY, sent));
        let unread = [Clicks(Given), Clicks(Missing), Displays(Given), Displays(Missing)];
        let unread = unread.map(|sent| cold(FIFTY, sent)).into_iter().chain([cold(campaigns, Visits)]);
        several.chain(spread).chain(without).chain(unread)
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
            let budgets = [HOT, FIFTY, self.effort.campaigns];
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
                all.extend(self.effort.paying(backend).map(Measured::Paying));
            }
            if has(Part::Viewers) {
                all.insert(Measured::Audiences { backend });
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
