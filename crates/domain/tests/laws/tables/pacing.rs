//! `pacing`.

use gametriggers_types::{Money, ParameterValue, PriorityWeights};

use super::*;

/// Campaign `number`: its flight lasts from noon − `passed` to noon + `left` minutes, and `spent` of its 100 units are gone.
fn flight(number: u64, passed: i64, left: i64, spent: i64) -> Candidate<'static> {
    Candidate {
        starts_at: Some(noon() - minutes(passed)),
        ends_at: Some(noon() + minutes(left)),
        budget: units(100),
        remaining: units(100 - spent),
        ..candidate(number)
    }
}

fn units(count: i64) -> Money {
    Money::from_micros(count * 1_000_000)
}

fn on_screen(shown_minutes: i64, one: &Candidate<'static>) -> Candidate<'static> {
    Candidate { displayed: minutes(shown_minutes), tallied: minutes(shown_minutes), ..*one }
}

#[track_caller]
fn check_with(tolerance: f64, candidates: &[Candidate<'_>], expected: &[f64]) {
    let values = [("tolerance".to_owned(), ParameterValue::Number(tolerance))].into_iter().collect();
    let parameters = Parameters::new(PriorityWeights::default(), Some(&values));
    let ctx = SelectionContext { parameters, ..at_noon() };
    assert_close(&weigh("pacing", &ctx, candidates), expected);
}

/// With the default tolerance of 0.02.
#[track_caller]
fn check(candidates: &[Candidate<'_>], expected: &[f64]) {
    assert_close(&weigh("pacing", &at_noon(), candidates), expected);
}

#[test]
fn campaigns_behind_their_plan_are_weighed_by_how_far() {
    // 60 % passed, 40 % spent: 0.2 behind. 50 % and 10 %: 0.4. 50 % and 50 %: on plan.
    let three = [flight(1, 60, 40, 40), flight(2, 50, 50, 10), flight(3, 50, 50, 50)];
    check(&three, &[0.2, 0.4, 0.0]);
}

#[test]
fn on_plan_campaigns_take_turns_and_those_ahead_wait() {
    let ahead = on_screen(0, &flight(1, 50, 50, 60));
    check(
        &[ahead, on_screen(6, &flight(2, 50, 50, 50)), on_screen(3, &flight(3, 50, 50, 51))],
        &[0.0, 0.0, 1.0],
    );
    // No campaign was on screen yet, so the smaller id wins.
    check(&[flight(3, 50, 50, 50), flight(2, 50, 50, 50)], &[0.0, 1.0]);
}

#[test]
fn if_all_are_ahead_the_one_that_is_the_least_ahead_is_shown_and_then_the_lesser_id() {
    check(&[flight(1, 50, 50, 80), flight(2, 50, 50, 60), flight(3, 50, 50, 70)], &[0.0, 1.0, 0.0]);
    check(&[flight(3, 50, 50, 80), flight(1, 50, 50, 80), flight(2, 50, 50, 80)], &[0.0, 1.0, 0.0]);
}

#[test]
fn the_tolerance_says_what_is_behind() {
    let two = [flight(1, 50, 50, 40), flight(2, 50, 50, 47)];
    check_with(0.0, &two, &[0.1, 0.03]);
    check_with(0.05, &two, &[0.1, 0.0]);
    // Both campaigns are on plan, so the smaller id wins.
    check_with(0.2, &two, &[1.0, 0.0]);
    // A lag of exactly the tolerance is on plan. Binary fractions hold these numbers exactly: 1/2 passed, 1/4 spent.
    check_with(0.25, &[flight(2, 50, 50, 25), flight(1, 50, 50, 50)], &[0.0, 1.0]);
    check_with(0.25, &[flight(2, 50, 50, 75), flight(1, 50, 50, 76)], &[1.0, 0.0]);
    check_with(0.25, &[flight(2, 50, 50, 75), on_screen(3, &flight(1, 50, 50, 50))], &[1.0, 0.0]);
}

/// A campaign without a plan has a lag of 0: it has no end, no budget, or an end that is not after its beginning.
#[test]
fn a_campaign_without_a_plan_is_on_plan() {
    let endless = Candidate { ends_at: None, ..flight(1, 50, 0, 0) };
    let poor = Candidate { budget: Money::ZERO, remaining: Money::ZERO, ..flight(1, 50, 50, 0) };
    let backwards = Candidate { ends_at: Some(noon() - minutes(60)), ..flight(1, 50, 0, 0) };
    let at_once = Candidate { ends_at: Some(noon()), ..flight(1, 0, 0, 0) };
    for planless in [endless, poor, backwards, at_once] {
        check(&[planless, flight(2, 50, 50, 40)], &[0.0, 0.1]);
        check(&[planless, flight(2, 50, 50, 60)], &[1.0, 0.0]);
    }
}

#[test]
fn a_flight_without_a_first_day_begins_when_the_campaign_was_created() {
    let created = |number, ago| Candidate {
        starts_at: None,
        created_at: noon() - minutes(ago),
        ..flight(number, 0, 50, 0)
    };
    check(&[created(1, 50), created(2, 150)], &[0.5, 0.75]);
}

/// The flight has not begun, or is over, by the clock of this instance. A campaign of the previous system has more left
/// than its budget.
#[test]
fn parts_are_from_0_to_1() {
    check_with(0.0, &[flight(1, -10, 50, 0), flight(2, 50, 50, 60)], &[1.0, 0.0]);
    check(&[flight(1, 50, -10, 70), flight(2, 50, 50, 0)], &[0.3, 0.5]);
    check(&[flight(1, 50, 50, -40), flight(2, 25, 75, 0)], &[0.5, 0.25]);
    let all_time =
        Candidate { starts_at: Some(Timestamp::MIN), ends_at: Some(Timestamp::MAX), ..flight(1, 0, 0, 0) };
    let weight = weigh("pacing", &at_noon(), &[all_time])[0];
    assert!((0.0..=1.0).contains(&weight) && weight > 0.0, "{weight}");
}
