//! `GET /users/me/overlay/status`: whether the caller's overlay is loaded in a browser.

use actix_web::{HttpResponse, get, web};
use gametriggers_types::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    state::ApiState,
};

/// Whether the overlay is loaded somewhere.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayStatusResponse {
    /// Seen less than 120 seconds ago.
    active: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StatusQuery {
    #[serde(default)]
    overlay_token: Option<String>,
}

/// Whether the overlay is loaded somewhere.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    params(("overlayToken" = Option<String>, Query, description = "If given, it must be the caller's")),
    responses(
        (status = 200, description = "Whether it is.", body = OverlayStatusResponse),
        CallerErrors,
    )
)]
#[get("/users/me/overlay/status")]
pub(crate) async fn status(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    query: web::Query<StatusQuery>,
) -> Result<HttpResponse, ApiError> {
    let status = state.services.streamers.overlay_status(&actor, query.overlay_token.as_deref()).await?;
    Ok(HttpResponse::Ok().json(OverlayStatusResponse { active: status.active, last_seen: status.last_seen }))
}
