//! A user's own profile.

use gametriggers_domain::model::User;
use gametriggers_types::{AuthProvider, Role, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    overlay::OverlaySettingsResponse,
    selection::{RotationSettingsResponse, strategy_of},
};

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
