//! Values of parameters: which values are refused, what the messages say, and that the default replaces a stored value
//! that is not allowed.

use gametriggers_domain::selection::{
    self, DAYPART_CATEGORY_MAX, DAYPARTS_MAX, Parameter, check_parameters, effective_parameters,
    set_parameters,
};
use gametriggers_fixtures::{blackout, weights};
use gametriggers_types::{Daypart, DaypartWeight, ParameterValue, SelectionSettings, StrategyParameters};

fn dayparts(count: usize, category: &str) -> ParameterValue {
    let part = Daypart {
        period: blackout("12:00", "13:00", &["friday"]),
        category: category.to_owned(),
        weight: DaypartWeight::try_from(2.0).unwrap(),
    };
    ParameterValue::Dayparts(vec![part; count])
}

fn one(strategy: &str, name: &str, value: ParameterValue) -> StrategyParameters {
    let mut values = StrategyParameters::default();
    values.set(strategy, name, value);
    values
}

#[test]
fn a_refusal_names_the_parameter_and_what_is_allowed() {
    let number = ParameterValue::Number;
    let longest = "é".repeat(DAYPART_CATEGORY_MAX / 2);
    let parts = "daypart.dayparts: a list of at most 50 dayparts, each with a category of 1 to 100 bytes";
    let share = "capped-fair.share: a number from 0.05 to 1";
    for (strategy, name, value, refusal) in [
        ("capped-fair", "share", number(0.05), None),
        ("capped-fair", "share", number(0.04), Some(share)),
        ("capped-fair", "share", number(f64::NAN), Some(share)),
        ("capped-fair", "share", dayparts(1, "food"), Some(share)),
        ("daypart", "dayparts", dayparts(0, "food"), None),
        ("daypart", "dayparts", dayparts(DAYPARTS_MAX, &longest), None),
        ("daypart", "dayparts", dayparts(DAYPARTS_MAX + 1, "food"), Some(parts)),
        ("daypart", "dayparts", dayparts(1, ""), Some(parts)),
        ("daypart", "dayparts", dayparts(1, &(longest.clone() + "e")), Some(parts)),
        ("daypart", "dayparts", number(1.0), Some(parts)),
        (
            "weighted",
            "fairness",
            number(0.5),
            Some(
                "weighted.fairness: a number from 0 to 1, set as one of campaignRotationSettings.priorityWeights",
            ),
        ),
        (
            "capped-fair",
            "shares",
            number(0.5),
            Some("capped-fair.shares: capped-fair has no such parameter, only share"),
        ),
        ("fair-rotation", "share", number(0.5), Some("fair-rotation.share: fair-rotation has no parameters")),
    ] {
        let refused = check_parameters(&one(strategy, name, value)).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), refusal, "{strategy}.{name}");
    }
}

#[test]
fn an_unknown_strategy_is_refused_with_the_names_that_there_are() {
    let error =
        check_parameters(&one("fairest", "share", ParameterValue::Number(0.5))).unwrap_err().to_string();
    assert!(
        error.starts_with("fairest: `fairest` is not one of ") && error.contains("fair-rotation"),
        "{error}"
    );
}

#[test]
fn a_parameter_has_its_default_if_no_allowed_value_is_stored() {
    let with = |parameters| SelectionSettings { parameters, ..SelectionSettings::default() };
    let defaults = effective_parameters(&SelectionSettings::default());
    for strategy in selection::all() {
        for parameter in strategy.parameters() {
            let stored = defaults.of(strategy.name()).and_then(|values| values.get(parameter.name()));
            let expected = match parameter {
                Parameter::Number(number) => Some(ParameterValue::Number(number.default)),
                Parameter::Dayparts(_) => Some(dayparts(0, "")),
                Parameter::PriorityWeight(_) => None,
            };
            assert_eq!(stored, expected.as_ref(), "{}.{}", strategy.name(), parameter.name());
        }
    }
    for (strategy, name, value) in [
        ("capped-fair", "share", ParameterValue::Number(7.0)),
        ("capped-fair", "share", dayparts(1, "food")),
        ("capped-fair", "no-such-parameter", ParameterValue::Number(0.5)),
        ("no-such-strategy", "share", ParameterValue::Number(0.5)),
        ("daypart", "dayparts", dayparts(DAYPARTS_MAX + 1, "food")),
        ("daypart", "dayparts", ParameterValue::Number(1.0)),
    ] {
        assert_eq!(effective_parameters(&with(one(strategy, name, value))), defaults, "{strategy}.{name}");
    }
    let stored = one("capped-fair", "share", ParameterValue::Number(0.4));
    let effective = effective_parameters(&with(stored.clone()));
    assert!(!effective.would_change_by(&stored) && effective != defaults);
}

/// Values go where they belong: weights of `weighted` to the priority weights, all others among the strategies' parameters. If one
/// value cannot be used, none is set.
#[test]
fn values_are_set_in_their_places_or_not_at_all() {
    let number = ParameterValue::Number;
    let values = |all: &[(&str, &str, f64)]| {
        let mut values = StrategyParameters::default();
        for (strategy, name, value) in all {
            values.set(strategy, name, number(*value));
        }
        values
    };
    let mut settings = SelectionSettings::default();
    set_parameters(&mut settings, &values(&[("capped-fair", "share", 0.25), ("weighted", "fairness", 1.0)]))
        .unwrap();
    assert_eq!(settings.weights, weights(0.4, 0.3, 1.0));
    assert_eq!(settings.parameters, values(&[("capped-fair", "share", 0.25)]));

    let before = settings.clone();
    for refused in [
        values(&[("capped-fair", "share", 0.75), ("weighted", "fairness", 2.0)]),
        values(&[("capped-fair", "share", 2.0), ("weighted", "fairness", 0.5)]),
        values(&[
            ("weighted", "fairness", 0.0),
            ("weighted", "paymentRate", 0.0),
            ("weighted", "performance", 0.0),
        ]),
        values(&[("weighted", "patience", 1.0)]),
    ] {
        assert!(set_parameters(&mut settings, &refused).is_err(), "{refused:?}");
        assert_eq!(settings, before, "{refused:?}");
    }
}
