//! Parameters of strategies that are given by hand: `capped-fair.share=0.3`.

use gametriggers_domain::selection;
use gametriggers_types::ParameterValue;

use super::scenario::{InvalidScenario, Scenario};

impl Scenario {
    /// Gives a parameter a value: `capped-fair.share=0.3`. The value is written as in JSON.
    ///
    /// # Errors
    /// [`InvalidScenario`] if the text has another form, or the parameter does not exist. The range of the value is
    /// checked later, by [`Plan::new`](super::Plan::new).
    pub fn set_parameter(&mut self, text: &str) -> Result<(), InvalidScenario> {
        let form =
            || InvalidScenario::value(text, "write strategy.parameter=value, such as capped-fair.share=0.3");
        let (path, value) = text.split_once('=').ok_or_else(form)?;
        let (strategy, name) = path.split_once('.').ok_or_else(form)?;
        let parameter = selection::find_parameter(strategy, name)
            .map_err(|error| InvalidScenario::value(path, error.reason))?;
        let value: ParameterValue =
            serde_json::from_str(value).map_err(|_| InvalidScenario::value(path, parameter.range()))?;
        self.streamer.parameters.entry(strategy.to_owned()).or_default().insert(name.to_owned(), value);
        Ok(())
    }
}
