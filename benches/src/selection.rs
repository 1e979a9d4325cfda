//! Measures how long a selection takes.

use std::{
    hint::black_box,
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::Context;
use gametriggers_domain::{
    price::Payment,
    selection::{self, Candidate, SelectionStrategy},
};
use gametriggers_fixtures::{context, noon, seed};
use gametriggers_types::{Money, ObjectId, PaymentType, SignedDuration};

use crate::results::{Selection, median};

/// The numbers of candidates.
pub(crate) const CANDIDATES: [usize; 4] = [3, 10, 100, 1_000];
/// The number of batches of calls. The median of the batches counts.
const BATCHES: usize = 101;
/// The least time of a batch, so that the clock is precise enough.
const BATCH: Duration = Duration::from_micros(200);

/// Measures every strategy.
///
/// # Errors
/// If no candidates can be made.
pub(crate) fn measure() -> anyhow::Result<Vec<Selection>> {
    let mut measured = Vec::new();
    for strategy in selection::all() {
        for count in CANDIDATES {
            let candidates: Vec<_> =
                (0..count).map(|number| candidate(number as u64)).collect::<Result<_, _>>()?;
            let nanos = nanos_each(*strategy, &candidates)?;
            measured.push(Selection { strategy: strategy.name(), candidates: count, nanos });
        }
    }
    Ok(measured)
}

fn nanos_each(strategy: &dyn SelectionStrategy, candidates: &[Candidate<'_>]) -> anyhow::Result<f64> {
    let mut calls = 1_u32;
    while batch(strategy, candidates, calls) < BATCH {
        calls *= 2;
    }
    let mut nanos = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let took = batch(strategy, candidates, calls);
        nanos.push(took.as_secs_f64() * 1e9 / f64::from(calls));
    }
    median(nanos).context("no batch")
}

/// The time of this many calls, each with its own seed.
fn batch(strategy: &dyn SelectionStrategy, candidates: &[Candidate<'_>], calls: u32) -> Duration {
    let started = Instant::now();
    for call in 0..calls {
        let ctx = context(noon(), seed(call.into()));
        black_box(selection::select(strategy, black_box(&ctx), black_box(candidates)));
    }
    started.elapsed()
}

/// A candidate with a history. The numbers differ between candidates.
fn candidate(number: u64) -> anyhow::Result<Candidate<'static>> {
    let kind = PaymentType::ALL[number as usize % PaymentType::ALL.len()];
    let rate = Money::from_units(1.0 + (number * 37 % 400) as f64 / 4.0)?;
    let minutes = |count: u64| SignedDuration::from_mins(count.cast_signed());
    let categories = &CATEGORIES[number as usize % CATEGORIES.len()..];
    Ok(Candidate {
        campaign: ObjectId::from_parts(2, number.to_be_bytes()).into(),
        participation: ObjectId::from_parts(3, number.to_be_bytes()).into(),
        categories,
        joined_at: noon() - minutes(1_000 + number * 61 % 9_000),
        payment: Payment::new(kind, rate, Payment::DEFAULT_EXPECTED_IMPRESSIONS)?,
        budget: Money::from_units(10_000.0)?,
        remaining: Money::from_units(10_000.0 - (number * 37 % 9_000) as f64)?,
        starts_at: Some(noon() - minutes(10_000 + number * 61 % 9_000)),
        ends_at: Some(noon() + minutes(10_000 + number * 53 % 9_000)),
        paid_units: number * 101 % 5_000,
        impressions: 500 + number * 997 % 20_000,
        clicks: number * 31 % 300,
        visits: number * 17 % 100,
        displayed: minutes(number * 7 % 45),
        tallied: minutes(number * 7 % 45),
        last_shown: Some(noon() - minutes(number * 11 % 90)),
        ..gametriggers_fixtures::candidate(0)
    })
}

static CATEGORIES: LazyLock<[String; 3]> = LazyLock::new(|| ["gaming", "food", "travel"].map(str::to_owned));
