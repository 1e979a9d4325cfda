//! `revenue-optimized`.

use super::*;

fn cpm(number: u64, rate: f64) -> Candidate<'static> {
    Candidate { payment: gametriggers_fixtures::cpm(rate), ..candidate(number) }
}

fn fixed(number: u64, rate: f64, expected_impressions: u64, paid_units: u64) -> Candidate<'static> {
    let payment = gametriggers_fixtures::fixed(rate, expected_impressions);
    Candidate { payment, paid_units, ..candidate(number) }
}

fn cpc(number: u64, rate: f64, impressions: u64, visits: u64) -> Candidate<'static> {
    let payment = gametriggers_fixtures::cpc(rate);
    Candidate { payment, impressions, visits, ..candidate(number) }
}

/// Asserts that the second of two candidates is expected to earn more. It has the greater id, so it cannot win by a
/// tie.
#[track_caller]
fn assert_second_earns_more(candidates: &[Candidate; 2]) {
    assert_close(&weigh("revenue-optimized", &at_noon(), candidates), &[0.0, 1.0]);
    let [one, other] = *candidates;
    assert_close(&weigh("revenue-optimized", &at_noon(), &[other, one]), &[1.0, 0.0]);
}

/// Defect S5: `fixed` was read as a rate per thousand.
#[test]
fn s5_each_way_of_paying_is_reckoned_per_impression() {
    // 1.66 against 1.245
    assert_second_earns_more(&[cpm(1, 1_245.0), cpm(2, 1_660.0)]);
    // 5,000 / 10,000 = 0.5 against 1.66
    assert_second_earns_more(&[fixed(1, 5_000.0, 10_000, 0), cpm(2, 1_660.0)]);
    // 5,000 / 2,000 = 2.5 against 1.66
    assert_second_earns_more(&[cpm(1, 1_660.0), fixed(2, 5_000.0, 2_000, 1_999)]);
    // 20 · (19 + 1) / (100 + 100) = 2 against 1.66
    assert_second_earns_more(&[cpm(1, 1_660.0), cpc(2, 20.0, 100, 19)]);
    // 20 · (15 + 1) / (100 + 100) = 1.6 against 1.66
    assert_second_earns_more(&[cpc(1, 20.0, 100, 15), cpm(2, 1_660.0)]);
}

#[test]
fn a_fixed_rate_that_was_paid_in_full_earns_nothing_more() {
    assert_second_earns_more(&[fixed(1, 5_000.0, 2_000, 2_000), cpm(2, 1.0)]);
    assert_second_earns_more(&[fixed(1, 5_000.0, 2_000, 2_000), fixed(2, 1.0, 2_000, 0)]);
}

/// Defect S5: a campaign without impressions counted as one with a CTR of 1 % for ever, and beat campaigns with a good
/// history.
#[test]
fn s5_history_outweighs_the_prior() {
    // 20 · 1/100 = 0.2 against 20 · 31/1,100 = 0.56
    assert_second_earns_more(&[cpc(1, 20.0, 0, 0), cpc(2, 20.0, 1_000, 30)]);
    // 20 · 1/1,100 = 0.018 against 0.15
    assert_second_earns_more(&[cpc(1, 20.0, 1_000, 0), cpm(2, 150.0)]);
    // 0.15 against 20 · 1/100 = 0.2
    assert_second_earns_more(&[cpm(1, 150.0), cpc(2, 20.0, 0, 0)]);
}

/// Defect S5: clicks raised the expected earnings, although clicks earn nothing. Only visits earn.
#[test]
fn s5_clicks_that_earn_nothing_do_not_count() {
    let clicked = |one: Candidate<'static>| Candidate { impressions: 1_000, clicks: 1_000, ..one };
    assert_second_earns_more(&[clicked(cpm(1, 1_000.0)), cpm(2, 1_001.0)]);
    assert_second_earns_more(&[clicked(cpc(1, 20.0, 1_000, 0)), cpm(2, 150.0)]);
}

#[test]
fn of_equals_the_lesser_id() {
    let weights = weigh("revenue-optimized", &at_noon(), &[cpm(3, 500.0), cpm(1, 500.0), cpm(2, 500.0)]);
    assert_close(&weights, &[0.0, 1.0, 0.0]);
    let weights = weigh("revenue-optimized", &at_noon(), &[cpm(2, 0.0), cpm(1, 0.0)]);
    assert_close(&weights, &[0.0, 1.0]);
}
