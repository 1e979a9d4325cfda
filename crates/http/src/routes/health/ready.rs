//! `GET /health/ready`: whether the server can serve requests.

use actix_web::{HttpResponse, get, web};

use super::response::HealthResponse;
use crate::{
    error::{ApiError, ErrorResponse},
    openapi::HEALTH,
    query::NoQuery,
    state::ApiState,
};

/// The store answers: requests can be served.
#[utoipa::path(
    tag = HEALTH,
    responses(
        (status = 200, description = "The store answers.", body = HealthResponse),
        (status = 503, description = "The store is away.", body = ErrorResponse),
    )
)]
#[get("/health/ready")]
pub(crate) async fn ready(state: web::Data<ApiState>, _: NoQuery) -> Result<HttpResponse, ApiError> {
    state.services.ping().await.map_err(|error| ApiError::store_away(&error))?;
    Ok(HttpResponse::Ok().json(HealthResponse { status: "ready" }))
}
