//! `POST /campaigns/impression/{token}`: a display.

use actix_web::{HttpRequest, HttpResponse, post, web};

use crate::{
    body::OptionalJsonBody,
    error::ApiError,
    openapi::{EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
    routes::overlay::event::{EventErrors, EventRequest, EventResponse, created, event},
    state::ApiState,
};

/// The display of the decision in force, or of the receipt's: it counts once, however often it is reported.
#[utoipa::path(
    tag = EVENTS,
    request_body(content = Option<EventRequest>),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses((status = 201, description = "What became of it.", body = EventResponse), EventErrors, TokenErrors)
)]
#[post("/campaigns/impression/{token}")]
pub(crate) async fn impression(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
    OptionalJsonBody(body): OptionalJsonBody<EventRequest>,
) -> Result<HttpResponse, ApiError> {
    state.limits.event(&token)?;
    let event = event(&request, body)?;
    Ok(created(state.services.tracking.record_display(&token, &event).await?))
}
