//! The overlay settings and the overlay token.

use gametriggers_domain::model::User;
use gametriggers_types::{BackgroundColor, Opacity, OverlayPosition, OverlaySettings, OverlaySize};
use serde::Serialize;
use utoipa::ToSchema;

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
