//! Events under a streamer's token: displays, clicks, pings.

use actix_web::{HttpRequest, HttpResponse, post, web};
use gametriggers_services::{Event, EventOutcome, EventReport};
use gametriggers_types::{ClickKind, ParticipationId, RejectionReason, UnpaidReason};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, IntoResponses, PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    ApiState,
    body::OptionalJsonBody,
    error::{ApiError, ErrorResponse},
    openapi::{self, EVENTS, TOKEN, TokenErrors},
    query::NoQuery,
};

/// What a caller says of an event.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EventRequest {
    /// The receipt of the display on which it happened; without one it is credited to what is on screen now.
    #[serde(default)]
    #[schema(pattern = r"^[dt][0-9]+\.[A-Za-z0-9_-]+$")]
    receipt: Option<String>,
    /// Makes the event count once, however often it is sent. 1 to 255 printable ASCII characters.
    #[serde(default)]
    #[schema(pattern = "^[ -~]{1,255}$")]
    event_id: Option<String>,
}

/// What became of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventResponse {
    /// False where the event, or the one of the same id before it, was rejected.
    success: bool,
    #[schema(value_type = String, example = "counted")]
    outcome: &'static str,
    /// Why it was rejected.
    #[schema(value_type = Option<String>, example = "budget-exhausted")]
    reason: Option<RejectionReason>,
    /// Why it is counted and not paid, where a rule other than the price says so.
    #[schema(value_type = Option<String>, example = "minute-already-paid")]
    unpaid_reason: Option<UnpaidReason>,
    /// The participation to which it was credited.
    #[schema(value_type = Option<String>)]
    participation_id: Option<ParticipationId>,
}

impl From<EventReport> for EventResponse {
    fn from(report: EventReport) -> Self {
        let outcome = match report.outcome {
            EventOutcome::Counted => "counted",
            EventOutcome::Duplicate => "duplicate",
            EventOutcome::Rejected => "rejected",
        };
        Self {
            success: report.reason.is_none(),
            outcome,
            reason: report.reason,
            unpaid_reason: report.unpaid,
            participation_id: report.participation,
        }
    }
}

/// What kind of click it is, as a part of a path. Only described; the type itself is [`ClickKind`].
struct ClickKindPart;

impl PartialSchema for ClickKindPart {
    fn schema() -> RefOr<Schema> {
        openapi::words(ClickKind::ALL.iter().map(|kind| kind.as_str())).into()
    }
}

impl ToSchema for ClickKindPart {}

/// The header by which an event id can be given, too.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // only described; `event` reads it
struct IdempotencyHeader {
    /// Another way to give `eventId`.
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]([ -~]{0,253}[!-~])?$")]
    idempotency_key: Option<String>,
}

/// The errors of events.
#[derive(IntoResponses)]
#[allow(dead_code)] // only described
enum EventErrors {
    /// `MALFORMED_BODY`, `VALIDATION_FAILED`, `RECEIPT_INVALID`, `RECEIPT_EXPIRED`
    #[response(status = 400)]
    Refused(ErrorResponse),
    /// `BODY_TOO_SLOW`
    #[response(status = 408)]
    TooSlow(ErrorResponse),
    /// `BODY_TOO_LARGE`
    #[response(status = 413)]
    TooLarge(ErrorResponse),
    /// `ENCODING_NOT_SUPPORTED`
    #[response(status = 415)]
    Encoded(ErrorResponse),
}

/// The answer to a ping.
#[derive(Serialize, ToSchema)]
pub(crate) struct PingResponse {
    /// The overlay is known to be there.
    success: bool,
    /// What became of the display whose receipt the ping brought; missing where it brought none.
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<EventResponse>,
}

const MAX_ID_CHARS: usize = 255;

/// The event of a request: its body, and the header `Idempotency-Key` as another way to give the event id.
fn event(request: &HttpRequest, body: EventRequest) -> Result<Event, ApiError> {
    let header = match request.headers().get("Idempotency-Key") {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| bad_id("Idempotency-Key"))?.to_owned()),
    };
    for (name, id) in [("eventId", &body.event_id), ("Idempotency-Key", &header)] {
        let printable = |id: &String| {
            (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        if id.as_ref().is_some_and(|id| !printable(id)) {
            return Err(bad_id(name));
        }
    }
    if let (Some(from_body), Some(from_header)) = (&body.event_id, &header)
        && from_body != from_header
    {
        return Err(ApiError::validation("eventId and the header Idempotency-Key differ; send one of them"));
    }
    Ok(Event { receipt: body.receipt, event_id: body.event_id.or(header) })
}

fn bad_id(name: &str) -> ApiError {
    ApiError::validation(format!("{name} is 1 to {MAX_ID_CHARS} printable ASCII characters"))
}

fn created(report: EventReport) -> HttpResponse {
    HttpResponse::Created().json(EventResponse::from(report))
}

async fn record_click(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: &str,
    kind: ClickKind,
    body: EventRequest,
) -> Result<HttpResponse, ApiError> {
    state.limits.event(token)?;
    let event = event(&request, body)?;
    Ok(created(state.services.tracking.record_click(token, kind, &event).await?))
}

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
    record_click(request, state, &token, ClickKind::Overlay, body).await
}

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
    // Defect O16: any word was taken, and counted as a click.
    let kind = kind.parse().map_err(|error| ApiError::validation(format!("the kind of a click: {error}")))?;
    record_click(request, state, &token, kind, body).await
}

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
    record_click(request, state, &token, ClickKind::Overlay, body).await
}

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
    // Defect O2: pages pinged with a participation token, which ping did not know.
    let display = state.services.tracking.ping(&token, &event).await?;
    let display = display.map(EventResponse::from);
    Ok(HttpResponse::Created().json(PingResponse { success: true, display }))
}
