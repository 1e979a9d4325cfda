//! What the caller has joined.

use actix_web::{HttpResponse, get, web};
use gametriggers_services::Page;
use serde::Deserialize;

use crate::{
    ApiState,
    auth::Caller,
    error::{ApiError, ErrorResponse},
    openapi::CAMPAIGNS,
    wire::JoinedCampaignResponse,
};

const MAX_LIMIT: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    #[serde(default)]
    page: Option<u32>,
    #[serde(default)]
    limit: Option<u32>,
}

impl TryFrom<PageQuery> for Page {
    type Error = ApiError;

    fn try_from(query: PageQuery) -> Result<Self, ApiError> {
        let page = query.page.unwrap_or(1);
        let limit = query.limit.unwrap_or(MAX_LIMIT);
        if page == 0 || !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::validation(format!("page counts from 1; limit is 1 to {MAX_LIMIT}")));
        }
        Ok(Self { offset: (page - 1).saturating_mul(limit), limit })
    }
}

/// The caller's running and paused participations and their campaigns.
#[utoipa::path(
    tag = CAMPAIGNS,
    security(("bearer" = [])),
    params(
        ("page" = Option<u32>, Query, description = "From 1, the default", minimum = 1),
        ("limit" = Option<u32>, Query, description = "1 to 100, the default", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, body = Vec<JoinedCampaignResponse>),
        (status = 400, description = "VALIDATION_FAILED", body = ErrorResponse),
        (status = 401, description = "UNAUTHENTICATED", body = ErrorResponse),
        (status = 403, description = "ACCOUNT_INACTIVE, NOT_A_STREAMER", body = ErrorResponse),
    )
)]
#[get("/campaigns/streamer/active")]
pub(crate) async fn streamer_active(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let page = query.into_inner().try_into()?;
    let user = state.services.streamers.account(id).await?;
    let joined = state.services.campaigns.joined(&user, page).await?;
    let list: Vec<_> = joined.into_iter().map(JoinedCampaignResponse::from).collect();
    Ok(HttpResponse::Ok().json(list))
}
