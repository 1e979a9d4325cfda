//! What is addressed by a screen's token: the page, its data, its events, QR codes and chat commands. Served under
//! `/api/v1/overlay/` and `/api/overlay/`.

pub(crate) mod content;
pub(crate) mod event;
mod shown;

// They are tried in this order, so those that are asked for most come first.
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
