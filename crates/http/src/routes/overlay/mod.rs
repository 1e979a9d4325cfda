//! What is addressed by a screen's token: the page, its data, its events, QR codes and chat commands. Served under
//! `/api/v1/overlay/` and `/api/overlay/`.

pub(crate) mod content;
pub(crate) mod event;
mod picture;

use utoipa::IntoResponses;

use crate::error::ErrorResponse;

// Those that are asked for most come first: they are tried in this order.
endpoints! {
    data,
    ping,
    overlay_click,
    click,
    page,
    sponsor,
    qr,
    qr_png,
    qr_svg,
    chat_command,
    chat_command_text,
}

/// The content type of what is for chat bots.
const TEXT: &str = "text/plain; charset=utf-8";

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
