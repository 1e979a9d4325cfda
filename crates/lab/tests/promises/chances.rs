//! The promises of strategies that give several campaigns a chance.

use gametriggers_types::ParameterValue;

use crate::moment::{Admitted, Moment};

/// A campaign has the weight of the first daypart that covers the streamer's time and names one of the campaign's
/// categories.
pub(crate) fn daypart(moment: &Moment<'_>) {
    let streamer = &moment.scenario.streamer;
    let set = streamer.parameters.get("daypart").and_then(|values| values.get("dayparts"));
    let parts = match set {
        Some(ParameterValue::Dayparts(parts)) => parts.as_slice(),
        _ => &[],
    };
    let local = streamer.time_zone.local_time(moment.now);
    let weight = |one: &Admitted<'_>| {
        let names =
            |category: &str| one.campaign.categories.iter().any(|own| own.eq_ignore_ascii_case(category));
        let part = parts.iter().find(|part| part.period.covers(local) && names(&part.category));
        part.map_or(1.0, |part| part.weight.value())
    };
    let weights: Vec<_> = moment.admitted.iter().map(weight).collect();
    let is_zero = weights.iter().all(|weight| *weight == 0.0);
    moment.assert_weights(&if is_zero { vec![1.0; weights.len()] } else { weights });
}

/// If campaigns are behind their plan, each has a chance in proportion to its lag. Otherwise the campaigns on plan take
/// turns. If all campaigns are ahead, the one that is ahead the least is on screen.
pub(crate) fn pacing(moment: &Moment<'_>) {
    let tolerance = moment.parameter("pacing", "tolerance", 0.02);
    let lags: Vec<_> = moment.admitted.iter().map(|one| lag(moment, one)).collect();
    if lags.iter().any(|lag| *lag > tolerance) {
        let behind = |lag: &f64| if *lag > tolerance { *lag } else { 0.0 };
        return moment.assert_weights(&lags.iter().map(behind).collect::<Vec<_>>());
    }
    let on_plan = moment.admitted.iter().zip(&lags).filter(|(_, lag)| **lag >= -tolerance);
    let next = on_plan.min_by_key(|(one, _)| moment.turn(one));
    let most = lags.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least_ahead = || moment.admitted.iter().zip(&lags).find(|(_, lag)| **lag >= most).unwrap();
    moment.assert_favourite(next.unwrap_or_else(least_ahead).0);
}

/// The part of the flight that has passed, minus the part of the budget that is spent.
fn lag(moment: &Moment<'_>, one: &Admitted<'_>) -> f64 {
    let campaign = one.campaign;
    let Some(ends) = campaign.end_date else { return 0.0 };
    let begins = campaign.start_date.unwrap_or(campaign.created_at);
    let passed = moment.now.duration_since(begins).as_secs_f64() / ends.duration_since(begins).as_secs_f64();
    let spent = 1.0 - campaign.remaining_budget.as_units() / campaign.budget.as_units();
    passed.clamp(0.0, 1.0) - spent.clamp(0.0, 1.0)
}

/// Pay, clicks and waiting time, each from 0 to 1, in the proportions that the streamer set.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn weighted(moment: &Moment<'_>) {
    let [pay, performance, fairness] = [("paymentRate", 0.4), ("performance", 0.3), ("fairness", 0.3)]
        .map(|(name, default)| moment.parameter("weighted", name, default));
    let rate = |one: &Admitted<'_>| one.campaign.payment.rate().as_units();
    let greatest = moment.admitted.iter().map(rate).fold(0.0, f64::max);
    let weight = |one: &Admitted<'_>| {
        let counters = &one.participation.counters;
        let clicked = counters.clicks as f64 / counters.impressions.max(1) as f64;
        let minutes = |last| moment.now.duration_since(last).as_secs_f64() / 60.0;
        let waited = moment.last_shown(one).map_or(1.0, |last| (minutes(last) / 30.0).min(1.0));
        let clicked = if counters.impressions == 0 { 0.0 } else { clicked };
        pay * rate(one) / greatest + performance * (100.0 * clicked).min(1.0) + fairness * waited
    };
    moment.assert_weights(&moment.admitted.iter().map(weight).collect::<Vec<_>>());
}

/// Probabilities are whole numbers of 128 rounds. While no campaign has clicks, every campaign without impressions has
/// a chance.
pub(crate) fn performance(moment: &Moment<'_>) {
    let exploration = moment.scenario.exploration.value();
    let count = f64::from(u32::try_from(moment.admitted.len()).unwrap());
    for one in &moment.admitted {
        let rounds = 128.0 * (one.probability - exploration / count) / (1.0 - exploration);
        assert!((rounds - rounds.round()).abs() < 1e-6, "{}: {rounds}", one.campaign.title);
        let counters = &one.participation.counters;
        let is_clicked = moment.admitted.iter().any(|other| other.participation.counters.clicks > 0);
        assert!(counters.impressions > 0 || is_clicked || rounds > 0.0, "{}", one.campaign.title);
    }
    assert!(!moment.selection.weights_unusable);
}
