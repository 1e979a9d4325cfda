//! Laws of the selection settings, by which the strategy chooses campaigns.

use std::collections::BTreeSet;

use gametriggers_domain::model::User;
use gametriggers_fixtures::{blackout, interval, minute, user, user_id, user_with_token, weight, weights};
use gametriggers_persistence::{SelectionPatch, SelectionUpdate};
use gametriggers_types::{
    Daypart, ParameterValue, PriorityWeights, SelectionSettings, Spacing, StrategyName, StrategyParameters,
    TimeZoneName,
};

use crate::{
    Fixture,
    support::{AWKWARD_TEXT, at_once, awkward_fractions, count, store_user, stored_user},
};

crate::laws! { $ selection:
    a_patch_changes_what_it_names_and_nothing_else,
    a_patch_of_everything_changes_everything,
    blackout_periods_are_replaced_whole,
    every_write_adds_one_to_the_version,
    of_32_writers_of_different_settings_none_is_lost,
    weights_lose_no_bit,
    weights_that_would_all_be_0_are_refused_and_nothing_changes,
    weights_are_judged_together_with_those_stored,
    writers_at_once_never_leave_all_weights_0,
    s9_a_time_zone_is_kept_by_its_name,
    o18_a_strategy_that_nobody_knows_hinders_nothing,
    a_user_who_is_not_there_is_not_found_and_not_made,
}

/// A streamer with these stored weights.
fn weighing(number: u32, weights: PriorityWeights) -> User {
    let mut user = user_with_token(number);
    user.selection.weights = weights;
    user
}

/// Settings in which no field has its default value.
fn old() -> SelectionSettings {
    SelectionSettings {
        strategy: StrategyName::new("performance"),
        interval: interval(11),
        weights: weights(0.4, 0.3, 0.3),
        parameters: parameters(&[("capped-fair", "share", number(0.5)), ("pacing", "urgency", number(2.0))]),
        spacing: spacing(1, 2),
        blackouts: vec![blackout("01:00", "02:00", &["tuesday"])],
        time_zone: TimeZoneName::parse("Asia/Kolkata").unwrap(),
        version: 7,
    }
}

/// Settings in which every field differs from [`old`], with the version after one write.
fn new() -> SelectionSettings {
    SelectionSettings {
        strategy: StrategyName::new("time-rotation"),
        interval: interval(60),
        weights: weights(0.125, 0.1 + 0.2, 1.0),
        parameters: parameters(&[
            ("capped-fair", "share", number(0.1 + 0.2)),
            ("daypart", "dayparts", dayparts()),
            ("pacing", "urgency", number(2.0)),
        ]),
        spacing: spacing(20, 10),
        blackouts: vec![blackout("22:00", "06:00", &["friday"]), blackout("12:00", "24:00", &["sunday"])],
        time_zone: TimeZoneName::parse("America/Argentina/Buenos_Aires").unwrap(),
        version: 8,
    }
}

/// Values of strategies' parameters: strategy, parameter, value.
fn parameters(values: &[(&str, &str, ParameterValue)]) -> StrategyParameters {
    let mut parameters = StrategyParameters::default();
    for (strategy, name, value) in values {
        parameters.set(strategy, name, value.clone());
    }
    parameters
}

const fn number(value: f64) -> ParameterValue {
    ParameterValue::Number(value)
}

fn dayparts() -> ParameterValue {
    let part = |category: &str, weight: f64| Daypart {
        period: blackout("22:00", "06:00", &["friday", "sunday"]),
        category: category.to_owned(),
        weight: weight.try_into().unwrap(),
    };
    ParameterValue::Dayparts(vec![part(AWKWARD_TEXT, 1.0 / 3.0), part("gaming", 100.0)])
}

fn spacing(in_a_row: u8, between: u8) -> Spacing {
    let (in_a_row, between) = (f64::from(in_a_row), f64::from(between));
    Spacing { in_a_row: in_a_row.try_into().unwrap(), between: between.try_into().unwrap() }
}

/// A streamer with the [`old`] settings.
fn streamer(number: u32) -> User {
    User { selection: old(), ..user_with_token(number) }
}

/// One patch per setting that sets it to its value in [`new`], each with the settings that follow if [`old`] were stored.
fn single_patches() -> [(SelectionPatch, SelectionSettings); 11] {
    let none = SelectionPatch::default;
    let old = || SelectionSettings { version: 8, ..old() };
    let new = new();
    [
        (
            SelectionPatch { strategy: Some(new.strategy.clone()), ..none() },
            SelectionSettings { strategy: new.strategy, ..old() },
        ),
        (
            SelectionPatch { interval: Some(new.interval), ..none() },
            SelectionSettings { interval: new.interval, ..old() },
        ),
        (
            SelectionPatch { payment_rate: Some(new.weights.payment_rate()), ..none() },
            SelectionSettings { weights: weights(0.125, 0.3, 0.3), ..old() },
        ),
        (
            SelectionPatch { performance: Some(new.weights.performance()), ..none() },
            SelectionSettings { weights: weights(0.4, 0.1 + 0.2, 0.3), ..old() },
        ),
        (
            SelectionPatch { fairness: Some(new.weights.fairness()), ..none() },
            SelectionSettings { weights: weights(0.4, 0.3, 1.0), ..old() },
        ),
        (
            SelectionPatch {
                parameters: parameters(&[("capped-fair", "share", number(0.1 + 0.2))]),
                ..none()
            },
            SelectionSettings {
                parameters: parameters(&[
                    ("capped-fair", "share", number(0.1 + 0.2)),
                    ("pacing", "urgency", number(2.0)),
                ]),
                ..old()
            },
        ),
        (
            SelectionPatch { parameters: parameters(&[("daypart", "dayparts", dayparts())]), ..none() },
            SelectionSettings {
                parameters: parameters(&[
                    ("capped-fair", "share", number(0.5)),
                    ("daypart", "dayparts", dayparts()),
                    ("pacing", "urgency", number(2.0)),
                ]),
                ..old()
            },
        ),
        (
            SelectionPatch { in_a_row: Some(new.spacing.in_a_row), ..none() },
            SelectionSettings { spacing: spacing(20, 2), ..old() },
        ),
        (
            SelectionPatch { between: Some(new.spacing.between), ..none() },
            SelectionSettings { spacing: spacing(1, 10), ..old() },
        ),
        (
            SelectionPatch { blackouts: Some(new.blackouts.clone()), ..none() },
            SelectionSettings { blackouts: new.blackouts, ..old() },
        ),
        (
            SelectionPatch { time_zone: Some(new.time_zone.clone()), ..none() },
            SelectionSettings { time_zone: new.time_zone, ..old() },
        ),
    ]
}

/// A patch that sets every setting to its value in [`new`].
fn whole_patch() -> SelectionPatch {
    let new = new();
    SelectionPatch {
        strategy: Some(new.strategy),
        interval: Some(new.interval),
        payment_rate: Some(new.weights.payment_rate()),
        performance: Some(new.weights.performance()),
        fairness: Some(new.weights.fairness()),
        parameters: new.parameters,
        in_a_row: Some(new.spacing.in_a_row),
        between: Some(new.spacing.between),
        blackouts: Some(new.blackouts),
        time_zone: Some(new.time_zone),
    }
}

/// Applies the patch at [`minute`] 1 through the first client.
async fn update(fixture: &impl Fixture, number: u32, patch: &SelectionPatch) -> SelectionUpdate {
    fixture.repositories().users.update_selection(user_id(number), patch, minute(1)).await.unwrap()
}

/// A patch changes only the setting that it names, the version and the time of the last change, and returns what is stored.
async fn a_patch_changes_what_it_names_and_nothing_else(fixture: &impl Fixture) {
    for (number, (patch, selection)) in (1..).zip(single_patches()) {
        store_user(fixture, streamer(number)).await;
        let answer = update(fixture, number, &patch).await;
        let expected = User { selection, updated_at: minute(1), ..user_with_token(number) };
        assert_eq!(answer, SelectionUpdate::Updated(Box::new(expected.clone())), "{patch:?}");
        assert_eq!(stored_user(fixture, user_id(number)).await, expected);
    }
}

/// A patch that names every setting changes them all in one write, and only those of this user.
async fn a_patch_of_everything_changes_everything(fixture: &impl Fixture) {
    store_user(fixture, streamer(1)).await;
    store_user(fixture, streamer(2)).await;
    let answer = update(fixture, 1, &whole_patch()).await;
    let expected = User { selection: new(), updated_at: minute(1), ..user_with_token(1) };
    assert_eq!(answer, SelectionUpdate::Updated(Box::new(expected.clone())));
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
    assert_eq!(stored_user(fixture, user_id(2)).await, streamer(2));
}

/// A patch replaces the list of blackout periods as a whole, also with an empty list, and keeps their order.
async fn blackout_periods_are_replaced_whole(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let noon = blackout("12:00", "13:00", &["monday", "sunday"]);
    let night = blackout("22:00", "06:00", &["friday"]);
    let day = blackout("00:00", "24:00", &["sunday"]);
    for periods in [vec![night.clone(), noon.clone(), night.clone()], vec![day, noon], vec![], vec![night]] {
        let patch = SelectionPatch { blackouts: Some(periods.clone()), ..SelectionPatch::default() };
        update(fixture, 1, &patch).await;
        assert_eq!(stored_user(fixture, user_id(1)).await.selection.blackouts, periods);
    }
}

/// Every write adds one to the version, even if it writes the stored values again, so that earlier decisions end.
async fn every_write_adds_one_to_the_version(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    for (version, minutes) in (1..).zip([5, 3, 3, 5]) {
        let patch = SelectionPatch { interval: Some(interval(minutes)), ..SelectionPatch::default() };
        update(fixture, 1, &patch).await;
        let selection = stored_user(fixture, user_id(1)).await.selection;
        assert_eq!((selection.version, selection.interval), (version, interval(minutes)));
    }
}

/// If 32 writes of different settings are made at once, none undoes another, and each gets its own version.
async fn of_32_writers_of_different_settings_none_is_lost(fixture: &impl Fixture) {
    store_user(fixture, streamer(1)).await;
    let answers = at_once(fixture, 32, |task, client| async move {
        let patches = single_patches();
        let (patch, _) = &patches[task % patches.len()];
        client.users.update_selection(user_id(1), patch, minute(1)).await.unwrap()
    })
    .await;
    let versions: BTreeSet<_> = answers
        .into_iter()
        .map(|answer| match answer {
            SelectionUpdate::Updated(user) => user.selection.version,
            refused => panic!("{refused:?}"),
        })
        .collect();
    assert_eq!(versions, (8..=39).collect());
    let selection = SelectionSettings { version: 39, ..new() };
    let expected = User { selection, updated_at: minute(1), ..user_with_token(1) };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
}

/// A weight is read to the last bit.
async fn weights_lose_no_bit(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    for fraction in awkward_fractions(30) {
        let patch = SelectionPatch { performance: Some(weight(fraction)), ..SelectionPatch::default() };
        update(fixture, 1, &patch).await;
        let stored = stored_user(fixture, user_id(1)).await.selection.weights.performance();
        assert_eq!(stored.value().to_bits(), fraction.to_bits());
    }
}

/// A patch that would set every weight to 0 is refused, and none of its other settings is changed.
async fn weights_that_would_all_be_0_are_refused_and_nothing_changes(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let nothing = Some(weight(0.0));
    let patch =
        SelectionPatch { payment_rate: nothing, performance: nothing, fairness: nothing, ..whole_patch() };
    assert_eq!(update(fixture, 1, &patch).await, SelectionUpdate::AllWeightsZero);
    assert_eq!(stored_user(fixture, user_id(1)).await, user_with_token(1));
}

/// The check that not all weights are 0 uses the stored weights where the patch names none.
async fn weights_are_judged_together_with_those_stored(fixture: &impl Fixture) {
    let nothing = Some(weight(0.0));
    let before = weighing(1, weights(0.5, 0.0, 0.0));
    store_user(fixture, before.clone()).await;
    let last_one =
        SelectionPatch { payment_rate: nothing, interval: Some(interval(1)), ..Default::default() };
    assert_eq!(update(fixture, 1, &last_one).await, SelectionUpdate::AllWeightsZero);
    assert_eq!(stored_user(fixture, user_id(1)).await, before);

    let exchange = SelectionPatch { fairness: Some(weight(5e-324)), ..last_one };
    assert!(matches!(update(fixture, 1, &exchange).await, SelectionUpdate::Updated(_)));
    let stored = stored_user(fixture, user_id(1)).await.selection;
    assert_eq!((stored.weights, stored.interval), (weights(0.0, 0.0, 5e-324), interval(1)));

    let unrelated = SelectionPatch { interval: Some(interval(2)), ..Default::default() };
    assert!(matches!(update(fixture, 1, &unrelated).await, SelectionUpdate::Updated(_)));
}

/// If two writers each set one of the last two weights to 0 at once, one of them is refused.
async fn writers_at_once_never_leave_all_weights_0(fixture: &impl Fixture) {
    for number in 1..=8 {
        store_user(fixture, weighing(number, weights(0.0, 0.5, 0.5))).await;
        let answers = at_once(fixture, 2, |task, client| async move {
            let nothing = Some(weight(0.0));
            let patch = if task == 0 {
                SelectionPatch { performance: nothing, ..Default::default() }
            } else {
                SelectionPatch { fairness: nothing, ..Default::default() }
            };
            client.users.update_selection(user_id(number), &patch, minute(1)).await.unwrap()
        })
        .await;
        assert_eq!(count(&answers, |answer| *answer == SelectionUpdate::AllWeightsZero), 1);
        let left = stored_user(fixture, user_id(number)).await.selection;
        assert!(left.weights.performance() != left.weights.fairness());
        assert_eq!(left.version, 1);
    }
}

/// A time zone is stored by its name and not by its present offset.
async fn s9_a_time_zone_is_kept_by_its_name(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    for name in ["Asia/Kolkata", "Europe/Berlin", "Africa/Tunis", "America/St_Johns", "Etc/GMT+5", "UTC"] {
        let zone = TimeZoneName::parse(name).unwrap();
        update(fixture, 1, &SelectionPatch { time_zone: Some(zone.clone()), ..Default::default() }).await;
        let stored = stored_user(fixture, user_id(1)).await.selection.time_zone;
        assert_eq!((stored.as_str(), &stored), (name, &zone));
    }
}

/// An unknown strategy, which old data may hold, is kept, and the user is read and changed like any other.
async fn o18_a_strategy_that_nobody_knows_hinders_nothing(fixture: &impl Fixture) {
    let mut before = user_with_token(1);
    before.selection.strategy = StrategyName::new(AWKWARD_TEXT);
    store_user(fixture, before.clone()).await;
    let patch = SelectionPatch { interval: Some(interval(7)), ..Default::default() };
    assert!(matches!(update(fixture, 1, &patch).await, SelectionUpdate::Updated(_)));
    fixture.repositories().users.touch_overlays(&[(user_id(1), minute(2))]).await.unwrap();
    let selection = SelectionSettings { interval: interval(7), version: 1, ..before.selection.clone() };
    let expected = User { selection, updated_at: minute(1), overlay_last_seen: Some(minute(2)), ..before };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
}

/// A patch for a user who does not exist finds nobody and creates nobody.
async fn a_user_who_is_not_there_is_not_found_and_not_made(fixture: &impl Fixture) {
    store_user(fixture, user(2)).await;
    assert_eq!(update(fixture, 1, &whole_patch()).await, SelectionUpdate::NotFound);
    assert_eq!(fixture.reopen().await.users.find_by_id(user_id(1)).await.unwrap(), None);
    assert_eq!(stored_user(fixture, user_id(2)).await, user(2));
}
