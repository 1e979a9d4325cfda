//! Shared parts of the endpoints about the campaign on screen.

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
#[allow(dead_code)] // only described
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

/// Draws the QR code of the tracking link of the campaign on the screen with this token. `address` is the caller's; the rate
/// limit uses it.
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
