//! `PUT /users/me/campaign-selection`: changes the caller's settings for the selection of campaigns.

use std::{collections::BTreeMap, fmt};

use actix_web::{HttpResponse, put, web};
use gametriggers_domain::selection::{self, Parameter};
use gametriggers_services::SelectionPatch;
use gametriggers_types::{Daypart, ParameterValue, SlotsBetween, SlotsInARow, StrategyParameters, 
    WeeklyPeriod, InvalidPeriod, RotationInterval, StrategyName, TimeOfDay, TimeZoneName, Weekday,
    Weight, parse_weekday, weekday_name,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type},
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

/// The greatest number of blackout periods. Nobody needs more in a week, so a longer list is a mistake.
const MAX_BLACKOUTS: usize = 100;

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
    #[schema(
        value_type = Option<BTreeMap<String, BTreeMap<String, serde_json::Value>>>,
        example = json!({"capped-fair": {"share": 0.5}})
    )]
    strategy_parameters: Option<BTreeMap<String, Option<BTreeMap<String, Value>>>>,
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

/// A period without campaigns.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlackoutPeriodRequest {
    /// Accepted, because the periods of the previous system carry one, and ignored.
    // Defect S13: the previous system refused this field.
    #[serde(rename = "_id", default)]
    #[schema(value_type = Option<serde_json::Value>)]
    #[allow(dead_code)]
    id: Option<IgnoredAny>,
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    start_time: TimeOfDay,
    /// Another one than `startTime`; `24:00` is the end of the day.
    #[schema(value_type = String, pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "06:00")]
    end_time: TimeOfDay,
    /// The English names of days, whole or their first three letters, in any case.
    #[schema(schema_with = days_schema)]
    days: Vec<String>,
}

fn strategy_schema() -> Schema {
    openapi::words_or_null(selection::all().iter().map(|strategy| strategy.name()))
}

fn days_schema() -> Schema {
    let any_case = |letter: char| format!("[{}{letter}]", letter.to_ascii_uppercase());
    let any_case = |text: &str| text.chars().map(any_case).collect::<String>();
    let days = (0..7_i8).filter_map(|offset| Weekday::from_monday_zero_offset(offset).ok());
    let names = days.map(|day| {
        let (short, rest) = weekday_name(day).split_at(3);
        format!("{}({})?", any_case(short), any_case(rest))
    });
    let pattern = format!("^({})$", names.collect::<Vec<_>>().join("|"));
    let day = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    Schema::Array(ArrayBuilder::new().items(day).min_items(Some(1)).build())
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

/// Reads the parameters of strategies. A null changes nothing.
fn parameters(
    request: BTreeMap<String, Option<BTreeMap<String, Value>>>,
) -> Result<StrategyParameters, ApiError> {
    let refused = |reason: &dyn fmt::Display| {
        ApiError::validation(format!("campaignRotationSettings.strategyParameters.{reason}"))
    };
    let mut parameters = StrategyParameters::default();
    for (strategy, values) in request {
        for (name, value) in values.unwrap_or_default().into_iter().filter(|(_, value)| !value.is_null()) {
            let parameter = selection::find_parameter(&strategy, &name).map_err(|error| refused(&error))?;
            let value = parameter_value(parameter, value)
                .map_err(|reason| refused(&format!("{strategy}.{name}{reason}")))?;
            parameters.set(&strategy, &name, value);
        }
    }
    selection::check_parameters(&parameters).map_err(|error| refused(&error))?;
    Ok(parameters)
}

/// Reads the value of a parameter by its kind. An error begins with a path within the value, or with a colon.
fn parameter_value(parameter: &Parameter, value: Value) -> Result<ParameterValue, String> {
    match (parameter, value) {
        (Parameter::Dayparts(_), Value::Array(parts)) => {
            let read = |(place, part)| match serde_json::from_value::<Daypart>(part) {
                Ok(part) => Ok(part),
                Err(error) => Err(format!("[{place}]: {error}")),
            };
            let parts = parts.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
            Ok(ParameterValue::Dayparts(parts))
        }
        (Parameter::Number(_), Value::Number(number)) => {
            Ok(ParameterValue::Number(number.as_f64().unwrap_or(f64::NAN)))
        }
        (parameter, _) => Err(format!(": {}", parameter.range())),
    }
}

fn blackouts(periods: &[Object<BlackoutPeriodRequest>]) -> Result<Vec<WeeklyPeriod>, ApiError> {
    if periods.len() > MAX_BLACKOUTS {
        let message = format!("campaignRotationSettings.blackoutPeriods: at most {MAX_BLACKOUTS} periods");
        return Err(ApiError::validation(message));
    }
    let numbered = periods.iter().enumerate().map(|(place, Object(request))| {
        blackout(request).map_err(|(field, error)| {
            let period = format!("campaignRotationSettings.blackoutPeriods[{place}]");
            ApiError::validation(format!("{period}{field}: {error}"))
        })
    });
    numbered.collect()
}

/// Reads a period. An error names the wrong field, as a path within the period, and the reason.
fn blackout(request: &BlackoutPeriodRequest) -> Result<WeeklyPeriod, (String, InvalidPeriod)> {
    let day = |(place, day): (usize, &String)| {
        parse_weekday(day).map_err(|error| (format!(".days[{place}]"), error))
    };
    let days = request.days.iter().enumerate().map(day).collect::<Result<Vec<_>, _>>()?;
    WeeklyPeriod::new(request.start_time, request.end_time, &days).map_err(|error| {
        let field = match error {
            InvalidPeriod::NoDays | InvalidPeriod::Day(_) => ".days",
            InvalidPeriod::Start | InvalidPeriod::TimeOfDay(_) => ".startTime",
            InvalidPeriod::Empty => "",
        };
        (field.to_owned(), error)
    })
}
