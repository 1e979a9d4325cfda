//! The caller's overlay: how it looks, its token, whether it is loaded, a test ad.

use actix_web::{HttpResponse, http::header, post, put, route, web};
use gametriggers_services::{OverlayPatch, TestAd};
use gametriggers_types::{
    BackgroundColor, MediaType, Opacity, OverlayPosition, OverlaySize, Timestamp, WebUrl,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiState,
    auth::Caller,
    body::{JsonBody, Object},
    error::ApiError,
    openapi::{BodyErrors, CallerErrors, SETTINGS},
    query::NoQuery,
    wire::OverlayAccessResponse,
};

const MAX_TITLE_CHARS: usize = 200;
const DEFAULT_TITLE: &str = "Test Campaign";
/// A picture that needs no host: drawn by the server itself.
const DEFAULT_MEDIA_PATH: &str = "/api/v1/test-ad.svg";

/// The overlay settings to change; what is missing or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OverlaySettingsRequest {
    /// `top-left`, `top-right`, `bottom-left` or `bottom-right`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    position: Option<OverlayPosition>,
    /// `small`, `medium` or `large`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    size: Option<OverlaySize>,
    /// Percent.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 20, maximum = 100)]
    opacity: Option<Opacity>,
    /// `transparent` or a hexadecimal colour.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    background_color: Option<BackgroundColor>,
}

impl From<OverlaySettingsRequest> for OverlayPatch {
    fn from(request: OverlaySettingsRequest) -> Self {
        let OverlaySettingsRequest { position, size, opacity, background_color } = request;
        Self { position, size, opacity, background_color }
    }
}

/// The new token of the overlay URL.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayTokenResponse {
    overlay_token: String,
    /// The browser source URLs of the campaigns joined so far are void as well: always true.
    participation_tokens_revoked: bool,
}

/// Whether the overlay is loaded somewhere.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverlayStatusResponse {
    /// Seen less than 120 seconds ago.
    active: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StatusQuery {
    #[serde(default)]
    overlay_token: Option<String>,
}

/// A test ad to show on the caller's own screen. Unknown fields are ignored: the previous system took any object, and its
/// settings page sends more than is shown.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestAdRequest {
    /// If given, it must be the caller's.
    #[serde(default)]
    overlay_token: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<TestCampaignRequest>)]
    test_campaign: Option<Object<TestCampaignRequest>>,
}

/// What to show; each field has a default, and unknown ones are ignored.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TestCampaignRequest {
    #[serde(default)]
    #[schema(max_length = 200)]
    title: Option<String>,
    /// An http or https address, or a path on this server.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    media_url: Option<WebUrl>,
    /// `image` or `video`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    media_type: Option<MediaType>,
}

impl TryFrom<TestCampaignRequest> for TestAd {
    type Error = ApiError;

    fn try_from(request: TestCampaignRequest) -> Result<Self, ApiError> {
        let title = request.title.unwrap_or_else(|| DEFAULT_TITLE.to_owned());
        if title.chars().count() > MAX_TITLE_CHARS {
            return Err(ApiError::validation(format!(
                "testCampaign.title has at most {MAX_TITLE_CHARS} characters"
            )));
        }
        let (media_url, media_type) = match (request.media_url, request.media_type) {
            (Some(url), kind) => (url, kind.unwrap_or(MediaType::Image)),
            (None, None | Some(MediaType::Image)) => (
                WebUrl::parse(DEFAULT_MEDIA_PATH).map_err(|error| ApiError::internal(&error))?,
                MediaType::Image,
            ),
            (None, Some(MediaType::Video)) => {
                return Err(ApiError::validation("testCampaign.mediaUrl is missing: a video has no default"));
            }
        };
        Ok(Self { title, media_url, media_type })
    }
}

/// Whether the test ad was shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestAdResponse {
    success: bool,
    message: &'static str,
}

/// The overlay settings and token; a streamer has a token from then on.
#[utoipa::path(
    get,
    path = "/users/me/overlay",
    tag = SETTINGS,
    operation_id = "get_overlay_settings",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The overlay settings and token.", body = OverlayAccessResponse),
        CallerErrors,
    )
)]
#[route("/users/me/overlay", method = "GET", method = "HEAD")]
pub(crate) async fn get(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.streamer(id, "access overlay settings").await?;
    Ok(HttpResponse::Ok().json(OverlayAccessResponse::from(user)))
}

/// Changes how the overlay looks: only what the request names. A loaded overlay follows within seconds.
#[utoipa::path(
    tag = SETTINGS,
    operation_id = "put_overlay_settings",
    security(("bearer" = [])),
    request_body = OverlaySettingsRequest,
    responses(
        (status = 200, description = "The overlay settings and token.", body = OverlayAccessResponse),
        BodyErrors,
        CallerErrors,
    )
)]
#[put("/users/me/overlay")]
pub(crate) async fn put(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    _: NoQuery,
    JsonBody(request): JsonBody<OverlaySettingsRequest>,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.update_overlay(id, &request.into()).await?;
    Ok(HttpResponse::Ok().json(OverlayAccessResponse::from(user)))
}

/// Makes the overlay token anew. The old URL, every browser source URL of a campaign joined before, and every receipt
/// are void from then on.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new token.", body = OverlayTokenResponse),
        CallerErrors,
    )
)]
#[post("/users/me/overlay/regenerate")]
pub(crate) async fn regenerate(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let token = state.services.streamers.regenerate_overlay_token(id).await?;
    Ok(HttpResponse::Created().json(OverlayTokenResponse {
        overlay_token: token.expose().to_owned(),
        participation_tokens_revoked: true,
    }))
}

/// Whether the overlay is loaded somewhere.
#[utoipa::path(
    get,
    path = "/users/me/overlay/status",
    tag = SETTINGS,
    security(("bearer" = [])),
    params(("overlayToken" = Option<String>, Query, description = "If given, it must be the caller's")),
    responses(
        (status = 200, description = "Whether it is.", body = OverlayStatusResponse),
        CallerErrors,
    )
)]
#[route("/users/me/overlay/status", method = "GET", method = "HEAD")]
pub(crate) async fn status(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    query: web::Query<StatusQuery>,
) -> Result<HttpResponse, ApiError> {
    let status = state.services.streamers.overlay_status(id, query.overlay_token.as_deref()).await?;
    Ok(HttpResponse::Ok().json(OverlayStatusResponse { active: status.active, last_seen: status.last_seen }))
}

/// Shows a test ad on the caller's own screen for 10 seconds, above whatever campaign is there. It counts nothing.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    request_body = TestAdRequest,
    responses(
        (status = 201, description = "`success` is false where no overlay is active.", body = TestAdResponse),
        BodyErrors,
        CallerErrors,
    )
)]
#[post("/users/me/overlay/test")]
pub(crate) async fn test(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    _: NoQuery,
    JsonBody(request): JsonBody<TestAdRequest>,
) -> Result<HttpResponse, ApiError> {
    let Object(campaign) = request.test_campaign.unwrap_or_default();
    let ad = campaign.try_into()?;
    let shown = state.services.streamers.show_test_ad(id, request.overlay_token.as_deref(), ad).await?;
    let message = if shown {
        "Test ad sent to overlay"
    } else {
        "Overlay is not active. Make sure it is added to your streaming software."
    };
    Ok(HttpResponse::Created().json(TestAdResponse { success: shown, message }))
}

/// The picture of a test ad that names none.
#[utoipa::path(
    get,
    path = "/test-ad.svg",
    tag = SETTINGS,
    responses((status = 200, description = "The picture.", content_type = "image/svg+xml"))
)]
#[route("/test-ad.svg", method = "GET", method = "HEAD")]
pub(crate) async fn test_ad_picture(_: NoQuery) -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "public, max-age=3600");
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header(cache)
        .body(include_str!("../../templates/test-ad.svg"))
}
