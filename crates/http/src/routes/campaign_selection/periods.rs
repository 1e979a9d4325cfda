//! Periods of the week in requests: blackout periods, and the times of dayparts.

use gametriggers_types::{InvalidPeriod, TimeOfDay, Weekday, WeeklyPeriod, parse_weekday, weekday_name};
use serde::{Deserialize, de::IgnoredAny};
use utoipa::{
    ToSchema,
    openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type},
};

use crate::{body::Object, error::ApiError};

/// The greatest number of blackout periods. Nobody needs more in a week, so a longer list is a mistake.
const MAX_BLACKOUTS: usize = 100;

/// A period without campaigns.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BlackoutPeriodRequest {
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

pub(super) fn days_schema() -> Schema {
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

/// Reads blackout periods.
///
/// # Errors
/// A message that names the wrong period and field.
pub(super) fn blackouts(periods: &[Object<BlackoutPeriodRequest>]) -> Result<Vec<WeeklyPeriod>, ApiError> {
    if periods.len() > MAX_BLACKOUTS {
        let message = format!("campaignRotationSettings.blackoutPeriods: at most {MAX_BLACKOUTS} periods");
        return Err(ApiError::validation(message));
    }
    let numbered = periods.iter().enumerate().map(|(place, Object(request))| {
        let BlackoutPeriodRequest { start_time, end_time, days, .. } = request;
        period(*start_time, *end_time, days).map_err(|(field, error)| {
            let period = format!("campaignRotationSettings.blackoutPeriods[{place}]");
            ApiError::validation(format!("{period}{field}: {error}"))
        })
    });
    numbered.collect()
}

/// Reads a period. An error names the wrong field, as a path within the period, and the reason.
pub(super) fn period(
    start: TimeOfDay,
    end: TimeOfDay,
    days: &[String],
) -> Result<WeeklyPeriod, (String, InvalidPeriod)> {
    let day = |(place, day): (usize, &String)| {
        parse_weekday(day).map_err(|error| (format!(".days[{place}]"), error))
    };
    let days = days.iter().enumerate().map(day).collect::<Result<Vec<_>, _>>()?;
    WeeklyPeriod::new(start, end, &days).map_err(|error| {
        let field = match error {
            InvalidPeriod::NoDays | InvalidPeriod::Day(_) => ".days",
            InvalidPeriod::Start | InvalidPeriod::TimeOfDay(_) => ".startTime",
            InvalidPeriod::Empty => "",
        };
        (field.to_owned(), error)
    })
}
