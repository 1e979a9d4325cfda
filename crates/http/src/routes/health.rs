//! Whether the server lives and whether it can work.

use actix_web::{HttpResponse, route, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiState, error::ApiError, openapi::HEALTH, query::NoQuery};

/// That all is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// `live` or `ready`.
    #[schema(example = "ready")]
    status: &'static str,
}

/// What serves here.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexResponse {
    #[schema(example = "GameTriggers")]
    name: &'static str,
    /// Where the description of the API is.
    #[schema(example = "/api/v1/openapi.json")]
    openapi: &'static str,
}

const INDEX: IndexResponse = IndexResponse { name: "GameTriggers", openapi: "/api/v1/openapi.json" };

/// The process runs.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = HEALTH,
    responses((status = 200, description = "The process runs.", body = HealthResponse))
)]
#[route("/health/live", method = "GET", method = "HEAD")]
pub(crate) async fn live(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(HealthResponse { status: "live" })
}

/// The store answers: requests can be served.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = HEALTH,
    responses(
        (status = 200, description = "The store answers.", body = HealthResponse),
        (status = 503, description = "The store is away.", body = crate::error::ErrorResponse),
    )
)]
#[route("/health/ready", method = "GET", method = "HEAD")]
pub(crate) async fn ready(state: web::Data<ApiState>, _: NoQuery) -> Result<HttpResponse, ApiError> {
    state.services.ping().await.map_err(|error| ApiError::store_away(&error))?;
    Ok(HttpResponse::Ok().json(HealthResponse { status: "ready" }))
}

/// What serves here; scripts that watched the previous system ask for this.
#[utoipa::path(
    get,
    path = "/",
    tag = HEALTH,
    responses((status = 200, description = "This server.", body = IndexResponse))
)]
#[route("/", method = "GET", method = "HEAD")]
pub(crate) async fn root(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(INDEX)
}

/// What serves here, under the prefix of the API.
#[utoipa::path(
    get,
    path = "",
    tag = HEALTH,
    responses((status = 200, description = "This server.", body = IndexResponse))
)]
#[route("", method = "GET", method = "HEAD")]
pub(crate) async fn api(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(INDEX)
}
