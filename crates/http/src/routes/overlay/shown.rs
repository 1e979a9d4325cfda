//! What the endpoints about the campaign on screen share: the QR code, the content type and the errors.

use actix_web::HttpResponse;
use utoipa::IntoResponses;

use crate::{
    error::{ApiError, ErrorResponse},
    middleware::client_address::ClientAddress,
    qr::{Picture, draw},
    state::ApiState,
};

/// The content type of texts for chat bots.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// The errors of endpoints about the campaign on screen.
#[derive(IntoResponses)]
#[allow(dead_code)] // never constructed; it describes the errors in the OpenAPI document
pub(super) enum NothingShown {
    /// `UNKNOWN_TOKEN`, `NOTHING_ON_SCREEN`
    #[response(status = 404)]
    NotFound(ErrorResponse),
    /// `RATE_LIMITED`
    #[response(status = 429)]
    Limited(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// Draws the QR code for the campaign on screen. The code holds the campaign's tracking link. `token` says whose
/// screen. The rate limit counts the requests of the caller's `address`.
///
/// # Errors
/// Those of [`NothingShown`].
pub(super) async fn draw_shown(
    state: &ApiState,
    token: &str,
    ClientAddress(address): ClientAddress,
    picture: Picture,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(address.key())?;
    draw(&state.services.links.qr_url(token).await?, picture)
}
