//! `GET /overlay/{token}/qr`: the QR code for the campaign on screen.

use actix_web::{HttpRequest, HttpResponse, get, web};

use super::shown::{NothingShown, draw_shown};
use crate::{
    error::ApiError,
    middleware::client_address::ClientAddress,
    openapi::{OVERLAY, TOKEN},
    qr::accepted,
    query::NoQuery,
    state::ApiState,
};

/// The QR code of the tracking link of the campaign on screen: PNG, or SVG where `Accept` asks for it.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content(("image/png"), ("image/svg+xml"))),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr")]
pub(crate) async fn qr(
    request: HttpRequest,
    state: web::Data<ApiState>,
    address: ClientAddress,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    draw_shown(&state, &token, address, accepted(&request)).await
}
