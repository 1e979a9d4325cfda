//! `GET /overlay/{token}/qr.png`: the QR code as PNG.

use actix_web::{HttpResponse, get, web};

use super::shown::{NothingShown, draw_shown};
use crate::{
    error::ApiError,
    middleware::client_address::ClientAddress,
    openapi::{OVERLAY, TOKEN},
    qr::Picture,
    query::NoQuery,
    state::ApiState,
};

/// The QR code as PNG.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/png"),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr.png")]
pub(crate) async fn qr_png(
    state: web::Data<ApiState>,
    address: ClientAddress,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    draw_shown(&state, &token, address, Picture::Png).await
}
