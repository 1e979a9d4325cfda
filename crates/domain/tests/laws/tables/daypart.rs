//! `daypart`.

use std::collections::BTreeMap;

use gametriggers_fixtures::blackout;
use gametriggers_types::{Daypart, DaypartWeight, ParameterValue, PriorityWeights, TimeZoneName};

use super::*;

const EVERY_DAY: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn part(from: &str, until: &str, days: &[&str], category: &str, weight: f64) -> Daypart {
    let weight = DaypartWeight::try_from(weight).unwrap();
    Daypart { period: blackout(from, until, days), category: category.to_owned(), weight }
}

/// The parameters of the strategy.
fn dayparts(parts: &[Daypart]) -> BTreeMap<String, ParameterValue> {
    [("dayparts".to_owned(), ParameterValue::Dayparts(parts.to_vec()))].into_iter().collect()
}

/// The weights of campaigns with these categories at `now` in this zone.
fn weigh_at(now: &str, zone: &str, parts: &[Daypart], categories: &[&[&str]]) -> Vec<f64> {
    let owned: Vec<Vec<String>> =
        categories.iter().map(|names| names.iter().map(|&name| name.to_owned()).collect()).collect();
    let candidates: Vec<_> =
        (1..).zip(&owned).map(|(number, categories)| Candidate { categories, ..candidate(number) }).collect();
    let values = dayparts(parts);
    let ctx = SelectionContext {
        local: TimeZoneName::parse(zone).unwrap().local_time(time(now)),
        parameters: Parameters::new(PriorityWeights::default(), Some(&values)),
        ..context(time(now), seed(0))
    };
    weigh("daypart", &ctx, &candidates)
}

/// At noon, UTC, on a Friday.
#[track_caller]
fn check(parts: &[Daypart], categories: &[&[&str]], expected: &[f64]) {
    assert_close(&weigh_at(NOON, "UTC", parts, categories), expected);
}

#[test]
fn without_dayparts_all_weigh_the_same() {
    check(&[], &[&["food"], &[], &["gaming", "food"]], &[1.0, 1.0, 1.0]);
}

#[test]
fn a_daypart_weighs_the_campaigns_of_its_category_while_it_lasts() {
    let lunch = part("11:30", "13:00", &["friday"], "food", 3.0);
    let three: [&[&str]; 3] = [&["food"], &["gaming"], &[]];
    check(std::slice::from_ref(&lunch), &three, &[3.0, 1.0, 1.0]);
    for (now, weight) in [
        ("2026-11-20T11:29:59Z", 1.0),
        ("2026-11-20T11:30:00Z", 3.0),
        ("2026-11-20T12:59:59.999Z", 3.0),
        ("2026-11-20T13:00:00Z", 1.0),
        ("2026-11-19T12:00:00Z", 1.0),
    ] {
        let weights = weigh_at(now, "UTC", std::slice::from_ref(&lunch), &three);
        assert_close(&weights, &[weight, 1.0, 1.0]);
    }
}

#[test]
fn the_first_daypart_that_fits_counts() {
    let parts = [
        part("00:00", "06:00", &EVERY_DAY, "food", 9.0),
        part("12:00", "13:00", &EVERY_DAY, "drinks", 0.5),
        part("00:00", "24:00", &EVERY_DAY, "food", 4.0),
        part("12:00", "13:00", &EVERY_DAY, "food", 7.0),
    ];
    check(&parts, &[&["food"], &["food", "drinks"], &["drinks"], &["gaming"]], &[4.0, 0.5, 0.5, 1.0]);
}

#[test]
fn upper_and_lower_case_are_the_same() {
    let parts =
        [part("12:00", "13:00", &EVERY_DAY, "FOOD", 3.0), part("12:00", "13:00", &EVERY_DAY, "être", 5.0)];
    check(&parts, &[&["food"], &["Food"], &["ÊTRE"], &["foods"]], &[3.0, 3.0, 5.0, 1.0]);
}

/// Categories that differ only in case are the same, whichever side has the capitals. ς and σ are two forms of one
/// letter, ß in capitals is SS, and the sign for kelvin is a K.
#[test]
fn letters_whose_cases_are_not_pairs_are_the_same_on_both_sides() {
    for (one, other) in
        [("ΣΟΦΟΣ", "σοφος"), ("straße", "STRASSE"), ("\u{212A}ITS", "kits"), ("Éclair", "éCLAIR")]
    {
        for (named, had) in [(one, other), (other, one)] {
            check(&[part("12:00", "13:00", &EVERY_DAY, named, 3.0)], &[&[had]], &[3.0]);
        }
    }
}

/// Friday 22:00 to 06:00 in Kolkata, which is five hours and a half ahead of UTC, is Friday 16:30 to Saturday 00:30 in UTC.
#[test]
fn dayparts_follow_the_streamers_clock_also_over_midnight() {
    let night = part("22:00", "06:00", &["friday"], "gaming", 8.0);
    for (now, weight) in [
        ("2026-11-20T16:29:59Z", 1.0),
        ("2026-11-20T16:30:00Z", 8.0),
        ("2026-11-20T18:30:00Z", 8.0),
        ("2026-11-21T00:29:59Z", 8.0),
        ("2026-11-21T00:30:00Z", 1.0),
        // Friday 05:00 belongs to the night that began on Thursday.
        ("2026-11-19T23:30:00Z", 1.0),
        ("2026-11-21T16:30:00Z", 1.0),
    ] {
        assert_close(&weigh_at(now, "Asia/Kolkata", std::slice::from_ref(&night), &[&["gaming"]]), &[weight]);
    }
}

/// New York sets its clocks back at 06:00 UTC on 1 November 2026, so 01:30 comes twice. New York sets its clocks
/// forward at 07:00 UTC on 8 March 2026, so 02:30 does not come.
#[test]
fn a_clock_that_is_changed_shows_what_it_shows() {
    let after_one = part("01:00", "02:00", &["sunday"], "gaming", 8.0);
    let after_two = part("02:00", "03:00", &["sunday"], "gaming", 8.0);
    for (now, part, weight) in [
        ("2026-11-01T05:30:00Z", &after_one, 8.0),
        ("2026-11-01T06:30:00Z", &after_one, 8.0),
        ("2026-11-01T07:00:00Z", &after_one, 1.0),
        ("2026-03-08T06:59:59Z", &after_one, 8.0),
        ("2026-03-08T07:00:00Z", &after_two, 1.0),
    ] {
        assert_close(
            &weigh_at(now, "America/New_York", std::slice::from_ref(part), &[&["gaming"]]),
            &[weight],
        );
    }
}

#[test]
fn a_weight_of_0_keeps_a_category_off_unless_all_have_it() {
    let never = part("00:00", "24:00", &EVERY_DAY, "food", 0.0);
    check(std::slice::from_ref(&never), &[&["food"], &["gaming"]], &[0.0, 1.0]);
    check(std::slice::from_ref(&never), &[&["food"], &["Food"]], &[1.0, 1.0]);
}

/// The store holds 51 parts, which is too many. The default counts, as with a number out of range.
#[test]
fn more_dayparts_than_are_allowed_are_none() {
    let parts = vec![part("00:00", "24:00", &EVERY_DAY, "food", 3.0); 51];
    check(&parts[..50], &[&["food"]], &[3.0]);
    check(&parts, &[&["food"]], &[1.0]);
}
