//! Decides what is run, in which order and for how long.
//!
//! Each repetition runs everything that is compared once, one after the other, so that disturbances of the machine
//! affect all of it. Each run has its own server process, and no other server of the benchmark runs at the same time.

mod runs;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;

pub(crate) use self::runs::fetch;
use crate::{
    bare,
    driver::Driver,
    load::{Expected, Outcome},
    process::Server,
    results::{Backend, Documents, Measured, Results, grouped},
    stage::{Shape, Stage},
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
    /// Visits and displays that are paid
    Paid,
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
    /// The number of displays in one run.
    pub(crate) displays: u32,
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
        displays: 1_000,
        streamers: 2_000,
    };
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
                all.insert(Measured::Visits { pays: false, backend });
            }
            if has(Part::Paid) {
                all.extend([Measured::Visits { pays: true, backend }, Measured::Displays { backend }]);
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

/// The stores and other things that are prepared before the runs.
pub(crate) struct Rotation<'a> {
    scope: &'a Scope,
    stages: BTreeMap<(Backend, Store), Stage>,
    driver: Option<Driver>,
    /// An answer about what is on screen, for the bare handler.
    body: Vec<u8>,
    started: Instant,
}

/// The stores of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Store {
    OfSize(u32),
    Apart,
    /// No streamer has joined a campaign.
    Empty,
    /// The campaigns pay for visits.
    PayingVisits,
    /// A store with a new screen for each display.
    Displays,
}

impl Store {
    /// Whether its counters are compared with its ledger after the runs; only where that does not take long.
    fn is_reconciled(self) -> bool {
        [Self::OfSize(SMALLEST), Self::PayingVisits, Self::Displays].contains(&self)
    }
}

impl Measured {
    /// The store that the run needs.
    const fn store(self) -> Option<(Backend, Store)> {
        match self {
            Self::Bare | Self::Driver(_) => None,
            Self::Data { size, backend } | Self::Clicks { size, backend, .. } => {
                Some((backend, Store::OfSize(size)))
            }
            Self::Busy { backend } | Self::Stale { backend } | Self::Visits { pays: false, backend } => {
                Some((backend, Store::OfSize(SMALLEST)))
            }
            Self::Apart { backend, .. } => Some((backend, Store::Apart)),
            Self::Empty { backend } => Some((backend, Store::Empty)),
            Self::Visits { pays: true, backend } => Some((backend, Store::PayingVisits)),
            Self::Displays { backend } => Some((backend, Store::Displays)),
        }
    }
}

impl<'a> Rotation<'a> {
    /// Fills the stores.
    ///
    /// # Errors
    /// If one cannot be filled.
    pub(crate) async fn prepare(scope: &'a Scope) -> anyhow::Result<Self> {
        let mut rotation =
            Self { scope, stages: BTreeMap::new(), driver: None, body: Vec::new(), started: Instant::now() };
        for measured in scope.measured() {
            if let Some((backend, store)) = measured.store() {
                rotation.stage(backend, store).await?;
            } else if matches!(measured, Measured::Driver(_)) && rotation.driver.is_none() {
                rotation.driver = Some(Driver::prepare(&scope.mongodb).await?);
            }
        }
        Ok(rotation)
    }

    /// The store; fills it if that has not been done.
    pub(crate) async fn stage(&mut self, backend: Backend, store: Store) -> anyhow::Result<&mut Stage> {
        if !self.stages.contains_key(&(backend, store)) {
            let (shape, what) = match store {
                Store::OfSize(size) => (Shape::of_size(size), format!("{} participations", grouped(size))),
                Store::Apart => {
                    let campaigns = self.scope.effort.campaigns;
                    (Shape::apart(campaigns), format!("{} campaigns", grouped(campaigns)))
                }
                Store::Empty => {
                    let streamers = grouped(SMALLEST);
                    (
                        Shape::without_participations(SMALLEST),
                        format!("{streamers} streamers and nothing on screen"),
                    )
                }
                Store::PayingVisits => {
                    let what = format!("{} participations that pay visits", grouped(SMALLEST));
                    (Shape::paying_visits(SMALLEST), what)
                }
                Store::Displays => {
                    let Effort { displays, repetitions, .. } = self.scope.effort;
                    let screens = displays * repetitions;
                    (Shape::of_size(screens), format!("{} participations", grouped(screens)))
                }
            };
            self.say(&format!("filling {backend} with {what}"));
            let stage = Stage::set(backend, shape, &self.scope.mongodb).await;
            let stage = stage.with_context(|| format!("cannot fill {backend} with {what}"))?;
            self.stages.insert((backend, store), stage);
        }
        self.stages.get_mut(&(backend, store)).context("a store that was just filled")
    }

    /// Runs everything in each repetition.
    ///
    /// # Errors
    /// If something cannot be run at all. Wrong answers are recorded, and the other runs go on.
    pub(crate) async fn run(&mut self, results: &mut Results) -> anyhow::Result<()> {
        let all = self.scope.measured();
        let repetitions = self.scope.effort.repetitions;
        for repetition in 1..=repetitions {
            for &measured in &all {
                let outcome = self.run_one(measured).await.with_context(|| measured.to_string())?;
                let run = outcome.run;
                self.say(&format!(
                    "{repetition}/{repetitions} {measured}: {} a second, p50 {:.2?}, p99 {:.2?}",
                    grouped(run.per_second.round()),
                    run.p50,
                    run.p99
                ));
                results.runs.entry(measured).or_default().push(run);
                let wrong =
                    outcome.wrong.iter().map(|(answer, count)| format!("{measured}: {count} × {answer}"));
                results.errors.extend(wrong);
            }
        }
        results.body_bytes = (!self.body.is_empty()).then_some(self.body.len());
        Ok(())
    }

    async fn run_one(&mut self, measured: Measured) -> anyhow::Result<Outcome> {
        let Effort { warm_up, measured: lasts, .. } = self.scope.effort;
        match measured {
            Measured::Bare => {
                if self.body.is_empty() {
                    self.fetch_body().await.context("what a real server answers")?;
                }
                let live = Shape::of_size(SMALLEST).live();
                let server = bare::start(&live, &self.body)?;
                self.ask_for_screens(&server, &live, Expected::DATA).await
            }
            Measured::Data { .. } => self.show(measured, Expected::DATA).await,
            Measured::Empty { .. } => self.show(measured, Expected::EMPTY).await,
            Measured::Busy { .. } => self.show_while_settings_change(measured).await,
            Measured::Driver(documents) => {
                let driver = self.driver.as_ref().context("the driver's collection")?;
                driver.run(documents, warm_up, lasts).await
            }
            Measured::Stale { .. } => self.click_without_receipt(measured).await,
            Measured::Visits { .. } => self.visit(measured).await,
            Measured::Displays { .. } => self.display(measured).await,
            Measured::Clicks { connections, .. } => self.click(measured, connections, Documents::Many).await,
            Measured::Apart { clicked, .. } => self.click(measured, CLICKERS, clicked).await,
        }
    }

    /// Gets the answer of a real server, for the bare handler.
    async fn fetch_body(&mut self) -> anyhow::Result<()> {
        let backend = self.scope.backends.first().copied().context("no store to be measured")?;
        let (server, live) = self.serve(Measured::Data { size: SMALLEST, backend })?;
        self.body = fetch(&server, &live[..1], Expected::DATA).await?.swap_remove(0);
        Ok(())
    }

    /// Starts the server on the store that the run needs. Also returns the live streamers.
    fn serve(&self, measured: Measured) -> anyhow::Result<(Server, Vec<u32>)> {
        let stage = measured.store().and_then(|store| self.stages.get(&store)).context("a store")?;
        Ok((Server::serve(&self.scope.server, &stage.url())?, stage.shape.live()))
    }

    /// Compares the contents of the stores with the answers.
    pub(crate) async fn check(&self, results: &mut Results) {
        for ((backend, store), stage) in &self.stages {
            if stage.is_untouched() {
                continue;
            }
            self.say(&format!("checking the ledger of {backend}"));
            match stage.check(store.is_reconciled()).await {
                Ok(found) => results.checks.push(found),
                Err(error) => results.errors.push(format!("{error:#}")),
            }
        }
    }

    #[allow(clippy::print_stderr, reason = "progress, for whoever waits")]
    pub(crate) fn say(&self, what: &str) {
        eprintln!("[{:>4} s] {what}", self.started.elapsed().as_secs());
    }
}
