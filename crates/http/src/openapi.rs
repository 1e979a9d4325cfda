//! The OpenAPI document, made from the routes themselves.
#![allow(unused_qualifications)] // in what utoipa's derive writes

use std::sync::LazyLock;

use actix_web::{HttpResponse, get};
use utoipa::{
    IntoResponses, Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::error::ErrorResponse;
use crate::routes::{campaigns, events, health, links, overlay, overlay_settings, selection, users, visits};

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
    /// `RATE_LIMITED`
    #[response(status = 429)]
    Limited(ErrorResponse),
    /// `STORE_UNAVAILABLE`
    #[response(status = 503)]
    Away(ErrorResponse),
}

/// The errors of routes in a streamer's own name.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(crate) enum CallerErrors {
    /// `UNAUTHENTICATED`
    #[response(status = 401)]
    Unauthenticated(ErrorResponse),
    /// `ACCOUNT_INACTIVE`, `NOT_A_STREAMER`, `NOT_YOUR_TOKEN`
    #[response(status = 403)]
    Forbidden(ErrorResponse),
    /// `USER_NOT_FOUND`
    #[response(status = 404)]
    UserNotFound(ErrorResponse),
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
    /// `BODY_TOO_SLOW`
    #[response(status = 408)]
    TooSlow(ErrorResponse),
    /// `BODY_TOO_LARGE`
    #[response(status = 413)]
    TooLarge(ErrorResponse),
    /// `ENCODING_NOT_SUPPORTED`
    #[response(status = 415)]
    Encoded(ErrorResponse),
    /// `RATE_LIMITED`
    #[response(status = 429)]
    Limited(ErrorResponse),
}

/// Routes under the prefix.
#[derive(OpenApi)]
#[openapi(paths(
    overlay::page,
    overlay::data,
    events::impression,
    events::overlay_click,
    events::click,
    events::campaign_click,
    events::ping,
    links::qr,
    links::qr_png,
    links::qr_svg,
    links::chat_command,
    users::me,
    selection::get,
    selection::put,
    overlay_settings::get,
    overlay_settings::put,
    overlay_settings::regenerate,
    overlay_settings::status,
    overlay_settings::test,
    overlay_settings::test_ad_picture,
    campaigns::streamer_active,
))]
struct Prefixed;

#[derive(OpenApi)]
#[openapi(
    info(title = "GameTriggers", description = "Sponsorships for live streams."),
    paths(health::live, health::ready, visits::follow, links::qr_of_participation),
    nest((path = "/api/v1", api = Prefixed)),
    modifiers(&Bearer),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document as JSON.
#[must_use]
pub fn document() -> &'static str {
    static JSON: LazyLock<String> =
        LazyLock::new(|| Document::openapi().to_pretty_json().unwrap_or_default());
    &JSON
}

#[get("/openapi.json")]
pub(crate) async fn serve() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document())
}
