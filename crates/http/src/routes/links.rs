//! The QR code and the chat command for the campaign on screen.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, Accept, Header},
    route, web,
};
use gametriggers_services::ServiceError;
use image::{ImageFormat, Luma};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::{
    ApiState,
    error::{ApiError, ErrorResponse},
    openapi::{EVENTS, OVERLAY, TOKEN},
    query::NoQuery,
    rate_limits::caller,
    routes::visits,
};

/// The least width of the picture, in pixels.
const QR_PIXELS: u32 = 300;
/// The content type of what is for chat bots.
const TEXT: &str = "text/plain; charset=utf-8";

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
    get,
    path = "/overlay/{token}/qr",
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content(("image/png"), ("image/svg+xml"))),
        NothingShown,
    )
)]
#[route("/overlay/{token}/qr", method = "GET", method = "HEAD")]
pub(crate) async fn qr(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, accepted(&request)).await
}

/// The QR code as PNG.
#[utoipa::path(
    get,
    path = "/overlay/{token}/qr.png",
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/png"),
        NothingShown,
    )
)]
#[route("/overlay/{token}/qr.png", method = "GET", method = "HEAD")]
pub(crate) async fn qr_png(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, Picture::Png).await
}

/// The QR code as SVG.
#[utoipa::path(
    get,
    path = "/overlay/{token}/qr.svg",
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The QR code.", content_type = "image/svg+xml"),
        NothingShown,
    )
)]
#[route("/overlay/{token}/qr.svg", method = "GET", method = "HEAD")]
pub(crate) async fn qr_svg(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    render(&request, &state, &token, Picture::Svg).await
}

/// The chat command for the campaign on screen: JSON, or plain text where `Accept` asks for it.
#[utoipa::path(
    get,
    path = "/overlay/{token}/chat-command",
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The command.", content((ChatCommandResponse = "application/json"), (String = "text/plain"))),
        NothingShown,
    )
)]
#[route("/overlay/{token}/chat-command", method = "GET", method = "HEAD")]
pub(crate) async fn chat_command(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let command = state.services.links.chat_command(&token).await?;
    if prefers_text(&request) {
        return Ok(HttpResponse::Ok()
            .insert_header((header::VARY, "Accept"))
            .content_type(TEXT)
            .body(command));
    }
    Ok(HttpResponse::Ok().insert_header((header::VARY, "Accept")).json(ChatCommandResponse { command }))
}

/// The chat command as plain text, for chat bots: they print what they fetch, and their users choose nothing but the address.
#[utoipa::path(
    get,
    path = "/overlay/{token}/chat-command.txt",
    tag = OVERLAY,
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The command.", content_type = "text/plain", body = String),
        NothingShown,
    )
)]
#[route("/overlay/{token}/chat-command.txt", method = "GET", method = "HEAD")]
pub(crate) async fn chat_command_text(
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().content_type(TEXT).body(state.services.links.chat_command(&token).await?))
}

/// Leads to the sponsor on screen, and counts nothing: the page of the previous system opens this after it has reported a
/// click.
#[utoipa::path(
    get,
    path = "/overlay/{token}/click",
    tag = EVENTS,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 302, description = "To the campaign's `clickUrl`.", headers(("Location" = String, description = "The campaign's `clickUrl`"))),
        (status = 200, description = "The campaign names no address.", content_type = "text/html", body = String),
        (status = 404, description = "No such overlay, or no campaign on screen.", content_type = "text/html", body = String),
        (status = 429, description = "Too many unknown tokens from one address.", content_type = "text/html", body = String),
        (status = 503, description = "`STORE_UNAVAILABLE`: a page that asks to come again.", content_type = "text/html", body = String),
    )
)]
#[route("/overlay/{token}/click", method = "GET", method = "HEAD")]
pub(crate) async fn sponsor(
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    visits::lead(state.services.links.target_shown(&token).await.map_err(ApiError::from))
}

/// The QR code of one participation's tracking link, whatever is on screen.
#[utoipa::path(
    get,
    path = "/c/{participationId}/qr",
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
#[route("/c/{participationId}/qr", method = "GET", method = "HEAD")]
pub(crate) async fn qr_of_participation(
    request: HttpRequest,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.limits.qr_code(caller(&request, &state))?;
    let participation = visits::participation(&id).ok_or(ServiceError::UnknownParticipation)?;
    let url = state.services.links.qr_url_of(participation).await?;
    draw(&url, accepted(&request))
}

/// Whether the caller would rather have text than JSON, which is what those get who do not say.
fn prefers_text(request: &HttpRequest) -> bool {
    let ranked = Accept::parse(request).map(|accept| accept.ranked()).unwrap_or_default();
    let is_text = |wanted: &str| match wanted {
        "text/plain" | "text/*" => Some(true),
        "application/json" | "application/*" | "*/*" => Some(false),
        _ => None,
    };
    ranked.iter().find_map(|wanted| is_text(wanted.essence_str())).unwrap_or(false)
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
