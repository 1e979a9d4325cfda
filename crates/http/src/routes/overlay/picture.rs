//! The QR code for the campaign on screen.

use actix_web::HttpResponse;

use crate::{
    error::ApiError,
    middleware::client_address::ClientAddress,
    qr::{Picture, draw},
    state::ApiState,
};

/// Draws the QR code of the tracking link of the campaign on the screen of this token. `address` is the caller's, for the rate
/// limit.
///
/// # Errors
/// Those of `NothingShown`.
pub(super) async fn draw_shown(
    state: &ApiState,
    token: &str,
    ClientAddress(address): ClientAddress,
    picture: Picture,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(address.key())?;
    draw(&state.services.links.qr_url(token).await?, picture)
}
