//! `GET /health/live`: answers as long as the process runs.

use actix_web::{HttpResponse, get};

use super::response::HealthResponse;
use crate::{openapi::HEALTH, query::NoQuery};

/// The process runs.
#[utoipa::path(
    tag = HEALTH,
    responses((status = 200, description = "The process runs.", body = HealthResponse))
)]
#[get("/health/live")]
pub(crate) async fn live(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(HealthResponse { status: "live" })
}
