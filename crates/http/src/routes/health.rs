//! Whether the server lives and whether it can work.

use actix_web::{HttpResponse, get, web};
use serde_json::json;

use crate::{ApiState, error::ApiError, openapi::HEALTH};

/// The process runs.
#[utoipa::path(tag = HEALTH, responses((status = 200, description = "The process runs.")))]
#[get("/health/live")]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// The store answers: requests can be served.
#[utoipa::path(
    tag = HEALTH,
    responses(
        (status = 200, description = "The store answers."),
        (status = 503, description = "The store is away.", body = crate::error::ErrorResponse),
    )
)]
#[get("/health/ready")]
pub(crate) async fn ready(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    state.services.ping().await?;
    Ok(HttpResponse::Ok().json(json!({"status": "ready"})))
}
