//! The caller's own profile.

use actix_web::{HttpResponse, get, web};

use crate::{
    ApiState,
    auth::Caller,
    error::ApiError,
    openapi::{CallerErrors, SETTINGS},
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
pub(crate) async fn me(state: web::Data<ApiState>, Caller(id): Caller) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.profile(id).await?;
    Ok(HttpResponse::Ok().json(UserResponse::from(user)))
}
