//! `capped-fair`.

use gametriggers_domain::selection::BroadcastSoFar;
use gametriggers_types::{ParameterValue, PriorityWeights, SignedDuration};

use super::*;

/// Campaign `number` with these minutes on screen and these tallied minutes.
fn shown(number: u64, displayed: i64, tallied: i64) -> Candidate<'static> {
    Candidate { displayed: minutes(displayed), tallied: minutes(tallied), ..candidate(number) }
}

/// The weights when campaigns were on screen for `displayed` together, with this `share`. `None` is the default share,
/// one half.
fn weigh_after(displayed: SignedDuration, share: Option<f64>, candidates: &[Candidate<'_>]) -> Vec<f64> {
    let values = share.map(|share| ("share".to_owned(), ParameterValue::Number(share))).into_iter().collect();
    let ctx = SelectionContext {
        parameters: Parameters::new(PriorityWeights::default(), Some(&values)),
        broadcast: BroadcastSoFar { displayed, ..at_noon().broadcast },
        ..at_noon()
    };
    weigh("capped-fair", &ctx, candidates)
}

#[track_caller]
fn check(after: i64, share: Option<f64>, candidates: &[Candidate<'_>], expected: &[f64]) {
    assert_close(&weigh_after(minutes(after), share, candidates), expected);
}

#[test]
fn the_first_slot_goes_to_the_least_id() {
    check(0, None, &[shown(2, 0, 0), shown(1, 0, 0)], &[0.0, 1.0]);
}

#[test]
fn within_their_share_campaigns_take_turns_as_in_a_fair_rotation() {
    check(30, None, &[shown(1, 12, 12), shown(2, 9, 9), shown(3, 9, 10)], &[0.0, 1.0, 0.0]);
    let later = Candidate { last_shown: Some(noon()), ..shown(1, 9, 9) };
    let earlier = Candidate { last_shown: Some(noon() - minutes(3)), ..shown(2, 9, 9) };
    check(18, None, &[later, earlier], &[0.0, 1.0]);
}

/// Campaign 1 was alone for an hour. Campaign 2 was credited that hour when it came. Since then, campaign 2 has been on
/// screen longer than campaign 1.
#[test]
fn a_campaign_above_its_share_waits_though_it_is_its_turn() {
    check(72, None, &[shown(1, 63, 63), shown(2, 9, 69)], &[0.0, 1.0]);
    // With a share of 1, no campaign ever waits.
    check(72, Some(1.0), &[shown(1, 63, 63), shown(2, 9, 69)], &[1.0, 0.0]);
}

#[test]
fn just_its_share_is_not_above_it() {
    check(60, None, &[shown(1, 30, 30), shown(2, 30, 40)], &[1.0, 0.0]);
    let a_millisecond_more =
        Candidate { displayed: minutes(30) + SignedDuration::from_millis(1), ..shown(1, 0, 30) };
    check(60, None, &[a_millisecond_more, shown(2, 30, 40)], &[0.0, 1.0]);
    // In binary fractions, 0.29 · 100 is less than 29, but 29 / 100 is not greater than 0.29.
    check(100, Some(0.29), &[shown(1, 29, 29), shown(2, 29, 71)], &[1.0, 0.0]);
    for percent in 5..=100_i32 {
        let share = f64::from(percent) / 100.0;
        check(100, Some(share), &[shown(1, percent.into(), 0), shown(2, 0, 50)], &[1.0, 0.0]);
    }
}

#[test]
fn if_all_are_above_their_share_the_smallest_part_is_next_and_then_the_lesser_id() {
    check(60, Some(0.1), &[shown(1, 24, 0), shown(2, 12, 99), shown(3, 24, 0)], &[0.0, 1.0, 0.0]);
    check(60, Some(0.1), &[shown(3, 20, 0), shown(1, 20, 50), shown(2, 20, 0)], &[0.0, 1.0, 0.0]);
}

/// A lone campaign is on screen, whatever the share.
#[test]
fn a_lone_campaign_is_shown() {
    check(60, Some(0.05), &[shown(1, 60, 60)], &[1.0]);
}
