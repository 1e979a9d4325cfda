//! `PUT /users/me/campaign-selection`: changes the caller's settings for the selection of campaigns.

use actix_web::{HttpResponse, put, web};
use gametriggers_domain::selection;
use gametriggers_services::SelectionPatch;
use gametriggers_types::{RotationInterval, SlotsBetween, SlotsInARow, StrategyName, TimeZoneName, Weight};
use serde::{Deserialize, de::IgnoredAny};
use utoipa::{ToSchema, openapi::schema::Schema};

use super::{
    parameters::{ParametersRequest, parameters, parameters_schema},
    periods::{BlackoutPeriodRequest, blackouts},
};
use crate::{
    body::{JsonBody, Object},
    caller::Caller,
    error::ApiError,
    openapi::{self, BodyErrors, CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
    wire::SelectionResponse,
};

/// Changes how campaigns are chosen: only what the request names. What is on screen ends with it.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    request_body = SelectionRequest,
    responses(
        (status = 200, description = "The settings, complete.", body = SelectionResponse),
        BodyErrors,
        CallerErrors,
    )
)]
#[put("/users/me/campaign-selection")]
pub(crate) async fn put_campaign_selection(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
    JsonBody(request): JsonBody<SelectionRequest>,
) -> Result<HttpResponse, ApiError> {
    state.limits.settings_change(actor.user().id)?;
    let user = state.services.streamers.update_selection(&actor, &request.try_into()?).await?;
    Ok(HttpResponse::Ok().json(SelectionResponse::from(user)))
}

/// The settings to change; what is missing or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SelectionRequest {
    #[serde(default)]
    #[schema(schema_with = strategy_schema, required = false)]
    campaign_selection_strategy: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<RotationSettingsRequest>)]
    campaign_rotation_settings: Option<Object<RotationSettingsRequest>>,
    /// The same setting as in `campaignRotationSettings`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    timezone: Option<TimeZoneName>,
    /// Accepted, because the answer has it, and ignored.
    // Defect S13: what was read could not be saved again.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    #[allow(dead_code)]
    updated_at: Option<IgnoredAny>,
}

/// The settings of rotation to change.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RotationSettingsRequest {
    /// The same setting as `campaignSelectionStrategy`.
    #[serde(default)]
    #[schema(schema_with = strategy_schema, required = false)]
    preferred_strategy: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 60)]
    rotation_interval_minutes: Option<RotationInterval>,
    #[serde(default)]
    #[schema(value_type = Option<WeightsRequest>)]
    priority_weights: Option<Object<WeightsRequest>>,
    /// The parameters of strategies to change: strategy, parameter, value. `GET /selection-strategies` lists them with
    /// their ranges. They are kept when another strategy is chosen.
    #[serde(default)]
    #[schema(schema_with = parameters_schema, required = false)]
    strategy_parameters: Option<ParametersRequest>,
    /// In how many slots in a row one campaign may be on screen; 0 means without limit.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 20)]
    max_slots_in_a_row: Option<SlotsInARow>,
    /// How many slots are at least between two campaigns of one category (competitive separation); 0 means none.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 10)]
    min_slots_between_category: Option<SlotsBetween>,
    /// Replaces the list whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<BlackoutPeriodRequest>>, max_items = 100)]
    blackout_periods: Option<Vec<Object<BlackoutPeriodRequest>>>,
    /// An IANA time zone.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    timezone: Option<TimeZoneName>,
}

/// The weights to change, each from 0 to 1; not all may be 0.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WeightsRequest {
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    payment_rate: Option<Weight>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    performance: Option<Weight>,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    fairness: Option<Weight>,
}

fn strategy_schema() -> Schema {
    openapi::words_or_null(selection::all().iter().map(|strategy| strategy.name()))
}

impl TryFrom<SelectionRequest> for SelectionPatch {
    type Error = ApiError;

    fn try_from(request: SelectionRequest) -> Result<Self, ApiError> {
        let Object(rotation) = request.campaign_rotation_settings.unwrap_or_default();
        let Object(weights) = rotation.priority_weights.unwrap_or_default();
        let strategy = one_setting(
            ("campaignSelectionStrategy", request.campaign_selection_strategy),
            ("campaignRotationSettings.preferredStrategy", rotation.preferred_strategy),
        )?;
        let time_zone = one_setting(
            ("timezone", request.timezone),
            ("campaignRotationSettings.timezone", rotation.timezone),
        )?;
        Ok(Self {
            strategy: strategy.as_deref().map(known_strategy).transpose()?,
            interval: rotation.rotation_interval_minutes,
            payment_rate: weights.payment_rate,
            performance: weights.performance,
            fairness: weights.fairness,
            parameters: parameters(rotation.strategy_parameters.unwrap_or_default())?,
            in_a_row: rotation.max_slots_in_a_row,
            between: rotation.min_slots_between_category,
            blackouts: rotation.blackout_periods.as_deref().map(blackouts).transpose()?,
            time_zone,
        })
    }
}

/// Merges a setting that has two names in the request. Refuses two different values.
fn one_setting<T: PartialEq>(
    first: (&str, Option<T>),
    second: (&str, Option<T>),
) -> Result<Option<T>, ApiError> {
    match (first.1, second.1) {
        (Some(one), Some(other)) if one != other => Err(ApiError::validation(format!(
            "{} and {} are one setting and contradict each other; send one of them",
            first.0, second.0
        ))),
        (one, other) => Ok(one.or(other)),
    }
}

/// Returns the strategy with this name. Refuses an unknown name (defect O18: the previous system stored it, and then every later
/// save of that user failed).
fn known_strategy(name: &str) -> Result<StrategyName, ApiError> {
    match selection::find(name) {
        Ok(strategy) => Ok(StrategyName::new(strategy.name())),
        Err(unknown) => Err(ApiError::validation(format!("campaignSelectionStrategy: {unknown}"))),
    }
}
