//! The settings for the selection of campaigns.

use gametriggers_domain::{model::User, selection};
use gametriggers_types::{
    RotationInterval, SlotsBetween, SlotsInARow, StrategyParameters, TimeZoneName, Timestamp, WeeklyPeriod,
    Weight,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The name of the strategy that is used. If the stored name is unknown, this is the default.
pub(super) fn strategy_of(user: &User) -> &'static str {
    selection::find_or_default(&user.selection.strategy).name()
}

/// How campaigns are chosen for the streamer's screen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SelectionResponse {
    campaign_selection_strategy: &'static str,
    campaign_rotation_settings: RotationSettingsResponse,
    /// The same as in `campaignRotationSettings`.
    #[schema(value_type = String, example = "Asia/Kolkata")]
    timezone: TimeZoneName,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<User> for SelectionResponse {
    fn from(user: User) -> Self {
        Self {
            campaign_selection_strategy: strategy_of(&user),
            campaign_rotation_settings: RotationSettingsResponse::from(&user),
            timezone: user.selection.time_zone,
            updated_at: user.updated_at,
        }
    }
}

/// The settings of rotation, complete.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotationSettingsResponse {
    /// The same as `campaignSelectionStrategy`.
    preferred_strategy: &'static str,
    #[schema(value_type = u8, minimum = 1, maximum = 60, example = 3)]
    rotation_interval_minutes: RotationInterval,
    priority_weights: WeightsResponse,
    /// The parameters of all strategies but `weighted`, whose parameters are `priorityWeights`: the stored values, and the
    /// defaults where none are stored. `GET /selection-strategies` describes them.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, serde_json::Value>>, example = json!({"capped-fair": {"share": 0.5}}))]
    strategy_parameters: StrategyParameters,
    /// In how many slots in a row one campaign may be on screen; 0 means without limit.
    #[schema(value_type = u8, minimum = 0, maximum = 20, example = 0)]
    max_slots_in_a_row: SlotsInARow,
    /// How many slots are at least between two campaigns of one category; 0 means none.
    #[schema(value_type = u8, minimum = 0, maximum = 10, example = 0)]
    min_slots_between_category: SlotsBetween,
    #[schema(value_type = Vec<BlackoutPeriodSchema>)]
    blackout_periods: Vec<WeeklyPeriod>,
    /// The IANA zone in which blackout periods are read.
    #[schema(value_type = String, example = "Asia/Kolkata")]
    timezone: TimeZoneName,
}

impl From<&User> for RotationSettingsResponse {
    fn from(user: &User) -> Self {
        let weights = user.selection.weights;
        Self {
            preferred_strategy: strategy_of(user),
            rotation_interval_minutes: user.selection.interval,
            priority_weights: WeightsResponse {
                payment_rate: weights.payment_rate(),
                performance: weights.performance(),
                fairness: weights.fairness(),
            },
            strategy_parameters: selection::effective_parameters(&user.selection),
            max_slots_in_a_row: user.selection.spacing.in_a_row,
            min_slots_between_category: user.selection.spacing.between,
            blackout_periods: user.selection.blackouts.clone(),
            timezone: user.selection.time_zone.clone(),
        }
    }
}

/// What the `weighted` strategy looks at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WeightsResponse {
    #[schema(value_type = f64, minimum = 0, maximum = 1, example = 0.4)]
    payment_rate: Weight,
    #[schema(value_type = f64, minimum = 0, maximum = 1, example = 0.3)]
    performance: Weight,
    #[schema(value_type = f64, minimum = 0, maximum = 1, example = 0.3)]
    fairness: Weight,
}

/// A half-open period of the week without campaigns. One that ends before it starts runs over midnight and belongs to
/// the day on which it starts.
#[derive(ToSchema)]
#[schema(as = BlackoutPeriod, rename_all = "camelCase")]
#[allow(dead_code)] // only its schema is used; the type itself is `gametriggers_types::WeeklyPeriod`
pub(crate) struct BlackoutPeriodSchema {
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "22:00")]
    start_time: String,
    /// `24:00` is the end of the day.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "06:00")]
    end_time: String,
    #[schema(example = json!(["monday", "friday"]))]
    days: Vec<String>,
}
