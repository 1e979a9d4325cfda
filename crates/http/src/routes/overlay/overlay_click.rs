//! `POST /overlay/{token}/click`: a click on the overlay.

use actix_web::{HttpRequest, HttpResponse, post, web};
use gametriggers_types::ClickKind;

use super::event::{EventErrors, EventRequest, EventResponse, IdempotencyHeader, record_click};
use crate::{
    body::OptionalJsonBody,
    error::ApiError,
    openapi::{EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
    state::ApiState,
};

/// A click on the overlay.
#[utoipa::path(
    tag = EVENTS,
    request_body(content = Option<EventRequest>),
    params(
        ("token" = String, Path, description = TOKEN, min_length = 1),
        IdempotencyHeader,
    ),
    responses((status = 201, description = "What became of it.", body = EventResponse), EventErrors, TokenErrors)
)]
#[post("/overlay/{token}/click")]
pub(crate) async fn overlay_click(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
    OptionalJsonBody(body): OptionalJsonBody<EventRequest>,
) -> Result<HttpResponse, ApiError> {
    record_click(&request, &state, &token, ClickKind::Overlay, body).await
}
