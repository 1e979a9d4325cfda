//! `POST /campaigns/click/{token}`: a click, under an address of the previous system.

use actix_web::{HttpRequest, HttpResponse, post, web};
use gametriggers_types::ClickKind;

use crate::{
    body::OptionalJsonBody,
    error::ApiError,
    openapi::{EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
    routes::overlay::event::{EventErrors, EventRequest, EventResponse, IdempotencyHeader, record_click},
    state::ApiState,
};

/// A click on the overlay, by the address of the previous system.
#[utoipa::path(
    tag = EVENTS,
    request_body(content = Option<EventRequest>),
    params(
        ("token" = String, Path, description = TOKEN, min_length = 1),
        IdempotencyHeader,
    ),
    responses((status = 201, description = "What became of it.", body = EventResponse), EventErrors, TokenErrors)
)]
#[post("/campaigns/click/{token}")]
pub(crate) async fn campaign_click(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
    OptionalJsonBody(body): OptionalJsonBody<EventRequest>,
) -> Result<HttpResponse, ApiError> {
    record_click(&request, &state, &token, ClickKind::Overlay, body).await
}
