//! The QR code and the chat command for the campaign on screen.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, Accept, Header},
    web,
};
use gametriggers_services::ServiceError;
use image::{ImageFormat, Luma};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::{
    ApiState,
    error::{ApiError, ErrorResponse},
    openapi::{OVERLAY, TOKEN},
    rate_limits::caller,
};

/// The least width of the picture, in pixels.
const QR_PIXELS: u32 = 300;

#[derive(Clone, Copy)]
enum Picture {
    Png,
    Svg,
}

/// The errors of routes about the campaign on screen.
#[derive(IntoResponses)]
#[allow(dead_code)] // only described
enum NothingShown {
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

/// What to say in chat.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatCommandResponse {
    #[schema(
        example = "!sponsor Check out our sponsor: https://gametriggers.example/c/6864d4ee7d06a675f2abb716?src=chat"
    )]
    command: String,
}

/// The QR code of the tracking link of the campaign on screen: PNG, or SVG where `Accept` asks for it.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/png"),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr")]
pub(crate) async fn qr(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, accepted(&request)).await
}

/// The QR code as PNG.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/png"),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr.png")]
pub(crate) async fn qr_png(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, Picture::Png).await
}

/// The QR code as SVG.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/svg+xml"),
        NothingShown,
    )
)]
#[get("/overlay/{token}/qr.svg")]
pub(crate) async fn qr_svg(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, Picture::Svg).await
}

/// The chat command for the campaign on screen.
#[utoipa::path(
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN)),
    responses(
        (status = 200, description = "The command.", body = ChatCommandResponse),
        NothingShown,
    )
)]
#[get("/overlay/{token}/chat-command")]
pub(crate) async fn chat_command(
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let command = state.services.links.chat_command(&token).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(ChatCommandResponse { command }))
}

/// The QR code of one participation's tracking link, whatever is on screen.
#[utoipa::path(
    get,
    path = "/c/{participationId}/qr",
    tag = OVERLAY,
    params(("participationId" = String, Path, description = "The participation")),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/png"),
        (status = 404, description = "`UNKNOWN_LINK`", body = ErrorResponse),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorResponse),
    )
)]
#[get("/c/{participationId}/qr")]
pub(crate) async fn qr_of_participation(
    request: HttpRequest,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(caller(&request, &state))?;
    let unknown = |_| ApiError::from(ServiceError::UnknownParticipation);
    let url = state.services.links.qr_url_of(id.parse().map_err(unknown)?).await?;
    draw(&url, accepted(&request))
}

/// The first picture that the caller prefers and we can draw.
fn accepted(request: &HttpRequest) -> Picture {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let picture = |wanted: &str| match wanted {
        "image/svg+xml" => Some(Picture::Svg),
        "image/png" | "image/*" | "*/*" => Some(Picture::Png),
        _ => None,
    };
    ranked.iter().find_map(|wanted| picture(wanted.essence_str())).unwrap_or(Picture::Png)
}

async fn render(
    request: &HttpRequest,
    state: &ApiState,
    token: &str,
    picture: Picture,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(caller(request, state))?;
    draw(&state.services.links.qr_url(token).await?, picture)
}

/// Draws the code in memory, with the quiet zone of four modules that ISO/IEC 18004 asks for: it stands on moving
/// pictures.
fn draw(url: &str, picture: Picture) -> Result<HttpResponse, ApiError> {
    let code =
        QrCode::with_error_correction_level(url, EcLevel::M).map_err(|error| ApiError::internal(&error))?;
    let (content_type, bytes) = match picture {
        Picture::Svg => {
            let drawing = code.render::<svg::Color>().min_dimensions(QR_PIXELS, QR_PIXELS).build();
            ("image/svg+xml", drawing.into_bytes())
        }
        Picture::Png => {
            let drawing = code.render::<Luma<u8>>().min_dimensions(QR_PIXELS, QR_PIXELS).build();
            let mut bytes = std::io::Cursor::new(Vec::new());
            drawing.write_to(&mut bytes, ImageFormat::Png).map_err(|error| ApiError::internal(&error))?;
            ("image/png", bytes.into_inner())
        }
    };
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept"))
        .body(bytes))
}
