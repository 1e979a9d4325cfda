//! `POST /users/me/overlay/test`: shows a test ad on the caller's screen.

use actix_web::{HttpResponse, post, web};
use gametriggers_services::TestAd;
use gametriggers_types::{MediaType, WebUrl};
use serde::{Deserialize, Serialize};
use utoipa::{ToSchema, openapi::Schema};

use crate::{
    body::{JsonBody, Object},
    caller::Caller,
    error::ApiError,
    openapi::{self, BodyErrors, CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
};

const MAX_TITLE_CHARS: usize = 200;
const DEFAULT_TITLE: &str = "Test Campaign";
/// The address of the picture that this server draws.
const DEFAULT_MEDIA_PATH: &str = "/api/v1/test-ad.svg";

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
    /// An http or https address, or a path on this server. A video needs one.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^ *([Hh][Tt][Tt][Pp][Ss]?:|/)", max_length = 2048)]
    media_url: Option<WebUrl>,
    #[serde(default)]
    #[schema(schema_with = media_type_schema, required = false)]
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

fn media_type_schema() -> Schema {
    openapi::words_or_null(MediaType::ALL.iter().map(|kind| kind.as_str()))
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
    Caller(actor): Caller,
    _: NoQuery,
    JsonBody(request): JsonBody<TestAdRequest>,
) -> Result<HttpResponse, ApiError> {
    state.limits.settings_change(actor.user().id)?;
    let Object(campaign) = request.test_campaign.unwrap_or_default();
    let ad = campaign.try_into()?;
    let shown = state.services.streamers.show_test_ad(&actor, request.overlay_token.as_deref(), ad).await?;
    let message = if shown {
        "Test ad sent to overlay"
    } else {
        "Overlay is not active. Make sure it is added to your streaming software."
    };
    Ok(HttpResponse::Created().json(TestAdResponse { success: shown, message }))
}
