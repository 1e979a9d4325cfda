//! The tracking link: the one way for viewers to reach the sponsor.

use std::fmt::Write;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    route, web,
};
use askama::Template;
use gametriggers_services::{VisitTarget, Visitor};
use gametriggers_types::{ParticipationId, VisitSource, WebUrl};

use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder,
        schema::{AnyOfBuilder, Schema, Type},
    },
};

use url::Url;

use crate::{
    ApiState,
    client_address::client_address,
    error::{ApiError, ErrorCode, ask_again_later},
    openapi::{self, EVENTS},
    query,
    rate_limits::caller,
};

/// What the query of a link says. Only described; [`source`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
struct VisitQuery {
    /// Where the viewer found the link: `qr`, `chat` or `link`. Anything else counts as `link`.
    #[param(schema_with = source_schema, required = false)]
    src: Option<String>,
}

fn source_schema() -> Schema {
    let known = openapi::words(VisitSource::ALL.iter().map(|source| source.as_str()));
    let other = ObjectBuilder::new().schema_type(Type::String);
    Schema::AnyOf(AnyOfBuilder::new().item(known).item(other).build())
}

/// How many digits an id has.
const ID_DIGITS: usize = 24;

/// A page for a viewer who cannot be sent on.
#[derive(Template)]
#[template(path = "visit.html")]
struct VisitPage<'a> {
    heading: &'a str,
    text: &'a str,
}

/// Counts a visit and leads to the sponsor, or to a plain page where the campaign names no address.
///
/// Links are followed as people and chats have left them: whatever follows the id that is no letter and no digit is taken for
/// the end of a sentence, a `src` that is not known for `link`, and other keys of the query, which platforms add, are ignored.
#[utoipa::path(
    get,
    path = "/c/{participationId}",
    tag = EVENTS,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(
        ("participationId" = String, Path, description = "The participation", min_length = 1),
        VisitQuery,
    ),
    responses(
        (status = 302, description = "To the campaign's `clickUrl`.", headers(("Location" = String, description = "The campaign's `clickUrl`"))),
        (status = 200, description = "The campaign names no address.", content_type = "text/html", body = String),
        (status = 404, description = "No such link.", content_type = "text/html", body = String),
        (status = 429, description = "Too many from one address.", content_type = "text/html", body = String),
        (status = 503, description = "`STORE_UNAVAILABLE`: a page that asks to come again.", content_type = "text/html", body = String),
    )
)]
#[route("/c/{participationId}", method = "GET", method = "HEAD")]
pub(crate) async fn follow(
    request: HttpRequest,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Some(participation) = participation(&id) else {
        return page(StatusCode::NOT_FOUND, "Nothing here", "This link leads to no campaign.");
    };
    if let Err(refused) = state.limits.visit(caller(&request, &state)) {
        return come_again(&refused);
    }
    let source = source(&request);
    let visitor = counts(&request).then(|| visitor(&request, &state));
    let target = state.services.links.follow(participation, source, visitor.as_ref()).await;
    lead(target.map_err(ApiError::from))
}

/// The participation that a link names. Chats and people add the end of their sentence to it.
pub(crate) fn participation(id: &str) -> Option<ParticipationId> {
    let (id, rest) = id.split_at_checked(ID_DIGITS)?;
    let ends_there = !rest.starts_with(|next: char| next.is_alphanumeric() || next.is_control());
    id.parse().ok().filter(|_| ends_there)
}

/// Where the viewer found the link, as far as that can be told.
fn source(request: &HttpRequest) -> VisitSource {
    let given = query::lenient(request, "src").unwrap_or_default().to_ascii_lowercase();
    let word = given.split(|sign: char| !sign.is_ascii_alphanumeric()).find(|word| !word.is_empty());
    word.and_then(|word| word.parse().ok()).unwrap_or(VisitSource::Link)
}

/// Leads on to where the campaign wants its visitors, or says why not.
pub(crate) fn lead(target: Result<Arc<VisitTarget>, ApiError>) -> Result<HttpResponse, ApiError> {
    match target {
        Ok(target) => match &target.click_url {
            Some(url) => Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, location(url)))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish()),
            None => page(StatusCode::OK, &target.title, "Thank you for your interest in our sponsor."),
        },
        Err(error) if error.code().status() == StatusCode::NOT_FOUND => {
            page(StatusCode::NOT_FOUND, "Nothing here", "This link leads to no campaign.")
        }
        Err(error) => not_now(error.code()),
    }
}

/// The address as the brand wrote it, in the form that a header can carry: what is not ASCII, and spaces, percent-encoded. It
/// means the same to a browser, which does so itself. Nothing else is touched, and nothing is resolved: to take an address
/// apart and put it together again can change where it leads.
fn location(url: &WebUrl) -> String {
    // As a browser does: spaces around an address are not part of it.
    let address = url.as_str().trim_matches(' ');
    if let Some(encoded) = with_ascii_host(address) {
        return encoded;
    }
    let mut carried = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() {
            carried.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(carried, "%{byte:02X}");
        }
    }
    carried
}

/// An address whose host has other letters than ASCII, as a browser writes it: names have an encoding of their own, and not
/// every client undoes percent-encoding there.
fn with_ascii_host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|_| !address.is_ascii())?;
    url.host_str().is_some_and(|host| host.contains("xn--")).then(|| url.into())
}

/// Whether a request is a viewer's: not a look at the headers, and nothing that a browser fetched ahead.
fn counts(request: &HttpRequest) -> bool {
    let ahead = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().contains("prefetch"))
    };
    request.method() == Method::GET && !["Sec-Purpose", "Purpose", "X-Moz"].into_iter().any(ahead)
}

fn visitor(request: &HttpRequest, state: &ApiState) -> Visitor {
    let agent = request.headers().get_all(header::USER_AGENT).last().map(HeaderValue::as_bytes);
    let agent = String::from_utf8_lossy(agent.unwrap_or_default()).into_owned();
    Visitor { address: client_address(request, &state.settings), agent }
}

/// The page for a viewer who shares an address with too many others.
pub(crate) fn come_again(refused: &ApiError) -> Result<HttpResponse, ApiError> {
    let mut answer = not_now(refused.code())?;
    answer.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_seconds().into());
    Ok(answer)
}

/// The page of a link while there is no store to ask whom it leads to.
pub(crate) async fn page_without_store() -> Result<HttpResponse, ApiError> {
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

    /// Pieces of which addresses are made, the odd ones among them.
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
        /// Sent from anywhere, the address leads where the brand's own words lead.
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

        /// What a header can carry is sent letter by letter.
        #[test]
        fn an_address_of_plain_letters_is_sent_as_it_is(text in "(/|https?://own\\.invalid)[!-~]{0,40}") {
            if let Ok(url) = WebUrl::parse(&text) {
                prop_assert_eq!(location(&url), text);
            }
        }
    }
}
