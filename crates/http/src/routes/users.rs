//! The caller's own profile.

use actix_web::{HttpResponse, get, web};

use crate::{
    ApiState,
    auth::Caller,
    error::{ApiError, ErrorResponse},
    openapi::SETTINGS,
    wire::UserResponse,
};

/// The caller's whole profile, settings included.
#[utoipa::path(
    tag = SETTINGS,
    security(("bearer" = [])),
    responses(
        (status = 200, body = UserResponse),
        (status = 401, description = "UNAUTHENTICATED", body = ErrorResponse),
        (status = 403, description = "ACCOUNT_INACTIVE", body = ErrorResponse),
        (status = 404, description = "USER_NOT_FOUND", body = ErrorResponse),
    )
)]
#[get("/users/me")]
pub(crate) async fn me(state: web::Data<ApiState>, Caller(id): Caller) -> Result<HttpResponse, ApiError> {
    let user = state.services.streamers.profile(id).await?;
    Ok(HttpResponse::Ok().json(UserResponse::from(user)))
}
