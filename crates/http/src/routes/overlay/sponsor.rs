//! `GET /overlay/{token}/click`: redirects to the sponsor on screen.

use actix_web::{HttpResponse, get, web};

use crate::{
    error::ApiError,
    openapi::{EVENTS, TOKEN},
    pages::visit::lead,
    state::ApiState,
};

/// Leads to the sponsor on screen, and counts nothing: the page of the previous system opens this after it has reported a
/// click.
#[utoipa::path(
    tag = EVENTS,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 302, description = "To the campaign's `clickUrl`.", headers(("Location" = String, description = "The campaign's `clickUrl`"))),
        (status = 200, description = "The campaign names no address.", content_type = "text/html", body = String),
        (status = 404, description = "No such overlay, or no campaign on screen.", content_type = "text/html", body = String),
        (status = 429, description = "Too many unknown tokens from one address.", content_type = "text/html", body = String),
        (status = 503, description = "`STORE_UNAVAILABLE`: a page that asks to come again.", content_type = "text/html", body = String),
    )
)]
#[get("/overlay/{token}/click")]
pub(crate) async fn sponsor(
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    lead(state.services.links.target_shown(&token).await.map_err(ApiError::from))
}
