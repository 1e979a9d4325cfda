//! The endpoints under a screen's token: the page, its data, its events, QR codes and chat commands. They are served under
//! `/api/v1/overlay/` and `/api/overlay/`.

pub(crate) mod content;
pub(crate) mod event;
mod shown;

// The router tries the endpoints in this order, so the most requested ones come first.
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
