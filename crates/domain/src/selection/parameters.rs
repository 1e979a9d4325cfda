//! The parameters that a strategy declares, and the values that a streamer has given them.

use std::collections::BTreeMap;

use gametriggers_types::{Daypart, ParameterValue, PriorityWeights, SelectionSettings, Weight};

/// A parameter that a strategy declares: its name, a sentence for streamers, and what values it may have.
#[derive(Debug, Clone, Copy)]
pub enum Parameter {
    /// A number.
    Number(NumberParameter),
    /// Parts of the week with weights.
    Dayparts(DaypartsParameter),
    /// One of the three numbers of `campaignRotationSettings.priorityWeights`.
    PriorityWeight(PriorityWeightParameter),
}

/// A number from [`min`](Self::min) to [`max`](Self::max).
#[derive(Debug, Clone, Copy)]
pub struct NumberParameter {
    /// The name, in `camelCase`. It must never change, because it is stored in streamers' settings.
    pub name: &'static str,
    /// What the parameter does: one sentence for streamers.
    pub description: &'static str,
    /// The value if the streamer has set none.
    pub default: f64,
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
    /// Whether only whole numbers are allowed.
    pub is_whole: bool,
}

/// A list of parts of the week, each with a category and a weight. The default is no parts.
#[derive(Debug, Clone, Copy)]
pub struct DaypartsParameter {
    /// The name, in `camelCase`. It must never change, because it is stored in streamers' settings.
    pub name: &'static str,
    /// What the parameter does: one sentence for streamers.
    pub description: &'static str,
}

/// The greatest number of parts in one [`DaypartsParameter`].
pub const DAYPARTS_MAX: usize = 50;
/// The greatest length of a daypart's category, in bytes.
pub const DAYPART_CATEGORY_MAX: usize = 100;

/// A weight of the `weighted` strategy. The weight is set and stored as one of
/// `campaignRotationSettings.priorityWeights`, because the previous system had that setting already. The weight is
/// never stored among the other strategies' parameters.
#[derive(Debug, Clone, Copy)]
pub struct PriorityWeightParameter {
    /// The name within `priorityWeights`.
    pub name: &'static str,
    /// What the parameter does: one sentence for streamers.
    pub description: &'static str,
    /// Which of the weights this is.
    pub of: fn(PriorityWeights) -> Weight,
}

/// A value that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct InvalidParameter {
    /// The strategy and the parameter: `capped-fair.share`.
    pub path: String,
    /// What is allowed instead.
    pub reason: String,
}

impl Parameter {
    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Number(parameter) => parameter.name,
            Self::Dayparts(parameter) => parameter.name,
            Self::PriorityWeight(parameter) => parameter.name,
        }
    }

    /// What the parameter does: one sentence for streamers.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Number(parameter) => parameter.description,
            Self::Dayparts(parameter) => parameter.description,
            Self::PriorityWeight(parameter) => parameter.description,
        }
    }

    /// The values that are allowed, in words: "a number from 0.1 to 1".
    #[must_use]
    pub fn range(&self) -> String {
        match self {
            Self::Number(NumberParameter { min, max, is_whole, .. }) => {
                let kind = if *is_whole { "whole number" } else { "number" };
                format!("a {kind} from {min} to {max}")
            }
            Self::Dayparts(_) => format!("a list of at most {DAYPARTS_MAX} dayparts"),
            Self::PriorityWeight(_) => {
                "a number from 0 to 1, set as one of campaignRotationSettings.priorityWeights".to_owned()
            }
        }
    }

    /// All that [`allows`](Self::allows) asks of a value, in words.
    pub(super) fn requirement(&self) -> String {
        match self {
            Self::Dayparts(_) => {
                format!("{}, each with a category of 1 to {DAYPART_CATEGORY_MAX} bytes", self.range())
            }
            Self::Number(_) | Self::PriorityWeight(_) => self.range(),
        }
    }

    /// Whether a streamer may give the parameter this value.
    #[must_use]
    pub fn allows(&self, value: &ParameterValue) -> bool {
        match (self, value) {
            (Self::Number(parameter), ParameterValue::Number(value)) => parameter.allows(*value),
            (Self::Dayparts(_), ParameterValue::Dayparts(parts)) => DaypartsParameter::allows(parts),
            _ => false,
        }
    }
}

impl NumberParameter {
    fn allows(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value) && !(self.is_whole && value.fract() != 0.0)
    }
}

impl DaypartsParameter {
    fn allows(parts: &[Daypart]) -> bool {
        let is_named = |part: &Daypart| (1..=DAYPART_CATEGORY_MAX).contains(&part.category.len());
        parts.len() <= DAYPARTS_MAX && parts.iter().all(is_named)
    }
}

/// The values of one strategy's parameters. Reading is lenient: a parameter without a value, or with one that is not
/// allowed any more, has its default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parameters<'a> {
    weights: PriorityWeights,
    values: Option<&'a BTreeMap<String, ParameterValue>>,
}

impl<'a> Parameters<'a> {
    /// The values that these settings have for the strategy with this name.
    #[must_use]
    pub fn of(settings: &'a SelectionSettings, strategy: &str) -> Self {
        Self { weights: settings.weights, values: settings.parameters.of(strategy) }
    }

    /// These weights and values, without the settings of a streamer: for tests.
    #[must_use]
    pub const fn new(weights: PriorityWeights, values: Option<&'a BTreeMap<String, ParameterValue>>) -> Self {
        Self { weights, values }
    }

    /// The value of a number.
    #[must_use]
    pub fn number(&self, parameter: &NumberParameter) -> f64 {
        match self.value(parameter.name) {
            Some(ParameterValue::Number(value)) if parameter.allows(*value) => *value,
            _ => parameter.default,
        }
    }

    /// The parts of the week.
    #[must_use]
    pub fn dayparts(&self, parameter: &DaypartsParameter) -> &'a [Daypart] {
        match self.value(parameter.name) {
            Some(ParameterValue::Dayparts(parts)) if DaypartsParameter::allows(parts) => parts,
            _ => &[],
        }
    }

    /// The weights of the `weighted` strategy.
    #[must_use]
    pub const fn priority_weights(&self) -> PriorityWeights {
        self.weights
    }

    fn value(&self, name: &str) -> Option<&'a ParameterValue> {
        self.values.and_then(|values| values.get(name))
    }
}
