//! `GET /users/me/campaign-selection`: the caller's settings for the selection of campaigns.

use actix_web::{HttpResponse, get, web};

use crate::{
    caller::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
    wire::SelectionResponse,
};

/// How campaigns are chosen for the caller's screen.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The settings, complete.", body = SelectionResponse),
        CallerErrors,
    )
)]
#[get("/users/me/campaign-selection")]
pub(crate) async fn get_campaign_selection(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.selection_settings(&actor).await?;
    Ok(HttpResponse::Ok().json(SelectionResponse::from(user)))
}
