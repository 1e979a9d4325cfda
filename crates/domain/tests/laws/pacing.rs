//! `pacing` for any campaigns, and through a whole flight.

use gametriggers_domain::selection::{self, BroadcastSoFar, Candidate, SelectionContext, select};
use gametriggers_fixtures::{context, minutes, noon, seed};
use gametriggers_types::{Money, SignedDuration};
use proptest::prelude::*;

use crate::support::{any_candidates, any_context, candidate};

/// How far the candidate is behind its plan.
fn lag(ctx: &SelectionContext<'_>, candidate: &Candidate<'_>) -> f64 {
    let Some(end) = candidate.ends_at else { return 0.0 };
    let begin = candidate.starts_at.unwrap_or(candidate.created_at);
    if end <= begin || candidate.budget <= Money::ZERO {
        return 0.0;
    }
    let seconds = |time: SignedDuration| time.as_secs_f64();
    let now = ctx.now.max(begin).min(end);
    let elapsed = seconds(now.duration_since(begin)) / seconds(end.duration_since(begin));
    let left = candidate.remaining.as_units() / candidate.budget.as_units();
    elapsed - (1.0 - left).max(0.0)
}

proptest! {
    #[test]
    fn whoever_is_behind_beats_whoever_is_not(moment in any_context(), candidates in any_candidates()) {
        let ctx = moment.context("pacing");
        let tolerance = tolerance(&ctx);
        let mut weights = vec![0.0; candidates.len()];
        selection::find("pacing").unwrap().weigh(&ctx, &candidates, &mut weights);
        let lags: Vec<_> = candidates.iter().map(|candidate| lag(&ctx, candidate)).collect();
        if lags.iter().any(|&lag| lag > tolerance) {
            for (lag, weight) in lags.iter().zip(&weights) {
                prop_assert!((*lag > tolerance) == (*weight > 0.0), "{lags:?}: {weights:?}");
            }
        } else if lags.iter().any(|&lag| lag >= -tolerance) {
            for (lag, weight) in lags.iter().zip(&weights) {
                prop_assert!(*lag >= -tolerance || *weight <= 0.0, "{lags:?}: {weights:?}");
            }
        }
    }
}

fn tolerance(ctx: &SelectionContext<'_>) -> f64 {
    let parameter = selection::find_parameter("pacing", "tolerance").unwrap();
    let selection::Parameter::Number(tolerance) = parameter else { panic!("{parameter:?} is no number") };
    ctx.parameters.number(tolerance)
}

/// The percentages of the budgets of campaigns 1 and 2 that are left when their flights end after ten days. The
/// streamer broadcasts 80 slots a day, and each slot costs its campaign 1 unit. Campaign 3 has no dates, and its money
/// never runs out.
fn left_after_flight(strategy: &str, budgets: [i64; 2], first_seed: u64) -> [f64; 2] {
    let units = |count: i64| Money::from_micros(count * 1_000_000);
    let flight = |number, budget| Candidate {
        starts_at: Some(noon()),
        ends_at: Some(noon() + minutes(10 * 24 * 60)),
        budget: units(budget),
        remaining: units(budget),
        ..candidate(number)
    };
    let mut campaigns = [flight(1, budgets[0]), flight(2, budgets[1]), candidate(3)];
    let mut displayed = SignedDuration::ZERO;
    for slot in 0..800 {
        // The streamer broadcasts in the last four hours of each day.
        let now = noon() + minutes((slot / 80) * 24 * 60 + 20 * 60 + (slot % 80) * 3);
        let candidates: Vec<_> =
            campaigns.iter().filter(|campaign| campaign.remaining > Money::ZERO).copied().collect();
        let ctx = context(now, seed(first_seed + u64::try_from(slot).unwrap()));
        let ctx = SelectionContext { broadcast: BroadcastSoFar { displayed, ..ctx.broadcast }, ..ctx };
        let picked = select(selection::find(strategy).unwrap(), &ctx, &candidates).unwrap().picked().campaign;
        let shown = campaigns.iter_mut().find(|campaign| campaign.campaign == picked).unwrap();
        shown.remaining = Money::from_micros(shown.remaining.micros() - 1_000_000);
        shown.displayed += minutes(3);
        shown.tallied += minutes(3);
        shown.last_shown = Some(now + minutes(3));
        displayed += minutes(3);
    }
    let left = |one: &Candidate<'_>| 100.0 * one.remaining.as_units() / one.budget.as_units();
    [left(&campaigns[0]), left(&campaigns[1])]
}

#[test]
fn two_campaigns_have_spent_their_budgets_when_their_flights_end() {
    for budgets in [[450, 300], [600, 150], [375, 375], [700, 50]] {
        for first_seed in [0, 1_000, 2_000] {
            let left = left_after_flight("pacing", budgets, first_seed);
            assert!(left.iter().all(|left| *left <= 4.0), "{budgets:?}: {left:?} % left");
        }
    }
    let [most, _] = left_after_flight("fair-rotation", [600, 150], 0);
    assert!(
        most > 25.0,
        "a fair rotation spends a large budget as well, so the test proves nothing: {most} % left"
    );
}
