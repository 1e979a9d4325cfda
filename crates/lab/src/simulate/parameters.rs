//! Parameters of strategies that are given by hand: `capped-fair.share=0.3`.

use gametriggers_domain::selection::{self, Parameter};
use gametriggers_types::{ParameterValue, StrategyParameters, Weight};

use super::scenario::{InvalidScenario, Scenario};

impl Scenario {
    /// Gives a parameter a value: `capped-fair.share=0.3`. The value is written as in JSON.
    ///
    /// # Errors
    /// [`InvalidScenario::Parameter`] if the text has another form, if the parameter does not exist, or if it cannot have
    /// this value. Whether one of the weights of `weighted` is above 0 is checked when the [`Plan`](super::Plan) is made.
    pub fn set_parameter(&mut self, text: &str) -> Result<(), InvalidScenario> {
        let refused =
            |path: &str, reason: String| InvalidScenario::Parameter { path: path.to_owned(), reason };
        let form =
            || refused(text, "write strategy.parameter=value, such as capped-fair.share=0.3".to_owned());
        let (path, value) = text.split_once('=').ok_or_else(form)?;
        let (strategy, name) = path.split_once('.').ok_or_else(form)?;
        let parameter =
            selection::find_parameter(strategy, name).map_err(|error| refused(path, error.reason))?;
        let value: ParameterValue =
            serde_json::from_str(value).map_err(|_| refused(path, parameter.range()))?;
        check(strategy, parameter, &value).map_err(|reason| refused(path, reason))?;
        self.streamer.parameters.entry(strategy.to_owned()).or_default().insert(name.to_owned(), value);
        Ok(())
    }
}

/// Checks the value of a parameter. An error says what is allowed.
fn check(strategy: &str, parameter: &Parameter, value: &ParameterValue) -> Result<(), String> {
    if let (Parameter::PriorityWeight(_), ParameterValue::Number(number)) = (parameter, value) {
        return Weight::try_from(*number).map(|_| ()).map_err(|error| error.to_string());
    }
    let mut one = StrategyParameters::default();
    one.set(strategy, parameter.name(), value.clone());
    selection::check_parameters(&one).map_err(|error| error.reason)
}
