//! The registry of strategies. Settings, messages, the `OpenAPI` document, `docs/api.md` and the tests find the
//! strategies here.

use gametriggers_types::{
    InvalidSelectionSetting, ParameterValue, PriorityWeights, SelectionSettings, StrategyName,
    StrategyParameters, Weight,
};

use super::{
    InvalidParameter, Parameter, Parameters, SelectionStrategy,
    strategies::{ALL, DEFAULT},
};

/// No strategy has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not one of {}", names().join(", "))]
pub struct UnknownStrategy {
    /// The beginning of the unknown name.
    pub name: String,
}

/// Every strategy that a streamer can choose, in the order of their names.
#[must_use]
pub fn all() -> &'static [&'static dyn SelectionStrategy] {
    ALL
}

/// The names of all strategies, in order.
fn names() -> Vec<&'static str> {
    ALL.iter().map(|strategy| strategy.name()).collect()
}

/// The strategy with this name.
///
/// # Errors
/// [`UnknownStrategy`]; its message lists the names.
pub fn find(name: &str) -> Result<&'static dyn SelectionStrategy, UnknownStrategy> {
    let found = ALL.iter().copied().find(|strategy| strategy.name() == name);
    found.ok_or_else(|| UnknownStrategy { name: name.chars().take(64).collect() })
}

/// The strategy that the streamer has chosen, or the default if there is no such strategy.
#[must_use]
pub fn find_or_default(name: &StrategyName) -> &'static dyn SelectionStrategy {
    find(name.as_str()).unwrap_or_else(|_| default_strategy())
}

/// The strategy for streamers who chose none, or one that does not exist.
#[must_use]
pub fn default_strategy() -> &'static dyn SelectionStrategy {
    DEFAULT
}

/// The parameter of a strategy.
///
/// # Errors
/// [`InvalidParameter`] if the strategy or the parameter does not exist; its message lists what exists.
pub fn find_parameter(strategy: &str, name: &str) -> Result<&'static Parameter, InvalidParameter> {
    let invalid =
        |path: &str, reason: String| InvalidParameter { path: path.chars().take(128).collect(), reason };
    let found = find(strategy).map_err(|error| invalid(strategy, error.to_string()))?;
    let parameter = found.parameters().iter().find(|parameter| parameter.name() == name);
    parameter.ok_or_else(|| invalid(&format!("{strategy}.{name}"), no_such_parameter(found)))
}

/// Checks values before they are stored or used.
///
/// # Errors
/// [`InvalidParameter`] for the first value that cannot be used: its strategy or parameter does not exist, or the value
/// is of another kind or out of range. The parameters of `weighted` are refused, too, because they are stored as
/// `priorityWeights`.
pub fn check_parameters(values: &StrategyParameters) -> Result<(), InvalidParameter> {
    for (strategy, name, value) in values.iter() {
        let parameter = find_parameter(strategy, name)?;
        if !parameter.allows(value) {
            return Err(InvalidParameter {
                path: format!("{strategy}.{name}"),
                reason: parameter.requirement(),
            });
        }
    }
    Ok(())
}

/// Sets values in the settings, each in its place: the parameters of `weighted` as priority weights, and all others among the
/// strategies' parameters. Sets nothing if one of the values cannot be used.
///
/// # Errors
/// [`InvalidParameter`] if a strategy or parameter does not exist, if a value is of another kind or out of range, or if all
/// priority weights would be 0.
pub fn set_parameters(
    settings: &mut SelectionSettings,
    values: &StrategyParameters,
) -> Result<(), InvalidParameter> {
    let (mut own, mut weights) = (StrategyParameters::default(), Vec::new());
    for (strategy, name, value) in values.iter() {
        match (find_parameter(strategy, name)?, value) {
            (Parameter::PriorityWeight(weight), ParameterValue::Number(number)) => {
                let invalid = |error: InvalidSelectionSetting| InvalidParameter {
                    path: format!("{strategy}.{name}"),
                    reason: error.to_string(),
                };
                weights.push((weight.name, Weight::try_from(*number).map_err(invalid)?));
            }
            _ => own.set(strategy, name, value.clone()),
        }
    }
    check_parameters(&own)?;
    let weight = |name: &str, stored: Weight| {
        weights.iter().find(|(of, _)| *of == name).map_or(stored, |(_, weight)| *weight)
    };
    let stored = settings.weights;
    let changed = PriorityWeights::new(
        weight("paymentRate", stored.payment_rate()),
        weight("performance", stored.performance()),
        weight("fairness", stored.fairness()),
    );
    settings.weights = changed
        .map_err(|error| InvalidParameter { path: "weighted".to_owned(), reason: error.to_string() })?;
    settings.parameters.merge(&own);
    Ok(())
}

fn no_such_parameter(strategy: &dyn SelectionStrategy) -> String {
    let names: Vec<_> = strategy.parameters().iter().map(Parameter::name).collect();
    if names.is_empty() {
        return format!("{} has no parameters", strategy.name());
    }
    format!("{} has no such parameter, only {}", strategy.name(), names.join(", "))
}

/// The values of all parameters under these settings. A parameter has its default if no value is stored, or if the
/// stored value is not allowed any more. The parameters of `weighted` are left out, because they are stored as
/// `priorityWeights`.
#[must_use]
pub fn effective_parameters(settings: &SelectionSettings) -> StrategyParameters {
    let mut all = StrategyParameters::default();
    for strategy in ALL {
        let values = Parameters::of(settings, strategy.name());
        for parameter in strategy.parameters() {
            let value = match parameter {
                Parameter::Number(number) => ParameterValue::Number(values.number(number)),
                Parameter::Dayparts(parts) => ParameterValue::Dayparts(values.dayparts(parts).to_vec()),
                Parameter::PriorityWeight(_) => continue,
            };
            all.set(strategy.name(), parameter.name(), value);
        }
    }
    all
}
