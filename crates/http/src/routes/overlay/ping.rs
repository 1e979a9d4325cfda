//! `POST /overlay/{token}/ping`: the overlay is loaded.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::event::{EventErrors, EventRequest, EventResponse, event};
use crate::{
    body::OptionalJsonBody,
    error::ApiError,
    openapi::{EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
    state::ApiState,
};

/// The answer to a ping.
#[derive(Serialize, ToSchema)]
pub(crate) struct PingResponse {
    /// The overlay is known to be there.
    success: bool,
    /// What became of the display whose receipt the ping brought; missing where it brought none.
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<EventResponse>,
}

/// The overlay is there. Sent every 30 seconds by the page.
///
/// With the receipt of what is drawn, it also reports that display, like `/campaigns/impression/{token}`: once, however often
/// it is sent. The page sends that as soon as it has drawn something.
#[utoipa::path(
    tag = EVENTS,
    request_body(content = Option<EventRequest>),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 201, description = "Noted.", body = PingResponse),
        EventErrors,
        TokenErrors,
    )
)]
#[post("/overlay/{token}/ping")]
pub(crate) async fn ping(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
    OptionalJsonBody(body): OptionalJsonBody<EventRequest>,
) -> Result<HttpResponse, ApiError> {
    let event = event(&request, body)?;
    if event.receipt.is_some() {
        state.limits.event(&token)?;
    }
    // Defect O2: pages pinged with a participation token, which the previous system did not accept here.
    let display = state.services.tracking.ping(&token, &event).await?;
    let display = display.map(EventResponse::from);
    Ok(HttpResponse::Created().json(PingResponse { success: true, display }))
}
