//! Shared parts of the endpoints that count an event: their request, their answer and their errors.

use actix_web::{HttpRequest, HttpResponse};
use gametriggers_services::{Event, EventOutcome, EventReport};
use gametriggers_types::{ClickKind, ParticipationId, RejectionReason, UnpaidReason};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use crate::{
    error::{ApiError, ErrorResponse},
    state::ApiState,
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

/// The header by which an event id can be given, too.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // only described; `event` reads it
pub(crate) struct IdempotencyHeader {
    /// Another way to give `eventId`.
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]([ -~]{0,253}[!-~])?$")]
    idempotency_key: Option<String>,
}

/// The errors of events.
#[derive(IntoResponses)]
#[allow(dead_code)] // only described
pub(crate) enum EventErrors {
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

const MAX_ID_CHARS: usize = 255;

/// Reads the event that a request reports. The event id may be in the body or in the header `Idempotency-Key`.
pub(crate) fn event(request: &HttpRequest, body: EventRequest) -> Result<Event, ApiError> {
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

/// Makes the answer to an event that was recorded or rejected.
pub(crate) fn created(report: EventReport) -> HttpResponse {
    HttpResponse::Created().json(EventResponse::from(report))
}

/// Records a click of this kind under this token and answers with the outcome.
pub(crate) async fn record_click(
    request: &HttpRequest,
    state: &ApiState,
    token: &str,
    kind: ClickKind,
    body: EventRequest,
) -> Result<HttpResponse, ApiError> {
    state.limits.event(token)?;
    let event = event(request, body)?;
    Ok(created(state.services.tracking.record_click(token, kind, &event).await?))
}
