//! The answers to viewers who follow a link: a redirect, or a plain page.

use std::{fmt::Write, sync::Arc};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use askama::Template;
use gametriggers_services::VisitTarget;
use gametriggers_types::WebUrl;
use url::Url;

use crate::error::{ApiError, ErrorCode, ask_again_later};

/// A page for a viewer who is not redirected.
#[derive(Template)]
#[template(path = "visit.html")]
struct VisitPage<'a> {
    heading: &'a str,
    text: &'a str,
}

/// Redirects to the campaign's address. Shows a page if the campaign has none or the link fails.
pub(crate) fn lead(target: Result<Arc<VisitTarget>, ApiError>) -> Result<HttpResponse, ApiError> {
    match target {
        Ok(target) => match &target.click_url {
            Some(url) => Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, location(url)))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish()),
            None => page(StatusCode::OK, &target.title, "Thank you for your interest in our sponsor."),
        },
        Err(error) if error.code().status() == StatusCode::NOT_FOUND => nothing_here(),
        Err(error) => not_now(error.code()),
    }
}

/// Returns the brand's address in a form that a header can carry: spaces and non-ASCII letters are percent-encoded, as a browser
/// would do. Nothing else changes, because parsing and writing an address can change its target.
fn location(url: &WebUrl) -> String {
    // Browsers ignore spaces around an address.
    let address = url.as_str().trim_matches(' ');
    if let Some(encoded) = with_ascii_host(address) {
        return encoded;
    }
    let mut carried = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() {
            carried.push(char::from(byte));
        } else {
            // A write to a string cannot fail.
            let _ = write!(carried, "%{byte:02X}");
        }
    }
    carried
}

/// If the host has non-ASCII letters, returns the address as a browser writes it. Host names have their own encoding, and not
/// every client decodes percent-encoding in them.
fn with_ascii_host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|_| !address.is_ascii())?;
    url.host_str().is_some_and(|host| host.contains("xn--")).then(|| url.into())
}

/// Answers with the page for a viewer whose address has sent too many requests.
pub(crate) fn come_again(refused: &ApiError) -> Result<HttpResponse, ApiError> {
    let mut answer = not_now(refused.code())?;
    answer.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_seconds().into());
    Ok(answer)
}

/// Answers with the page of a link that leads to no campaign.
pub(crate) fn nothing_here() -> Result<HttpResponse, ApiError> {
    page(StatusCode::NOT_FOUND, "Nothing here", "This link leads to no campaign.")
}

/// Answers with the page of a link while the store is not open.
pub(crate) async fn without_store() -> Result<HttpResponse, ApiError> {
    not_now(ErrorCode::StoreUnavailable)
}

fn not_now(code: ErrorCode) -> Result<HttpResponse, ApiError> {
    page(code.status(), "Not now", "Please try again in a moment.")
}

fn page(status: StatusCode, heading: &str, text: &str) -> Result<HttpResponse, ApiError> {
    let html = VisitPage { heading, text }.render().map_err(|error| ApiError::internal(&error))?;
    let mut response = HttpResponse::build(status);
    ask_again_later(&mut response, status);
    Ok(response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .body(html))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Addresses that are composed of usual and unusual parts.
    fn address() -> impl Strategy<Value = String> {
        let begin = prop_oneof![
            Just("/"),
            Just("/."),
            Just("/..//"),
            Just("/.//evil.example/"),
            Just("http://own.invalid.evil.example/"),
            Just("https://brand.example.com/"),
            Just("HTTPS://Brand.example.com:443"),
            Just("https://größe.example.com/"),
            Just("https://user@brand.example.com\\x"),
            Just(" https://brand.example.com/ "),
        ];
        (begin, "[a-zA-Z0-9/.:@?#&=%+ \\\\|<>\"{}äß語-]{0,24}")
            .prop_map(|(begin, rest)| begin.to_owned() + &rest)
    }

    proptest! {
        /// On any page, the sent address leads to the same target as the stored one.
        #[test]
        fn an_address_leads_where_the_stored_one_leads(text in address()) {
            if let Ok(url) = WebUrl::parse(&text) {
                let sent = location(&url);
                prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()), "{sent}");
                for base in ["http://127.0.0.1:3001/c/1", "https://sponsors.example/ads/c/1?src=qr"] {
                    let base = Url::parse(base).unwrap();
                    prop_assert_eq!(base.join(&sent).ok(), base.join(url.as_str()).ok(), "{}", sent);
                }
            }
        }

        /// An address that a header can carry is sent unchanged.
        #[test]
        fn an_address_of_plain_letters_is_sent_as_it_is(text in "(/|https?://own\\.invalid)[!-~]{0,40}") {
            if let Ok(url) = WebUrl::parse(&text) {
                prop_assert_eq!(location(&url), text);
            }
        }
    }
}
