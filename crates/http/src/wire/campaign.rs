//! Campaigns and participations.

use gametriggers_domain::model::{Campaign, Participation};
use gametriggers_types::{
    CampaignId, CampaignStatus, MediaType, Money, ParticipationId, ParticipationStatus, PaymentType,
    ScreenToken, Timestamp, UserId,
};
use serde::Serialize;
use utoipa::ToSchema;

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
