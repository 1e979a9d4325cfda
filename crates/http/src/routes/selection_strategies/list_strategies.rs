//! `GET /selection-strategies`: the strategies that a streamer can choose, and their parameters.

use actix_web::{HttpResponse, get};
use gametriggers_domain::selection::{self, Parameter, SelectionStrategy};
use gametriggers_types::PriorityWeights;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{openapi::SETTINGS, query::NoQuery};

/// The strategies that a streamer can choose, in the order of their names.
#[utoipa::path(
    tag = SETTINGS,
    responses((status = 200, description = "All strategies.", body = Vec<StrategyResponse>))
)]
#[get("/selection-strategies")]
pub(crate) async fn list_strategies(_: NoQuery) -> HttpResponse {
    let all: Vec<_> = selection::all().iter().map(|strategy| StrategyResponse::from(*strategy)).collect();
    HttpResponse::Ok().json(all)
}

/// A strategy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SelectionStrategy)]
pub(crate) struct StrategyResponse {
    /// The value for `campaignSelectionStrategy`.
    #[schema(example = "fair-rotation")]
    name: &'static str,
    /// What the strategy does: one sentence for streamers.
    description: &'static str,
    /// Whether this is the strategy of streamers who have chosen none.
    is_default: bool,
    parameters: Vec<ParameterResponse>,
}

/// A parameter of a strategy. It is set in `campaignRotationSettings.strategyParameters` under the strategy's name, or, if its
/// kind is `priority-weight`, in `campaignRotationSettings.priorityWeights`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StrategyParameter)]
struct ParameterResponse {
    #[schema(example = "share")]
    name: &'static str,
    /// What the parameter does: one sentence for streamers.
    description: &'static str,
    kind: Kind,
    /// The least value of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// The greatest value of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    /// The value that holds if none is set. Dayparts have none: the default is an empty list.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<f64>,
}

/// The kind of a parameter's value.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Number,
    WholeNumber,
    PriorityWeight,
    Dayparts,
}

impl From<&dyn SelectionStrategy> for StrategyResponse {
    fn from(strategy: &dyn SelectionStrategy) -> Self {
        Self {
            name: strategy.name(),
            description: strategy.description(),
            is_default: strategy.name() == selection::default_strategy().name(),
            parameters: strategy.parameters().iter().map(ParameterResponse::from).collect(),
        }
    }
}

impl From<&Parameter> for ParameterResponse {
    fn from(parameter: &Parameter) -> Self {
        let (kind, limits, default) = match parameter {
            Parameter::Number(number) => {
                let kind = if number.is_whole { Kind::WholeNumber } else { Kind::Number };
                (kind, Some((number.min, number.max)), Some(number.default))
            }
            Parameter::PriorityWeight(weight) => {
                let default = (weight.of)(PriorityWeights::default()).value();
                (Kind::PriorityWeight, Some((0.0, 1.0)), Some(default))
            }
            Parameter::Dayparts(_) => (Kind::Dayparts, None, None),
        };
        Self {
            name: parameter.name(),
            description: parameter.description(),
            kind,
            minimum: limits.map(|(least, _)| least),
            maximum: limits.map(|(_, greatest)| greatest),
            default,
        }
    }
}
