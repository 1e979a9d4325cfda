//! `GET /overlay/{token}/qr.svg`: the QR code as SVG.

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

/// The QR code as SVG.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/svg+xml"),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr.svg")]
pub(crate) async fn qr_svg(
    state: web::Data<ApiState>,
    address: ClientAddress,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    draw_shown(&state, &token, address, Picture::Svg).await
}
