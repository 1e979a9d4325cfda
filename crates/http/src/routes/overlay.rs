//! The overlay page and the data that it polls.

use std::{str::Utf8Error, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header, header::HeaderValue},
    route,
    web::{self, Bytes},
};
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use gametriggers_domain::eligibility::EmptyReason;
use gametriggers_services::{OnScreen, Rendering, Screen, TEST_AD_LASTS};
use gametriggers_types::{CampaignId, DecisionId, MediaType, ParticipationId, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use siphasher::sip128::SipHasher13;
use utoipa::ToSchema;

use crate::{
    ApiState,
    error::{ApiError, ErrorCode, ask_again_later},
    openapi::{OVERLAY, TOKEN, TokenErrors},
    query::NoQuery,
    wire::OverlaySettingsResponse,
};

/// What kind of content is on screen.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ContentKind {
    Campaign,
    Test,
    Empty,
}

/// What is on screen. Where nothing is, every key but `kind`, `reason` and `version` is `null`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayDataResponse {
    kind: ContentKind,
    title: Option<String>,
    media_url: Option<String>,
    #[schema(value_type = Option<String>, example = "image")]
    media_type: Option<MediaType>,
    #[schema(value_type = Option<String>)]
    campaign_id: Option<CampaignId>,
    #[schema(value_type = Option<String>)]
    participation_id: Option<ParticipationId>,
    /// The decision that put the campaign there; the same for all who ask while it is in force.
    #[schema(value_type = Option<String>, example = "6864d4187d06a675f2abb714-17")]
    decision_id: Option<DecisionId>,
    /// Proof of this display, to send along with events until 10 minutes after its end.
    receipt: Option<String>,
    strategy: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    slot_start: Option<Timestamp>,
    /// When something else may be on screen; ask again then.
    #[schema(value_type = Option<String>, format = DateTime)]
    slot_end: Option<Timestamp>,
    overlay_settings: Option<OverlaySettingsResponse>,
    /// Why nothing is on screen.
    #[schema(value_type = Option<String>, example = "blackout")]
    reason: Option<EmptyReason>,
    /// Changes with anything above; equals the `ETag`.
    version: String,
}

impl OverlayDataResponse {
    fn empty(reason: EmptyReason) -> Self {
        Self {
            kind: ContentKind::Empty,
            title: None,
            media_url: None,
            media_type: None,
            campaign_id: None,
            participation_id: None,
            decision_id: None,
            receipt: None,
            strategy: None,
            slot_start: None,
            slot_end: None,
            overlay_settings: None,
            reason: Some(reason),
            version: String::new(),
        }
    }

    /// The answer as JSON, and its entity tag as its version. The version is a hash of everything else in the answer, so it is
    /// the same on every instance and after every restart.
    fn rendered(mut self) -> Result<Rendering, serde_json::Error> {
        let hash = SipHasher13::new().hash(&serde_json::to_vec(&self)?).as_u128();
        self.version = format!("{hash:032x}");
        let mut text = format!("\"{}\"", self.version).into_bytes();
        let tag_length = text.len();
        serde_json::to_writer(&mut text, &self)?;
        // Both are kept in memory for many screens, so they share one allocation of exactly their size. Shrinking `text` would
        // not promise that size.
        let mut body = Bytes::copy_from_slice(&text);
        let entity_tag = body.split_to(tag_length);
        Ok(Rendering { version: entity_tag, body })
    }
}

impl From<Screen> for OverlayDataResponse {
    fn from(screen: Screen) -> Self {
        let settings = OverlaySettingsResponse::from(screen.user.overlay);
        match screen.on_screen {
            OnScreen::Empty(reason) => Self::empty(reason),
            OnScreen::Test { ad, receipt } => Self {
                kind: ContentKind::Test,
                title: Some(ad.title),
                media_url: Some(ad.media_url.as_str().to_owned()),
                media_type: Some(ad.media_type),
                campaign_id: None,
                participation_id: None,
                decision_id: None,
                receipt: Some(receipt),
                strategy: None,
                slot_start: ad.expires_at.checked_sub(TEST_AD_LASTS).ok(),
                slot_end: Some(ad.expires_at),
                overlay_settings: Some(settings),
                reason: None,
                version: String::new(),
            },
            OnScreen::Campaign(shown) => Self {
                kind: ContentKind::Campaign,
                title: Some(shown.campaign.title),
                media_url: Some(shown.campaign.media_url),
                media_type: Some(shown.campaign.media_type),
                campaign_id: Some(shown.campaign.id),
                participation_id: Some(shown.participation.id),
                decision_id: Some(shown.decision.id),
                receipt: Some(shown.receipt),
                strategy: shown.decision.selection().map(|selection| selection.strategy.clone()),
                slot_start: Some(shown.decision.slot_start),
                slot_end: Some(shown.decision.until),
                overlay_settings: Some(settings),
                reason: None,
                version: String::new(),
            },
        }
    }
}

/// The page for OBS's browser source.
#[derive(Template)]
#[template(path = "overlay.html")]
struct OverlayPage {
    script: &'static str,
    state: DataIsland,
}

/// JSON in a form that may stand within a script element: without `<`, `>` and `&`.
struct DataIsland(String);

impl DataIsland {
    /// For a page that does not know what is on screen.
    fn unknown() -> Self {
        Self("null".to_owned())
    }

    /// From JSON in any form. `<`, `>` and `&` occur only in the strings of JSON, so escapes in their place mean the same.
    fn of(json: &[u8]) -> Result<Self, Utf8Error> {
        let json = str::from_utf8(json)?;
        Ok(Self(json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")))
    }
}

const SCRIPT: &str = include_str!("../../templates/overlay.js");

/// Media may come from any host, because each brand has its own. Styles may be inline, because OBS applies the streamer's
/// custom CSS as a style element. No setting is written into a style sheet, so nothing can be injected there.
static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src 'self' http: https:; \
         media-src 'self' http: https:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
});

/// The overlay page, to be added to OBS as a browser source.
///
/// With an unknown token, or while the store is away, the page is transparent and tries again by itself.
#[utoipa::path(
    get,
    path = "/overlay/{token}",
    tag = OVERLAY,
    extensions(("x-ignores-unknown-query-keys" = json!(true))),
    params(("token" = String, Path, description = TOKEN, min_length = 1)),
    responses(
        (status = 200, description = "The page with what is on screen.", content_type = "text/html", body = String),
        (status = 404, description = "A transparent page that tries again.", content_type = "text/html", body = String),
        (status = 429, description = "A transparent page that tries again: too many unknown tokens from one address.", content_type = "text/html", body = String),
        (status = 503, description = "A transparent page that tries again.", content_type = "text/html", body = String),
    )
)]
#[route("/overlay/{token}", method = "GET", method = "HEAD")]
pub(crate) async fn page(
    state: web::Data<ApiState>,
    token: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    // A page load counts nothing (defect M3). The page reports its display itself, once for each decision.
    let (status, content) = match screen(&state, &token).await {
        Ok(Rendering { body, .. }) => {
            (StatusCode::OK, DataIsland::of(&body).map_err(|error| ApiError::internal(&error))?)
        }
        Err(error) => (error.code().status(), DataIsland::unknown()),
    };
    render_page(status, content)
}

/// The page while there is no store to ask.
pub(crate) async fn page_without_store() -> Result<HttpResponse, ApiError> {
    render_page(ErrorCode::StoreUnavailable.status(), DataIsland::unknown())
}

/// The page for an address that has asked for too many tokens which no overlay has.
pub(crate) fn page_refused(refused: &ApiError) -> Result<HttpResponse, ApiError> {
    let mut answer = render_page(refused.code().status(), DataIsland::unknown())?;
    answer.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_seconds().into());
    Ok(answer)
}

fn render_page(status: StatusCode, state: DataIsland) -> Result<HttpResponse, ApiError> {
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

/// What is on screen; decides if no decision is in force.
#[utoipa::path(
    get,
    path = "/overlay/{token}/data",
    tag = OVERLAY,
    params(
        ("token" = String, Path, description = TOKEN, min_length = 1),
        ("If-None-Match" = Option<String>, Header, description = "The `version` of the last answer"),
    ),
    responses(
        (status = 200, description = "What is on screen.", body = OverlayDataResponse, headers(("ETag" = String, description = "The version, in quotes"))),
        (status = 304, description = "Nothing has changed since that version."),
        TokenErrors,
    )
)]
#[route("/overlay/{token}/data", method = "GET", method = "HEAD")]
pub(crate) async fn data(
    request: HttpRequest,
    state: web::Data<ApiState>,
    token: web::Path<String>,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let Rendering { version: entity_tag, body } = screen(&state, &token).await?;
    let is_known = names_version(&request, &entity_tag);
    let tag = HeaderValue::from_maybe_shared(entity_tag).map_err(|error| ApiError::internal(&error))?;
    let tag = (header::ETAG, tag);
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if is_known {
        return Ok(HttpResponse::NotModified().insert_header(tag).insert_header(cache).finish());
    }
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(HttpResponse::Ok().insert_header(tag).insert_header(cache).insert_header(json).body(body))
}

async fn screen(state: &ApiState, token: &str) -> Result<Rendering, ApiError> {
    let render =
        |screen| OverlayDataResponse::from(screen).rendered().map_err(|error| ApiError::internal(&error));
    state.services.overlay.render(token, render).await
}

/// Whether `If-None-Match` names the version: as an entity tag or without its quotes.
fn names_version(request: &HttpRequest, entity_tag: &[u8]) -> bool {
    let version =
        entity_tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\"")).unwrap_or(entity_tag);
    let tag = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').as_bytes() == version;
    let values = request.headers().get_all(header::IF_NONE_MATCH);
    values.filter_map(|value| value.to_str().ok()).any(|value| value.split(',').any(tag))
}
