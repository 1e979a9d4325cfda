//! Decides what is run, in which order and for how long.
//!
//! Each repetition runs everything that is compared once, one after the other, so that disturbances of the machine
//! affect all of it. Each run has its own server process, and no other server of the benchmark runs at the same time.

mod paid;
mod runs;
mod stores;

use std::{collections::BTreeMap, time::Instant};

use anyhow::Context;

pub(crate) use self::{runs::fetch, stores::Store};
use crate::{
    bare,
    driver::{Driver, Updates},
    load::{Expected, Outcome},
    process::Server,
    results::{Backend, Documents, Measured, Results, grouped},
    scope::{CLICKERS, Effort, SMALLEST, Scope},
    stage::{Shape, Stage},
};

/// The stores and other things that are prepared before the runs.
pub(crate) struct Rotation<'a> {
    scope: &'a Scope,
    stages: BTreeMap<(Backend, Store), Stage>,
    driver: Option<Driver>,
    /// An answer about what is on screen, for the bare handler.
    body: Vec<u8>,
    started: Instant,
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
            } else if matches!(measured, Measured::Driver(_) | Measured::BarePayments { .. })
                && rotation.driver.is_none()
            {
                rotation.driver = Some(Driver::prepare(&scope.mongodb, scope.effort.campaigns).await?);
            }
        }
        Ok(rotation)
    }

    /// The store; fills it if that has not been done.
    pub(crate) async fn stage(&mut self, backend: Backend, store: Store) -> anyhow::Result<&mut Stage> {
        if !self.stages.contains_key(&(backend, store)) {
            let (shape, what) = store.shape(self.scope, backend);
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
                let driver = self.driver.as_ref().context("the driver's collections")?;
                driver.run(Updates::Clicks(documents), warm_up, lasts).await
            }
            Measured::BarePayments { budgets } => {
                let driver = self.driver.as_ref().context("the driver's collections")?;
                driver.run(Updates::Payments { budgets }, warm_up, lasts).await
            }
            Measured::Stale { .. } => self.click_without_receipt(measured).await,
            Measured::Visits { .. } => self.visit(measured).await,
            Measured::Paying(paying) => self.pay(paying).await,
            Measured::Audiences { .. } => {
                let minutes = self.scope.effort.minutes;
                self.stage_of(measured)?.record_audiences(minutes).await
            }
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
