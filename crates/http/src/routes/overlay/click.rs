//! `POST /overlay/{token}/click/{kind}`: a click of any kind.

use actix_web::{HttpRequest, HttpResponse, post, web};
use gametriggers_types::ClickKind;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::event::{EventErrors, EventRequest, EventResponse, IdempotencyHeader, record_click};
use crate::{
    body::OptionalJsonBody,
    error::ApiError,
    openapi::{self, EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
    state::ApiState,
};

/// The kind of a click as a part of a path, for the OpenAPI document alone. The type itself is [`ClickKind`].
struct ClickKindPart;

impl PartialSchema for ClickKindPart {
    fn schema() -> RefOr<Schema> {
        openapi::words(ClickKind::ALL.iter().map(|kind| kind.as_str())).into()
    }
}

impl ToSchema for ClickKindPart {}

/// A click of a kind: on the overlay, or reported by a chat bot, a QR scanner or a link.
#[utoipa::path(
    tag = EVENTS,
    request_body(content = Option<EventRequest>),
    params(
        ("token" = String, Path, description = TOKEN, min_length = 1),
        ("kind" = inline(ClickKindPart), Path, description = "Where the click was"),
        IdempotencyHeader,
    ),
    responses((status = 201, description = "What became of it.", body = EventResponse), EventErrors, TokenErrors)
)]
#[post("/overlay/{token}/click/{kind}")]
pub(crate) async fn click(
    request: HttpRequest,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    _: NoQuery,
    OptionalJsonBody(body): OptionalJsonBody<EventRequest>,
) -> Result<HttpResponse, ApiError> {
    let (token, kind) = path.into_inner();
    // Defect O16: the previous system accepted any word and counted it as a click.
    let kind = kind.parse().map_err(|error| ApiError::validation(format!("the kind of a click: {error}")))?;
    record_click(&request, &state, &token, kind, body).await
}
