//! The tracking link: the one way for viewers to reach the sponsor.

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    route, web,
};
use askama::Template;
use gametriggers_services::Visitor;
use gametriggers_types::{ParticipationId, VisitSource, WebUrl};
use serde::Deserialize;
use url::Url;

use crate::{
    ApiState,
    client_address::client_address,
    error::{ApiError, ErrorCode, ask_again_later},
    openapi::EVENTS,
};

#[derive(Deserialize)]
pub(crate) struct VisitQuery {
    #[serde(default)]
    src: Option<String>,
}

/// A page for a viewer who cannot be sent on.
#[derive(Template)]
#[template(path = "visit.html")]
struct VisitPage<'a> {
    heading: &'a str,
    text: &'a str,
}

/// Counts a visit and leads to the sponsor, or to a plain page where the campaign names no address.
#[utoipa::path(
    get,
    path = "/c/{participationId}",
    tag = EVENTS,
    params(
        ("participationId" = String, Path, description = "The participation"),
        ("src" = Option<String>, Query, description = "`qr`, `chat` or `link` (the default): where the viewer found the link"),
    ),
    responses(
        (status = 302, description = "To the campaign's `clickUrl`."),
        (status = 200, description = "The campaign names no address.", content_type = "text/html", body = String),
        (status = 400, description = "An unknown `src`.", content_type = "text/html", body = String),
        (status = 404, description = "No such link.", content_type = "text/html", body = String),
    )
)]
#[route("/c/{participationId}", method = "GET", method = "HEAD")]
pub(crate) async fn follow(
    request: HttpRequest,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    query: Result<web::Query<VisitQuery>, Error>,
) -> Result<HttpResponse, ApiError> {
    let Ok(participation) = id.parse::<ParticipationId>() else {
        return page(StatusCode::NOT_FOUND, "Nothing here", "This link leads to no campaign.");
    };
    let source = query.map(|query| query.src.as_deref().map_or(Ok(VisitSource::Link), str::parse));
    let Ok(Ok(source)) = source else {
        return page(StatusCode::BAD_REQUEST, "Nothing here", "This link was not copied whole.");
    };
    let visitor = counts(&request).then(|| visitor(&request, &state));
    match state.services.links.follow(participation, source, visitor.as_ref()).await.map_err(ApiError::from) {
        Ok(target) => match target.click_url.as_ref().and_then(location) {
            Some(url) => Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, url))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .finish()),
            None => page(StatusCode::OK, &target.title, "Thank you for your interest in our sponsor."),
        },
        Err(error) if error.code() == ErrorCode::UnknownLink => {
            page(StatusCode::NOT_FOUND, "Nothing here", "This link leads to no campaign.")
        }
        Err(error) => not_now(error.code()),
    }
}

/// The address in the form that a header can carry, which is ASCII; people write other letters, too.
fn location(url: &WebUrl) -> Option<String> {
    const OWN: &str = "http://own.invalid";
    let absolute = Url::parse(OWN).and_then(|own| own.join(url.as_str())).ok()?;
    Some(absolute.as_str().strip_prefix(OWN).unwrap_or(absolute.as_str()).to_owned())
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
