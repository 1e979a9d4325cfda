//! Parameters of strategies that are given by hand: `capped-fair.share=0.3`.

use gametriggers_domain::selection::{InvalidParameter, find_parameter};
use gametriggers_types::{ParameterValue, StrategyParameters};

/// Adds a parameter of the form `strategy.name=value` to `values`. The value is written as in JSON.
///
/// # Errors
/// [`InvalidParameter`] if the text has another form, or if the parameter does not exist or has values of another kind. The
/// range of the value is not checked.
pub(crate) fn add(values: &mut StrategyParameters, text: &str) -> Result<(), InvalidParameter> {
    let form = || InvalidParameter {
        path: text.to_owned(),
        reason: "write strategy.name=value, such as capped-fair.share=0.3".to_owned(),
    };
    let (path, value) = text.split_once('=').ok_or_else(form)?;
    let (strategy, name) = path.split_once('.').ok_or_else(form)?;
    let parameter = find_parameter(strategy, name)?;
    let no_value = |_| InvalidParameter { path: path.to_owned(), reason: parameter.range() };
    let value: ParameterValue = serde_json::from_str(value).map_err(no_value)?;
    values.set(strategy, name, value);
    Ok(())
}
