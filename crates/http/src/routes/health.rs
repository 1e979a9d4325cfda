//! Whether the server lives and whether it can work.

use actix_web::{HttpResponse, route, web};
use serde_json::json;

use crate::{ApiState, error::ApiError, openapi::HEALTH};

/// The process runs.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = HEALTH,
    responses((status = 200, description = "The process runs."))
)]
#[route("/health/live", method = "GET", method = "HEAD")]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// The store answers: requests can be served.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = HEALTH,
    responses(
        (status = 200, description = "The store answers."),
        (status = 503, description = "The store is away.", body = crate::error::ErrorResponse),
    )
)]
#[route("/health/ready", method = "GET", method = "HEAD")]
pub(crate) async fn ready(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    state.services.ping().await.map_err(|error| ApiError::store_away(&error))?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
