//! `GET /api/v1`: which server and version this is.

use actix_web::{HttpResponse, get};

use crate::{
    openapi::HEALTH,
    query::NoQuery,
    wire::{INDEX, IndexResponse},
};

/// The name of the server and the address of its API description, under the prefix of the API.
#[utoipa::path(
    tag = HEALTH,
    responses((status = 200, description = "This server.", body = IndexResponse))
)]
#[get("")]
pub(crate) async fn api(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(INDEX)
}
