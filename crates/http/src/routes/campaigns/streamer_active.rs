//! `GET /campaigns/streamer/active`: the campaigns that the caller has joined.

use actix_web::{HttpResponse, get, web};
use gametriggers_types::{PageLimit, PageRequest, ParticipationId};
use serde::Deserialize;

use crate::{
    caller::Caller,
    error::{ApiError, ErrorResponse},
    openapi::{CAMPAIGNS, CallerErrors},
    state::ApiState,
    wire::JoinedCampaignResponse,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    #[serde(default)]
    page: Option<String>,
    #[serde(default)]
    limit: Option<String>,
}

impl TryFrom<PageQuery> for PageRequest<ParticipationId> {
    type Error = ApiError;

    fn try_from(query: PageQuery) -> Result<Self, ApiError> {
        let page = number("page", query.page, 1, u32::MAX)?;
        let limit = number("limit", query.limit, PageLimit::MAX, PageLimit::MAX)?;
        let offset = (page - 1).saturating_mul(limit);
        let limit = limit.try_into().map_err(|error| ApiError::validation(format!("limit: {error}")))?;
        Ok(Self::at(offset, limit))
    }
}

fn number(name: &str, given: Option<String>, default: u32, max: u32) -> Result<u32, ApiError> {
    let number = given.map_or(Ok(default), |text| text.parse());
    number.ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        ApiError::validation(format!(
            "{name}, in the query of the address, is a whole number from 1 to {max}"
        ))
    })
}

/// The caller's running and paused participations and their campaigns.
#[utoipa::path(
    tag = CAMPAIGNS,
    security(("bearer" = [])),
    params(
        ("page" = Option<i64>, Query, description = "From 1, the default", minimum = 1, maximum = 4_294_967_295_u32),
        ("limit" = Option<u32>, Query, description = "1 to 100, the default", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, description = "A page of them, in order of their ids.", body = Vec<JoinedCampaignResponse>),
        (status = 400, description = "`VALIDATION_FAILED`", body = ErrorResponse),
        CallerErrors,
    )
)]
#[get("/campaigns/streamer/active")]
pub(crate) async fn streamer_active(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, ApiError> {
    let page = query.into_inner().try_into()?;
    let joined = state.services.campaigns.joined(&actor, page).await?;
    let list: Vec<_> = joined.items.into_iter().map(JoinedCampaignResponse::from).collect();
    Ok(HttpResponse::Ok().json(list))
}
