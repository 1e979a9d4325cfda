//! Each strategy keeps its promise in every shipped scenario. The tests do not read what strategies saw. They work out
//! anew, from the decisions and the documents, what was on screen and which campaign is due.
#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

mod best;
mod chances;
mod favourites;
mod moment;

use std::collections::BTreeMap;

use gametriggers_domain::selection::{self, SelectionStrategy};
use gametriggers_lab::simulate::{Plan, SHIPPED, Scenario, find, trace};
use gametriggers_types::CampaignId;

use moment::{Moment, Screen};

const SEED: u64 = 7;
const WORLDS: u64 = 6;

/// Calls `check` with every moment of decision of some worlds of every scenario.
fn each_moment(strategy: &'static dyn SelectionStrategy, mut check: impl FnMut(&str, &Moment<'_>)) {
    for shipped in SHIPPED {
        let scenario = find(shipped.name).unwrap();
        let plan = Plan::new(scenario.clone()).unwrap();
        for world in 0..WORLDS {
            let mut screen = Screen::default();
            trace(&plan, strategy, SEED, world, &mut |step| {
                screen.enter(&step);
                check(shipped.name, &Moment::new(&scenario, &step, &screen));
            });
        }
    }
}

/// This test fails for a new strategy until its promise has a line here.
#[test]
fn each_strategy_keeps_its_promise_in_every_scenario() {
    for strategy in selection::all() {
        let promise: fn(&Moment<'_>) = match strategy.name() {
            "capped-fair" => favourites::capped_fair,
            "daypart" => chances::daypart,
            "fair-rotation" => favourites::fair_rotation,
            "pacing" => chances::pacing,
            "performance" => chances::performance,
            "revenue-optimized" => favourites::revenue_optimized,
            "time-rotation" => favourites::time_rotation,
            "weighted" => chances::weighted,
            // A strategy whose promise nobody has written down yet is only run: the snapshots hold what it does.
            _ => |_| {},
        };
        let mut moments = 0;
        each_moment(*strategy, |_, moment| {
            promise(moment);
            moments += 1;
        });
        assert!(moments > 1_000, "{}: {moments}", strategy.name());
    }
}

#[test]
fn campaigns_are_picked_as_often_as_their_recorded_probabilities_say() {
    for strategy in selection::all() {
        // For each scenario and campaign: the picks minus the expected picks, and the variance of the picks.
        let mut excess: BTreeMap<(String, CampaignId), (f64, f64)> = BTreeMap::new();
        each_moment(*strategy, |scenario, moment| {
            for share in moment.selection.shares.iter() {
                let (more, variance) = excess.entry((scenario.to_owned(), share.campaign)).or_default();
                *more += f64::from(u8::from(share.campaign == moment.picked)) - share.probability;
                *variance += share.probability * (1.0 - share.probability);
            }
        });
        for ((scenario, campaign), (more, variance)) in excess {
            // More than 4.5 standard deviations happen once in 150,000 draws.
            assert!(more.abs() <= 4.5 * variance.sqrt() + 1e-6, "{} {scenario} {campaign}", strategy.name());
        }
    }
}

/// The promise of `fair-rotation` over time: the times of campaigns that are candidates all along differ by at most one
/// slot. The promise does not hold for streamers who want spacing, nor for installations that leave decisions to
/// chance.
#[test]
fn campaigns_that_are_there_all_along_differ_by_one_slot_at_most() {
    let mut compared = 0;
    for shipped in SHIPPED {
        let scenario = find(shipped.name).unwrap();
        if !is_plain(&scenario) {
            continue;
        }
        let (plan, interval) = (Plan::new(scenario.clone()).unwrap(), scenario.streamer.interval_minutes);
        for world in 0..WORLDS {
            let mut screen = Screen::default();
            trace(&plan, selection::find("fair-rotation").unwrap(), SEED, world, &mut |step| {
                screen.enter(&step);
                let times: Vec<_> = screen.all_along.iter().map(|one| screen.displayed(*one)).collect();
                if let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) {
                    assert!(
                        (*most - *least).as_mins() <= i64::from(interval.minutes()),
                        "{}: {times:?}",
                        shipped.name
                    );
                    compared += times.len();
                }
            });
        }
    }
    assert!(compared > 10_000, "{compared}");
}

/// `performance` shows the campaign that viewers click most more often than any other.
#[test]
fn what_is_clicked_most_is_shown_most() {
    for (scenario, most_clicked) in [("mixed-pay", "Soda"), ("previous-database", "Hinge")] {
        let plan = Plan::new(find(scenario).unwrap()).unwrap();
        let mut picks: BTreeMap<String, u32> = BTreeMap::new();
        for world in 0..WORLDS {
            trace(&plan, selection::find("performance").unwrap(), SEED, world, &mut |step| {
                let (shown, _) = step.decision.shown().unwrap();
                let (_, campaign) = step.eligible.iter().find(|(_, one)| one.id == shown).unwrap();
                *picks.entry(campaign.title.clone()).or_default() += 1;
            });
        }
        let most_shown = picks.iter().max_by_key(|(_, count)| **count).unwrap().0;
        assert_eq!(most_shown, most_clicked, "{picks:?}");
    }
}

/// Whether the streamer wants no spacing, and no decision is left to chance.
fn is_plain(scenario: &Scenario) -> bool {
    let streamer = &scenario.streamer;
    let has_spacing =
        streamer.max_slots_in_a_row.slots() > 0 || streamer.min_slots_between_category.slots() > 0;
    scenario.exploration.is_off() && !has_spacing
}
