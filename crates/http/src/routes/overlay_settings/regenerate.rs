//! `POST /users/me/overlay/regenerate`: replaces the caller's overlay token.

use actix_web::{HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
};

/// The new token of the overlay URL.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayTokenResponse {
    overlay_token: String,
    /// The browser source URLs of the campaigns joined so far are void as well: always true.
    participation_tokens_revoked: bool,
}

/// Makes the overlay token anew. The old URL, every browser source URL of a campaign joined before, and every receipt
/// are void from then on.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new token.", body = OverlayTokenResponse),
        CallerErrors,
    )
)]
#[post("/users/me/overlay/regenerate")]
pub(crate) async fn regenerate(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    state.limits.settings_change(actor.user().id)?;
    let token = state.services.streamers.regenerate_overlay_token(&actor).await?;
    Ok(HttpResponse::Created().json(OverlayTokenResponse {
        overlay_token: token.expose().to_owned(),
        participation_tokens_revoked: true,
    }))
}
