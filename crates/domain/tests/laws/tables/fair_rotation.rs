//! `fair-rotation`.

use super::*;

fn shown(number: u64, shown_minutes: i64, last_shown: Option<&str>) -> Candidate<'static> {
    Candidate { tallied: minutes(shown_minutes), last_shown: last_shown.map(time), ..candidate(number) }
}

#[track_caller]
fn check(candidates: &[Candidate<'_>], expected: &[f64]) {
    assert_close(&weigh("fair-rotation", &at_noon(), candidates), expected);
}

#[test]
fn the_least_shown_is_next() {
    let long_ago = Some("2026-11-20T11:00:00Z");
    let just_now = Some("2026-11-20T11:59:00Z");
    check(&[shown(1, 9, long_ago), shown(2, 6, just_now), shown(3, 9, None)], &[0.0, 1.0, 0.0]);
}

#[test]
fn of_equals_the_one_shown_longest_ago_and_never_is_longest() {
    let (earlier, later) = (Some("2026-11-20T11:54:00Z"), Some("2026-11-20T11:57:00Z"));
    check(&[shown(1, 3, later), shown(2, 3, earlier), shown(3, 6, None)], &[0.0, 1.0, 0.0]);
    check(&[shown(1, 3, later), shown(2, 3, earlier), shown(3, 3, None)], &[0.0, 0.0, 1.0]);
}

#[test]
fn of_equals_in_all_that_the_lesser_id() {
    check(&[shown(3, 3, None), shown(1, 3, None), shown(2, 3, None)], &[0.0, 1.0, 0.0]);
}
