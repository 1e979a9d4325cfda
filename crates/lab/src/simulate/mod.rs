//! Broadcasts of invented worlds.
//!
//! A [`Scenario`] describes a streamer, an audience and campaigns. One *world* is one broadcast, or several broadcasts
//! on consecutive days. Every world starts with the budgets and counters of the scenario. Each world has its own
//! chance, which comes from the seed and the number of the world. So worlds are independent and have the same
//! distribution, and means over worlds have the usual intervals. All strategies face the same worlds.
//!
//! Each strategy runs through each world minute by minute. [`Circumstances::decide_with`] makes the decisions, as on
//! the server. [`eligibility`] says which campaigns may be shown. [`Entry::judge`] says what impressions and visits are
//! worth, as in the ledger.
//!
//! [`Circumstances::decide_with`]: gametriggers_domain::decision::Circumstances::decide_with
//! [`eligibility`]: gametriggers_domain::eligibility
//! [`Entry::judge`]: gametriggers_domain::ledger::Entry::judge

mod book;
mod chance;
mod cost;
mod figures;
mod oracle;
mod outcome;
mod plan;
mod run;
mod scenario;
mod shipped;
mod world;

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use gametriggers_domain::selection::SelectionStrategy;

use cost::Cost;
use figures::{Figures, Sums, Whole};
pub use outcome::{CampaignFacts, CampaignOutcome, Outcome, StrategyOutcome};
pub use plan::Plan;
pub use run::Step;
use run::{Policy, Run};
pub use scenario::{Before, InvalidScenario, Scenario, Sponsor, Streamer, WeeklyMoment};
pub use shipped::{SHIPPED, Shipped, find};
use world::World;

/// The number of worlds that a thread runs before it asks for more.
const CHUNK: u64 = 8;

/// How much is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The least number of broadcasts of each strategy. If a world has several broadcasts, the number is rounded up to
    /// whole worlds.
    pub broadcasts: u64,
    /// The seed of all chance.
    pub seed: u64,
    /// The number of threads. It does not change the outcome.
    pub threads: NonZeroUsize,
    /// Whether to measure how long decisions take.
    pub measure: bool,
}

/// Runs strategies through the worlds of a scenario. `name` is the scenario's name in the outcome.
#[must_use]
pub fn simulate(
    name: &str,
    plan: &Plan,
    strategies: &[&'static dyn SelectionStrategy],
    options: Options,
) -> Outcome {
    let worlds = options.broadcasts.div_ceil(u64::from(plan.scenario.broadcasts_per_world)).max(1);
    let policies: Vec<_> =
        strategies.iter().map(|strategy| Policy::Strategy(*strategy)).chain([Policy::Oracle]).collect();
    let next = AtomicU64::new(0);
    let work = || {
        let mut sums =
            vec![(Sums::new(plan.pairs.len()), options.measure.then(Cost::default)); policies.len()];
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= worlds {
                return sums;
            }
            for number in first..worlds.min(first + CHUNK) {
                run_world(plan, &policies, options, number, &mut sums);
            }
        }
    };
    let parts = thread::scope(|scope| {
        let others: Vec<_> = (1..options.threads.get()).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        for other in others {
            match other.join() {
                Ok(part) => parts.push(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts
    });
    let mut parts = parts.into_iter();
    let mut sums = parts.next().unwrap_or_default();
    for part in parts {
        for ((sums, cost), (more, more_cost)) in sums.iter_mut().zip(part) {
            sums.merge(&more);
            *cost = cost.zip(more_cost).map(|(cost, more)| cost.plus(more));
        }
    }
    Outcome::new(name, plan, (options.seed, worlds), strategies, &sums)
}

/// Runs every policy through one world and adds its figures to `sums`. The last policy is the oracle.
fn run_world(
    plan: &Plan,
    policies: &[Policy],
    options: Options,
    number: u64,
    sums: &mut [(Sums, Option<Cost>)],
) {
    let world = World::new(plan, options.seed, number);
    let mut figures: Vec<Figures> = Vec::with_capacity(policies.len());
    for (policy, (_, cost)) in policies.iter().zip(&mut *sums) {
        let mut run = Run::new(plan, world.clone(), *policy, |_| {});
        run.cost = *cost;
        let (done, took) = run.finish();
        *cost = took;
        figures.push(done);
    }
    let best = figures.last_mut().map_or(0, |oracle| *oracle.whole(Whole::Earned));
    for (figures, (sums, _)) in figures.iter_mut().zip(sums) {
        *figures.whole(Whole::Regret) = best - *figures.whole(Whole::Earned);
        sums.add(figures);
    }
}

/// Runs one strategy through one world of a scenario and shows each decision to `observe`.
pub fn trace(
    plan: &Plan,
    strategy: &'static dyn SelectionStrategy,
    seed: u64,
    world: u64,
    observe: &mut dyn FnMut(Step<'_>),
) {
    Run::new(plan, World::new(plan, seed, world), Policy::Strategy(strategy), observe).finish();
}
