//! Stored documents as the API sends them: chosen fields, never the whole document (defect A8).

use gametriggers_domain::{
    model::{Campaign, Participation, User},
    selection,
};
use gametriggers_types::{
    AuthProvider, BackgroundColor, BlackoutPeriod, CampaignId, CampaignStatus, MediaType, Money, Opacity,
    OverlayPosition, OverlaySettings, OverlaySize, ParticipationId, ParticipationStatus, PaymentType, Role,
    RotationInterval, ScreenToken, TimeZoneName, Timestamp, UserId, Weight,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A streamer's own profile.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserResponse {
    #[serde(rename = "_id")]
    #[schema(value_type = String, example = "6864d4187d06a675f2abb714")]
    id: UserId,
    email: String,
    name: String,
    image: Option<String>,
    #[schema(value_type = String, example = "streamer")]
    role: Role,
    #[schema(value_type = String, example = "twitch")]
    auth_provider: AuthProvider,
    auth_provider_id: Option<String>,
    channel_url: Option<String>,
    category: Vec<String>,
    language: Vec<String>,
    description: Option<String>,
    is_active: bool,
    overlay_settings: OverlaySettingsResponse,
    /// The token of the overlay URL; `null` for accounts that have no overlay.
    overlay_token: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    overlay_last_seen: Option<Timestamp>,
    campaign_selection_strategy: &'static str,
    campaign_rotation_settings: RotationSettingsResponse,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<User> for UserResponse {
    fn from(user: User) -> Self {
        Self {
            campaign_selection_strategy: strategy_of(&user),
            campaign_rotation_settings: RotationSettingsResponse::from(&user),
            overlay_settings: user.overlay.into(),
            id: user.id,
            email: user.email,
            name: user.name,
            image: user.image,
            role: user.role,
            auth_provider: user.auth_provider,
            auth_provider_id: user.auth_provider_id,
            channel_url: user.channel_url,
            category: user.categories,
            language: user.languages,
            description: user.description,
            is_active: user.is_active,
            overlay_token: user.overlay_token.as_ref().map(|token| token.expose().to_owned()),
            overlay_last_seen: user.overlay_last_seen,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// The name of the strategy that is really used: an unknown stored one reads as the default.
fn strategy_of(user: &User) -> &'static str {
    selection::find(user.selection.strategy.as_str()).unwrap_or(selection::default_strategy()).name()
}

/// How the overlay looks.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlaySettingsResponse {
    #[schema(value_type = String, example = "bottom-right")]
    position: OverlayPosition,
    #[schema(value_type = String, example = "medium")]
    size: OverlaySize,
    /// Percent.
    #[schema(value_type = f64, minimum = 20, maximum = 100, example = 80)]
    opacity: Opacity,
    /// `transparent` or a hexadecimal colour.
    #[schema(value_type = String, example = "transparent")]
    background_color: BackgroundColor,
}

impl From<OverlaySettings> for OverlaySettingsResponse {
    fn from(settings: OverlaySettings) -> Self {
        let OverlaySettings { position, size, opacity, background_color } = settings;
        Self { position, size, opacity, background_color }
    }
}

/// The overlay settings and the token of the overlay URL.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayAccessResponse {
    #[serde(flatten)]
    settings: OverlaySettingsResponse,
    overlay_token: Option<String>,
}

impl From<User> for OverlayAccessResponse {
    fn from(user: User) -> Self {
        Self {
            overlay_token: user.overlay_token.as_ref().map(|token| token.expose().to_owned()),
            settings: user.overlay.into(),
        }
    }
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
    #[schema(value_type = Vec<BlackoutPeriodSchema>)]
    blackout_periods: Vec<BlackoutPeriod>,
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
#[allow(dead_code)] // only its schema is used; the type itself is `gametriggers_types::BlackoutPeriod`
pub(crate) struct BlackoutPeriodSchema {
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "22:00")]
    start_time: String,
    /// `24:00` is the end of the day.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "06:00")]
    end_time: String,
    #[schema(example = json!(["monday", "friday"]))]
    days: Vec<String>,
}

/// A campaign that the streamer has joined, and their part in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct JoinedCampaignResponse {
    campaign: CampaignResponse,
    participation: ParticipationResponse,
}

impl From<(Participation, Campaign)> for JoinedCampaignResponse {
    fn from((participation, campaign): (Participation, Campaign)) -> Self {
        Self { campaign: campaign.into(), participation: participation.into() }
    }
}

/// A campaign. What its brand left open is missing, as in the previous system, whose web client takes null for a date.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CampaignResponse {
    #[serde(rename = "_id")]
    #[schema(value_type = String)]
    id: CampaignId,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[schema(value_type = String)]
    brand_id: UserId,
    #[schema(value_type = f64)]
    budget: Money,
    #[schema(value_type = f64)]
    remaining_budget: Money,
    media_url: String,
    #[schema(value_type = String, example = "image")]
    media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    click_url: Option<String>,
    #[schema(value_type = String, example = "active")]
    status: CampaignStatus,
    categories: Vec<String>,
    languages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    start_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    end_date: Option<Timestamp>,
    #[schema(value_type = f64)]
    payment_rate: Money,
    #[schema(value_type = String, example = "cpm")]
    payment_type: PaymentType,
    expected_impressions: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Campaign> for CampaignResponse {
    fn from(campaign: Campaign) -> Self {
        Self {
            id: campaign.id,
            title: campaign.title,
            description: campaign.description,
            brand_id: campaign.brand_id,
            budget: campaign.budget,
            remaining_budget: campaign.remaining_budget,
            media_url: campaign.media_url,
            media_type: campaign.media_type,
            click_url: campaign.click_url,
            status: campaign.status,
            categories: campaign.categories,
            languages: campaign.languages,
            start_date: campaign.start_date,
            end_date: campaign.end_date,
            payment_rate: campaign.payment.rate(),
            payment_type: campaign.payment.kind(),
            expected_impressions: campaign.payment.expected_impressions(),
            created_at: campaign.created_at,
            updated_at: campaign.updated_at,
        }
    }
}

/// A streamer's part in a campaign.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ParticipationResponse {
    #[serde(rename = "_id")]
    #[schema(value_type = String)]
    id: ParticipationId,
    #[schema(value_type = String)]
    campaign_id: CampaignId,
    #[schema(value_type = String)]
    streamer_id: UserId,
    #[schema(value_type = String, example = "active")]
    status: ParticipationStatus,
    impressions: u64,
    /// Of every kind; chat clicks, QR scans and link clicks are among them.
    clicks: u64,
    chat_clicks: u64,
    qr_scans: u64,
    link_clicks: u64,
    /// Through the tracking link.
    visits: u64,
    avg_viewer_count: f64,
    peak_viewer_count: u64,
    /// Minutes on screen in front of a live audience.
    total_stream_minutes: u64,
    #[schema(value_type = f64)]
    estimated_earnings: Money,
    browser_source_url: String,
    browser_source_token: String,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_code_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_command: Option<String>,
}

impl From<Participation> for ParticipationResponse {
    fn from(participation: Participation) -> Self {
        let counters = participation.counters;
        Self {
            id: participation.id,
            campaign_id: participation.campaign_id,
            streamer_id: participation.streamer_id,
            status: participation.status,
            impressions: counters.impressions,
            clicks: counters.clicks,
            chat_clicks: counters.chat_clicks,
            qr_scans: counters.qr_scans,
            link_clicks: counters.link_clicks,
            visits: counters.visits,
            avg_viewer_count: participation.average_viewers(),
            peak_viewer_count: counters.peak_viewers,
            total_stream_minutes: counters.viewer_samples,
            estimated_earnings: counters.earnings,
            browser_source_token: token_text(&participation.browser_source_token),
            browser_source_url: participation.browser_source_url,
            joined_at: participation.joined_at,
            tracking_url: participation.tracking.tracking_url,
            qr_code_url: participation.tracking.qr_code_url,
            chat_command: participation.tracking.chat_command,
        }
    }
}

fn token_text(token: &ScreenToken) -> String {
    token.expose().to_owned()
}
