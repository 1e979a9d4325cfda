//! `GET /users/me`: the caller's own profile.

use actix_web::{HttpResponse, get, web};

use crate::{
    caller::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    query::NoQuery,
    state::ApiState,
    wire::UserResponse,
};

/// The caller's whole profile, settings included.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The profile.", body = UserResponse),
        CallerErrors,
    )
)]
#[get("/users/me")]
pub(crate) async fn me(
    state: web::Data<ApiState>,
    Caller(actor): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.profile(&actor).await?;
    Ok(HttpResponse::Ok().json(UserResponse::from(user)))
}
