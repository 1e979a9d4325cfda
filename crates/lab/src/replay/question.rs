//! The question to a replay: which decisions, and which other strategy.

use gametriggers_domain::{
    model::User,
    selection::{InvalidParameter, SelectionStrategy, UnknownStrategy, find, set_parameters},
};
use gametriggers_types::{SelectionSettings, StrategyParameters, Timestamp, UserId};

use crate::given;

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
}

/// Why a strategy or one of its parameters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    /// No strategy has this name.
    #[error("--strategy {0}")]
    Strategy(UnknownStrategy),
    /// A parameter is not of the form `strategy.name=value`, does not exist, or cannot have this value.
    #[error("--parameter {0}")]
    Parameter(InvalidParameter),
}

impl Target {
    /// The strategy of this name, with parameters of the form `strategy.name=value`. The value is a number, or a list of
    /// dayparts as in `docs/api.md`.
    ///
    /// # Errors
    /// [`InvalidTarget`] if there is no such strategy or parameter, or if a value is not allowed.
    pub fn parse(strategy: &str, parameters: &[String]) -> Result<Self, InvalidTarget> {
        let strategy = find(strategy).map_err(InvalidTarget::Strategy)?;
        let mut target = Self { strategy, parameters: StrategyParameters::default() };
        for parameter in parameters {
            given::add(&mut target.parameters, parameter).map_err(InvalidTarget::Parameter)?;
        }
        set_parameters(&mut SelectionSettings::default(), &target.parameters)
            .map_err(InvalidTarget::Parameter)?;
        Ok(target)
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &'static dyn SelectionStrategy {
        self.strategy
    }

    /// The streamer with the parameters of this replay.
    pub(super) fn applied_to(&self, user: &User) -> User {
        let mut user = user.clone();
        // `parse` has checked the parameters over the default weights. Over a streamer's own weights, all weights may be 0.
        // Then the streamer's settings stay.
        let _ = set_parameters(&mut user.selection, &self.parameters);
        user
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_fixtures::user;
    use gametriggers_types::ParameterValue;

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
