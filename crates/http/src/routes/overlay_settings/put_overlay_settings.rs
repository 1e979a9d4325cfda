//! `PUT /users/me/overlay`: changes the caller's overlay settings.

use actix_web::{HttpResponse, put, web};
use gametriggers_services::OverlayPatch;
use gametriggers_types::{BackgroundColor, Opacity, OverlayPosition, OverlaySize};
use serde::Deserialize;
use utoipa::{ToSchema, openapi::Schema};

use crate::{
    body::JsonBody,
    caller::Caller,
    error::ApiError,
    openapi::{self, BodyErrors, CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
    wire::OverlayAccessResponse,
};

/// The overlay settings to change; what is missing or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OverlaySettingsRequest {
    #[serde(default)]
    #[schema(schema_with = position_schema, required = false)]
    position: Option<OverlayPosition>,
    #[serde(default)]
    #[schema(schema_with = size_schema, required = false)]
    size: Option<OverlaySize>,
    /// Percent.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 20, maximum = 100)]
    opacity: Option<Opacity>,
    /// `transparent` or a hexadecimal colour.
    #[serde(default)]
    #[schema(
        value_type = Option<String>,
        pattern = "^(transparent|#([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8}))$",
        example = "#102030"
    )]
    background_color: Option<BackgroundColor>,
}

fn position_schema() -> Schema {
    openapi::words_or_null(OverlayPosition::ALL.iter().map(|position| position.as_str()))
}

fn size_schema() -> Schema {
    openapi::words_or_null(OverlaySize::ALL.iter().map(|size| size.as_str()))
}

impl From<OverlaySettingsRequest> for OverlayPatch {
    fn from(request: OverlaySettingsRequest) -> Self {
        let OverlaySettingsRequest { position, size, opacity, background_color } = request;
        Self { position, size, opacity, background_color }
    }
}

/// Changes how the overlay looks: only what the request names. A loaded overlay follows within seconds.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    request_body = OverlaySettingsRequest,
    responses(
        (status = 200, description = "The overlay settings and token.", body = OverlayAccessResponse),
        BodyErrors,
        CallerErrors,
    )
)]
#[put("/users/me/overlay")]
pub(crate) async fn put_overlay_settings(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
    JsonBody(request): JsonBody<OverlaySettingsRequest>,
) -> Result<HttpResponse, ApiError> {
    state.limits.settings_change(actor.user().id)?;
    let user = state.services.streamers.update_overlay(&actor, &request.into()).await?;
    Ok(HttpResponse::Ok().json(OverlayAccessResponse::from(user)))
}
