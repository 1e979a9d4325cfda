//! `GET /overlay/{token}/data`: the content of the screen.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    web,
};
use gametriggers_services::Rendering;

use super::content::{OverlayDataResponse, screen};
use crate::{
    error::ApiError,
    openapi::{OVERLAY, TOKEN, TokenErrors},
    query::NoQuery,
    state::ApiState,
};

/// What is on screen; decides if no decision is in force.
#[utoipa::path(
    tag = OVERLAY,
    params(
        ("token" = String, Path, description = TOKEN, min_length = 1),
        ("If-None-Match" = Option<String>, Header, description = "The `version` of the last answer"),
    ),
    responses(
        (status = 200, description = "What is on screen.", body = OverlayDataResponse, headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 304, description = "Nothing has changed since that version."),
        TokenErrors,
    )
)]
#[get("/overlay/{token}/data")]
pub(crate) async fn data(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let Rendering { version: entity_tag, body } = screen(&state, &token).await?;
    let is_known = names_version(&request, &entity_tag);
    let tag = HeaderValue::from_maybe_shared(entity_tag).map_err(|error| ApiError::internal(&error))?;
    let tag = (header::ETAG, tag);
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if is_known {
        return Ok(HttpResponse::NotModified().insert_header(tag).insert_header(cache).finish());
    }
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(HttpResponse::Ok().insert_header(tag).insert_header(cache).insert_header(json).body(body))
}

/// Whether `If-None-Match` names the version, as an entity tag or without quotes.
fn names_version(request: &HttpRequest, entity_tag: &[u8]) -> bool {
    let version =
        entity_tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\"")).unwrap_or(entity_tag);
    let tag = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').as_bytes() == version;
    let values = request.headers().get_all(header::IF_NONE_MATCH);
    values.filter_map(|value| value.to_str().ok()).any(|value| value.split(',').any(tag))
}
