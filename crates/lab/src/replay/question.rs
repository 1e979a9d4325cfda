//! The question to a replay: which decisions, and which other strategy.

use gametriggers_domain::{
    model::User,
    selection::{
        InvalidParameter, Parameter, SelectionStrategy, UnknownStrategy, check_parameters, find,
        find_parameter,
    },
};
use gametriggers_types::{
    InvalidSelectionSetting, ParameterValue, PriorityWeights, StrategyParameters, Timestamp, UserId, Weight,
};

/// Which decisions are replayed, and with which strategy.
#[derive(Clone)]
pub struct Question {
    /// The first moment of the period in which the decisions were made.
    pub from: Timestamp,
    /// The first moment after this period.
    pub to: Timestamp,
    /// The streamer whose decisions are replayed; `None` for all streamers.
    pub streamer: Option<UserId>,
    /// The strategy that decides instead.
    pub target: Target,
}

/// A strategy with the parameters that are set for a replay. Parameters that are not set here are those of each streamer's
/// settings.
#[derive(Clone)]
pub struct Target {
    strategy: &'static dyn SelectionStrategy,
    parameters: StrategyParameters,
    /// The weights of the strategy `weighted` that are set, by name.
    weights: Vec<(&'static str, Weight)>,
}

/// Why a strategy or one of its parameters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// No strategy has this name.
    #[error("--strategy {0}")]
    Strategy(UnknownStrategy),
    /// A parameter does not exist or cannot have this value.
    #[error("--parameter {0}")]
    Parameter(InvalidParameter),
    /// The argument is not of the form `strategy.name=value`.
    #[error("--parameter {0}: write strategy.name=value, such as capped-fair.share=0.5")]
    Form(String),
    /// A weight of the strategy `weighted` is not allowed.
    #[error("--parameter {0}: {1}")]
    Weight(String, InvalidSelectionSetting),
}

impl Target {
    /// The strategy of this name, with parameters of the form `strategy.name=value`. The value is a number, or a list of
    /// dayparts as in `docs/api.md`.
    ///
    /// # Errors
    /// [`InvalidTarget`] if there is no such strategy or parameter, or if a value is not allowed.
    pub fn parse(strategy: &str, parameters: &[String]) -> Result<Self, InvalidTarget> {
        let mut target = Self {
            strategy: find(strategy).map_err(InvalidTarget::Strategy)?,
            parameters: StrategyParameters::default(),
            weights: Vec::new(),
        };
        for argument in parameters {
            target.set(argument)?;
        }
        check_parameters(&target.parameters).map_err(InvalidTarget::Parameter)?;
        target.weights_over(PriorityWeights::default())?;
        Ok(target)
    }

    fn set(&mut self, argument: &str) -> Result<(), InvalidTarget> {
        let form = || InvalidTarget::Form(argument.to_owned());
        let (path, value) = argument.split_once('=').ok_or_else(form)?;
        let (strategy, name) = path.split_once('.').ok_or_else(form)?;
        let parameter = find_parameter(strategy, name).map_err(InvalidTarget::Parameter)?;
        let no_value = || {
            InvalidTarget::Parameter(InvalidParameter { path: path.to_owned(), reason: parameter.range() })
        };
        if let Parameter::PriorityWeight(weight) = parameter {
            let number: f64 = value.parse().map_err(|_| no_value())?;
            let number = number.try_into().map_err(|error| InvalidTarget::Weight(path.to_owned(), error))?;
            self.weights.push((weight.name, number));
            return Ok(());
        }
        let value: ParameterValue = serde_json::from_str(value).map_err(|_| no_value())?;
        self.parameters.set(strategy, name, value);
        Ok(())
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &'static dyn SelectionStrategy {
        self.strategy
    }

    /// The streamer with the parameters of this replay.
    pub(super) fn applied_to(&self, user: &User) -> User {
        let mut user = user.clone();
        user.selection.parameters.merge(&self.parameters);
        // `parse` checked the given weights together with the default weights. Together with a streamer's own weights,
        // all three may be 0. Then the streamer's weights stay.
        user.selection.weights = self.weights_over(user.selection.weights).unwrap_or(user.selection.weights);
        user
    }

    fn weights_over(&self, weights: PriorityWeights) -> Result<PriorityWeights, InvalidTarget> {
        let set = |name: &str, own: Weight| {
            let of_name = self.weights.iter().rfind(|(weight, _)| *weight == name);
            of_name.map_or(own, |(_, weight)| *weight)
        };
        let changed = PriorityWeights::new(
            set("paymentRate", weights.payment_rate()),
            set("performance", weights.performance()),
            set("fairness", weights.fairness()),
        );
        changed.map_err(|error| InvalidTarget::Weight("weighted".to_owned(), error))
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_fixtures::user;

    use super::*;

    fn parse(parameters: &[&str]) -> Result<Target, InvalidTarget> {
        let parameters: Vec<_> = parameters.iter().map(|&argument| argument.to_owned()).collect();
        Target::parse("weighted", &parameters)
    }

    #[test]
    fn parameters_of_the_command_line_replace_those_of_the_streamer_and_leave_the_others() {
        let target =
            parse(&["capped-fair.share=0.25", "weighted.fairness=0.9", "daypart.dayparts=[]"]).unwrap();
        let mut streamer = user(1);
        streamer.selection.parameters.set("capped-fair", "share", ParameterValue::Number(0.75));
        streamer.selection.parameters.set("pacing", "other", ParameterValue::Number(7.0));
        let changed = target.applied_to(&streamer);
        let of = |strategy, name: &str| changed.selection.parameters.of(strategy).unwrap()[name].clone();
        assert_eq!(of("capped-fair", "share"), ParameterValue::Number(0.25));
        assert_eq!(of("pacing", "other"), ParameterValue::Number(7.0));
        let (before, after) = (streamer.selection.weights, changed.selection.weights);
        assert!((after.fairness().value() - 0.9).abs() < 1e-12);
        assert_eq!(
            (after.performance(), after.payment_rate()),
            (before.performance(), before.payment_rate())
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_can() {
        let message = |parameters: &[&str]| parse(parameters).err().unwrap().to_string();
        assert!(message(&["capped-fair.share"]).contains("strategy.name=value"));
        assert!(message(&["capped-fair=1"]).contains("strategy.name=value"));
        assert!(message(&["capped-fair.share=much"]).contains("capped-fair.share: a number from"));
        assert!(message(&["weighted.fairness=much"]).contains("weighted.fairness: a number from"));
        assert!(message(&["capped-fair.shares=1"]).contains("share"));
        assert!(message(&["capped-fair.share=7"]).contains("a number from"));
        assert!(message(&["weighted.fairness=2"]).contains("weighted.fairness"));
        let none = ["weighted.fairness=0", "weighted.performance=0", "weighted.paymentRate=0"];
        assert!(message(&none).contains("weighted"));
        assert!(Target::parse("nonsense", &[]).err().unwrap().to_string().contains("fair-rotation"));
    }
}
