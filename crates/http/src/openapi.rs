//! The OpenAPI document, made from the routes themselves.
#![allow(unused_qualifications)] // in what utoipa's derive writes

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, route};
use utoipa::{
    IntoResponses, OpenApi,
    openapi::{
        HeaderBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        content::ContentBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{
    error::ErrorResponse,
    query::{IGNORES_UNKNOWN_KEYS, NoQuery},
    routes::{ApiRoutes, OverlayRoutes, RootRoutes},
};

pub(crate) const OVERLAY: &str = "overlay";
pub(crate) const EVENTS: &str = "events";
pub(crate) const SETTINGS: &str = "settings";
pub(crate) const CAMPAIGNS: &str = "campaigns";
pub(crate) const HEALTH: &str = "health";

/// What a path's `token` is.
pub(crate) const TOKEN: &str =
    "An overlay token, or a participation's browser source token: both mean the streamer's screen.";

/// The errors of routes that are addressed by a token.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum TokenErrors {
    /// `UNKNOWN_TOKEN`
    #[response(status = 404)]
    UnknownToken(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// The errors of routes in a streamer's own name.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum CallerErrors {
    /// `UNAUTHENTICATED`, also where the account of the token is gone
    #[response(status = 401)]
    Unauthenticated(ErrorResponse),
    /// `ACCOUNT_INACTIVE`, `NOT_A_STREAMER`, `NOT_YOUR_TOKEN`
    #[response(status = 403)]
    Forbidden(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// The errors of routes that take settings.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum BodyErrors {
    /// `MALFORMED_BODY`, `VALIDATION_FAILED`
    #[response(status = 400)]
    Refused(ErrorResponse),
    /// `BODY_TOO_LARGE`
    #[response(status = 413)]
    TooLarge(ErrorResponse),
}

/// What goes for all of them.
const ABOUT: &str = "Sponsorships for live streams.

Everything under `/api/v1/overlay/` is served under `/api/overlay/` as well. What can be read by GET answers HEAD, too. A query
key that an operation does not know, or finds twice, is refused with 400; operations marked `x-ignores-unknown-query-keys` ignore it,
because people follow them and platforms add keys of their own.";

#[derive(OpenApi)]
#[openapi(
    info(title = "GameTriggers", description = ABOUT),
    nest((path = "/api/v1", api = OverlayRoutes), (path = "/api/v1", api = ApiRoutes)),
)]
struct Prefixed;

fn add_bearer_scheme(document: &mut Document) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
}

/// Adds the answers that any operation can give.
fn add_common_answers(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in all.into_iter().flatten() {
            let is_strict = !ignores_unknown_keys(operation);
            let answers = &mut operation.responses.responses;
            if is_strict {
                let refused =
                    error("`VALIDATION_FAILED`: a query key that is unknown or there twice").build();
                answers.entry("400".to_owned()).or_insert(RefOr::T(refused));
            }
            let allow = HeaderBuilder::new().description(Some("The methods that there are")).build();
            let wrong_method = error("`METHOD_NOT_ALLOWED`: another method than those of this path");
            answers.insert("405".to_owned(), RefOr::T(wrong_method.header("Allow", allow).build()));
        }
    }
}

fn ignores_unknown_keys(operation: &Operation) -> bool {
    operation.extensions.as_ref().is_some_and(|extensions| extensions.contains_key(IGNORES_UNKNOWN_KEYS))
}

fn error(description: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorResponse"))).build();
    ResponseBuilder::new().description(description).content("application/json", content)
}

/// What the routes are, what they take and what they answer.
pub(crate) fn described() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let mut document = Prefixed::openapi();
        document.merge(RootRoutes::openapi());
        add_bearer_scheme(&mut document);
        add_common_answers(&mut document);
        document
    });
    &DOCUMENT
}

/// A path of the document as a pattern of the router: the rest of an upload's address may have slashes in it.
pub(crate) fn as_pattern(path: &str) -> String {
    path.replace("{path}", "{path:.*}")
}

/// The document as JSON.
#[must_use]
pub fn document() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| described().to_pretty_json().unwrap_or_default());
    &JSON
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = HEALTH,
    responses((status = 200, description = "The OpenAPI document.", content_type = "application/json", body = Object))
)]
#[route("/openapi.json", method = "GET", method = "HEAD")]
pub(crate) async fn serve(_: NoQuery) -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "public, max-age=300");
    HttpResponse::Ok().content_type("application/json").insert_header(cache).body(document())
}
