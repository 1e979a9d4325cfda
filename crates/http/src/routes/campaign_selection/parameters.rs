//! Parameters of strategies in requests. The registry knows which parameters exist, and the kind of each.

use std::{collections::BTreeMap, fmt};

use gametriggers_domain::selection::{self, DAYPARTS_MAX, NumberParameter, Parameter, SelectionStrategy};
use gametriggers_types::{Daypart, DaypartWeight, ParameterValue, StrategyParameters, TimeOfDay};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
};

use super::periods::{days_schema, period};
use crate::{
    body::{Object, read_part},
    error::ApiError,
};

/// The values by strategy and parameter. The parameter determines the kind of its value.
pub(super) type ParametersRequest = BTreeMap<String, Option<BTreeMap<String, Value>>>;

/// A part of the week in which the campaigns of one category have a weight of their own.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DaypartRequest {
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "18:00")]
    start_time: TimeOfDay,
    /// Another one than `startTime`; `24:00` is the end of the day.
    #[schema(value_type = String, pattern = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", example = "24:00")]
    end_time: TimeOfDay,
    /// The English names of days, whole or their first three letters, in any case.
    #[schema(schema_with = days_schema)]
    days: Vec<String>,
    /// Upper and lower case are the same.
    #[schema(min_length = 1, max_length = 100, example = "gaming")]
    category: String,
    #[schema(value_type = f64, minimum = 0, maximum = 100, example = 3)]
    weight: DaypartWeight,
}

/// The schema of a [`ParametersRequest`]: the parameters of the registry, each with its range. Everything may be null.
pub(super) fn parameters_schema() -> Schema {
    const DESCRIPTION: &str = "The parameters of strategies to change: strategy, parameter, value. They are kept when another \
        strategy is chosen. The parameters of `weighted` are `priorityWeights`.";
    let of_strategy = |strategy: &&dyn SelectionStrategy| {
        let values = strategy.parameters().iter();
        let values = values.filter_map(|parameter| Some((parameter.name(), value_schema(parameter)?)));
        (strategy.name(), object_or_null(strategy.description(), values))
    };
    object_or_null(DESCRIPTION, selection::all().iter().map(of_strategy))
}

/// The schema of a parameter's value; `None` if the parameter is set in `priorityWeights`.
fn value_schema(parameter: &Parameter) -> Option<Schema> {
    let or_null = |kind| SchemaType::from_iter([kind, Type::Null]);
    let description = Some(parameter.description());
    match parameter {
        Parameter::Number(NumberParameter { min, max, is_whole, .. }) => {
            let kind = if *is_whole { Type::Integer } else { Type::Number };
            let number = ObjectBuilder::new().schema_type(or_null(kind)).description(description);
            Some(number.minimum(Some(*min)).maximum(Some(*max)).into())
        }
        Parameter::Dayparts(_) => {
            let parts = ArrayBuilder::new().schema_type(or_null(Type::Array)).description(description);
            Some(parts.items(DaypartRequest::schema()).max_items(Some(DAYPARTS_MAX)).into())
        }
        Parameter::PriorityWeight(_) => None,
    }
}

fn object_or_null(description: &str, properties: impl Iterator<Item = (&'static str, Schema)>) -> Schema {
    let object = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Object, Type::Null]));
    let object = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let object = object.description(Some(description));
    properties.fold(object, |object, (name, schema)| object.property(name, schema)).into()
}

/// Reads the parameters of strategies. A null changes nothing, but its strategy and parameter must exist.
///
/// # Errors
/// A message that names the wrong strategy or parameter, the place within its value, and the values that are allowed.
pub(super) fn parameters(request: ParametersRequest) -> Result<StrategyParameters, ApiError> {
    let refused = |reason: &dyn fmt::Display| {
        ApiError::validation(format!("campaignRotationSettings.strategyParameters.{reason}"))
    };
    let mut parameters = StrategyParameters::default();
    for (strategy, values) in request {
        selection::find(&strategy).map_err(|error| refused(&format!("{}: {error}", error.name)))?;
        for (name, value) in values.unwrap_or_default() {
            let parameter = selection::find_parameter(&strategy, &name).map_err(|error| refused(&error))?;
            if value.is_null() {
                continue;
            }
            let value = parameter_value(parameter, value)
                .map_err(|(place, reason)| refused(&format!("{strategy}.{name}{place}: {reason}")))?;
            parameters.set(&strategy, &name, value);
        }
    }
    selection::check_parameters(&parameters).map_err(|error| refused(&error))?;
    Ok(parameters)
}

/// Reads the value of a parameter. The parameter determines the kind. An error consists of the place within the value,
/// and the reason.
fn parameter_value(parameter: &Parameter, value: Value) -> Result<ParameterValue, (String, String)> {
    match (parameter, value) {
        (Parameter::Dayparts(_), parts @ Value::Array(_)) => {
            let parts: Vec<Object<DaypartRequest>> = read_part(parts)?;
            let parts = parts.into_iter().enumerate().map(|(place, Object(part))| {
                daypart(part).map_err(|(field, reason)| (format!("[{place}]{field}"), reason))
            });
            parts.collect::<Result<_, _>>().map(ParameterValue::Dayparts)
        }
        (Parameter::Number(_), Value::Number(number)) => {
            Ok(ParameterValue::Number(number.as_f64().unwrap_or(f64::NAN)))
        }
        (parameter, _) => Err((String::new(), parameter.range())),
    }
}

fn daypart(request: DaypartRequest) -> Result<Daypart, (String, String)> {
    let DaypartRequest { start_time, end_time, days, category, weight } = request;
    let period = period(start_time, end_time, &days).map_err(|(field, error)| (field, error.to_string()))?;
    Ok(Daypart { period, category, weight })
}
