//! `GET /users/me/overlay`: the caller's overlay settings and token.

use actix_web::{HttpResponse, get, web};

use crate::{
    caller::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
    wire::OverlayAccessResponse,
};

/// The overlay settings and token; a streamer has a token from then on.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The overlay settings and token.", body = OverlayAccessResponse),
        CallerErrors,
    )
)]
#[get("/users/me/overlay")]
pub(crate) async fn get_overlay_settings(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.overlay_settings(&actor).await?;
    Ok(HttpResponse::Ok().json(OverlayAccessResponse::from(user)))
}
