//! The caller's own profile.

use actix_web::{HttpResponse, route, web};

use crate::{
    ApiState,
    auth::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
    query::NoQuery,
    wire::UserResponse,
};

/// The caller's whole profile, settings included.
#[utoipa::path(
    get,
    path = "/users/me",
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The profile.", body = UserResponse),
        CallerErrors,
    )
)]
#[route("/users/me", method = "GET", method = "HEAD")]
pub(crate) async fn me(
    state: web::Data<ApiState>,
    Caller(id): Caller,
    _: NoQuery,
) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.profile(id).await?;
    Ok(HttpResponse::Ok().json(UserResponse::from(user)))
}
