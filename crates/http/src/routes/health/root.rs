//! `GET /`: the name of the server, and where to find the description of its API.

use actix_web::{HttpResponse, get};

use crate::{
    openapi::HEALTH,
    query::NoQuery,
    wire::{INDEX, IndexResponse},
};

/// What serves here; scripts that watched the previous system ask for this.
#[utoipa::path(
    tag = HEALTH,
    responses((status = 200, description = "This server.", body = IndexResponse))
)]
#[get("/")]
pub(crate) async fn root(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(INDEX)
}
