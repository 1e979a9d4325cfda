//! What each shipped strategy does in each shipped scenario. A change of behaviour shows as a change of the snapshot
//! files.
#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

use std::{fmt::Write, num::NonZeroUsize};

use gametriggers_domain::selection;
use gametriggers_lab::{
    estimate::significant,
    simulate::{Options, Outcome, Plan, SHIPPED, StrategyOutcome, find, simulate},
};

/// Few worlds: the figures are exact for a seed, so any change of a pick shows.
const OPTIONS: Options =
    Options { broadcasts: 40, seed: 1, threads: NonZeroUsize::new(2).unwrap(), measure: false };

#[test]
fn each_strategy_does_in_each_scenario_what_it_did() {
    for shipped in SHIPPED {
        let plan = Plan::new(find(shipped.name).unwrap()).unwrap();
        let outcome = simulate(shipped.name, &plan, selection::all(), OPTIONS);
        insta::assert_snapshot!(shipped.name, summary(&outcome));
    }
}

/// For each strategy, one line with its figures, and one line with each campaign's share of the screen.
fn summary(outcome: &Outcome) -> String {
    let mut text = format!("{} broadcasts in {} worlds\n", outcome.broadcasts, outcome.worlds);
    for one in outcome.strategies.iter().chain([&outcome.oracle]) {
        writeln!(text, "{}", line(one)).unwrap();
        let shares: Vec<_> = one.campaigns.iter().map(|one| short(100.0 * one.time_share.mean)).collect();
        writeln!(text, "    on screen, %: {}", shares.join(" ")).unwrap();
        let delivered: Vec<_> = one.campaigns.iter().filter_map(|one| one.delivered).collect();
        if !delivered.is_empty() {
            let delivered: Vec<_> = delivered.iter().map(|one| short(100.0 * one.mean)).collect();
            writeln!(text, "    delivered of plan, %: {}", delivered.join(" ")).unwrap();
        }
    }
    text
}

fn line(one: &StrategyOutcome) -> String {
    format!(
        "{}: earned {} ±{}, regret {}, switches/h {}, longest gap {} min, money left {} %, empty {} %, unusable {} %, {} decisions",
        one.strategy,
        short(one.earned.mean),
        short(one.earned.half_width()),
        short(one.regret.mean),
        short(one.switches_per_hour.mean),
        short(one.longest_gap_minutes.mean),
        short(100.0 * one.money_left.mean),
        short(100.0 * one.empty.mean),
        short(100.0 * one.unusable_weights.mean),
        short(one.decisions.mean),
    )
}

/// Four significant digits.
fn short(number: f64) -> String {
    significant(number, 4).to_string()
}
