//! The overlay page, for OBS's browser source.

use std::{str::Utf8Error, sync::LazyLock};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::error::{ApiError, ErrorCode, ask_again_later};

/// The page for OBS's browser source.
#[derive(Template)]
#[template(path = "overlay.html")]
struct OverlayPage {
    script: &'static str,
    state: DataIsland,
}

/// The content of the screen as JSON that can stand inside a script element, because it has no `<`, `>` and `&`.
pub(crate) struct DataIsland(String);

impl DataIsland {
    /// The state of a page that does not know what is on screen. This page is transparent and tries again.
    pub(crate) fn unknown() -> Self {
        Self("null".to_owned())
    }

    /// Escapes any JSON. The characters `<`, `>` and `&` occur only in strings of JSON, so their escapes mean the same.
    ///
    /// # Errors
    /// [`Utf8Error`] if the text is not UTF-8.
    pub(crate) fn of(json: &[u8]) -> Result<Self, Utf8Error> {
        let json = str::from_utf8(json)?;
        Ok(Self(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")))
    }
}

const SCRIPT: &str = include_str!("../../templates/overlay.js");

/// Media may come from any host, because each brand has its own. Inline styles are allowed, because OBS applies the streamer's
/// custom CSS as a style element. No setting is written into a style sheet, so nobody can inject styles there.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src 'self' http: https:; \
         media-src 'self' http: https:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
});

/// Answers with the page while the store is not open.
pub(crate) async fn without_store() -> Result<HttpResponse, ApiError> {
    render(ErrorCode::StoreUnavailable.status(), DataIsland::unknown())
}

/// Answers with the page for an address that has sent too many unknown tokens.
pub(crate) fn come_again(refused: &ApiError) -> Result<HttpResponse, ApiError> {
    let mut answer = render(refused.code().status(), DataIsland::unknown())?;
    answer.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_seconds().into());
    Ok(answer)
}

/// Answers with the page, with this status.
pub(crate) fn render(status: StatusCode, state: DataIsland) -> Result<HttpResponse, ApiError> {
    let template = OverlayPage { script: SCRIPT, state };
    let html = template.render().map_err(|error| ApiError::internal(&error))?;
    let mut response = HttpResponse::build(status);
    ask_again_later(&mut response, status);
    Ok(response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY.as_str()))
        .body(html))
}
