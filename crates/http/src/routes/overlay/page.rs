//! `GET /overlay/{token}`: the overlay page.

use actix_web::{HttpResponse, get, http::StatusCode, web};
use gametriggers_services::Rendering;

use super::content::screen;
use crate::{
    error::ApiError,
    openapi::{OVERLAY, TOKEN},
    pages::overlay::{DataIsland, render},
    state::ApiState,
};

/// The overlay page, to be added to OBS as a browser source.
///
/// With an unknown token, or while the store is away, the page is transparent and tries again by itself.
#[utoipa::path(
    tag = OVERLAY,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The page with what is on screen.", content_type = "text/html", body = String),
        (status = 404, description = "A transparent page that tries again.", content_type = "text/html", body = String),
        (status = 429, description = "A transparent page that tries again: too many unknown tokens from one address.", content_type = "text/html", body = String),
        (status = 503, description = "A transparent page that tries again.", content_type = "text/html", body = String),
    )
)]
#[get("/overlay/{token}")]
pub(crate) async fn page(
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    // Loading the page records no display, so it costs the campaign nothing (defect M3). The script of the page reports
    // the display, once for each decision.
    let (status, content) = match screen(&state, &token).await {
        Ok(Rendering { body, .. }) => {
            (StatusCode::OK, DataIsland::of(&body).map_err(|error| ApiError::internal(&error))?)
        }
        Err(error) => (error.code().status(), DataIsland::unknown()),
    };
    render(status, content)
}
