//! `GET /c/{participationId}/qr`: the QR code of a tracking link.

use actix_web::{HttpRequest, HttpResponse, get, web};
use gametriggers_services::ServiceError;

use super::participation::participation;
use crate::{
    error::{ApiError, ErrorResponse},
    middleware::client_address::ClientAddress,
    openapi::OVERLAY,
    qr::{accepted, draw},
    state::ApiState,
};

/// The QR code of one participation's tracking link, whatever is on screen.
#[utoipa::path(
    tag = OVERLAY,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("participationId" = String, Path, description = "The participation", min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content(("image/png"), ("image/svg+xml"))),
        (status = 404, description = "`UNKNOWN_LINK`", body = ErrorResponse),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorResponse),
        (status = 503, description = "`STORE_UNAVAILABLE`", body = ErrorResponse),
    )
)]
#[get("/c/{participationId}/qr")]
pub(crate) async fn qr_of_participation(
    request: HttpRequest,
    state: web::Data<ApiState>,
    ClientAddress(address): ClientAddress,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(address.key())?;
    let participation = participation(&id).ok_or(ServiceError::UnknownParticipation)?;
    let url = state.services.links.qr_url_of(participation).await?;
    draw(&url, accepted(&request))
}
