//! `GET /`: the name of the server, and where to find the description of its API.

use actix_web::{HttpResponse, get};

use crate::{
    openapi::HEALTH,
    query::NoQuery,
    wire::{INDEX, IndexResponse},
};

/// The name of the server and the address of its API description. Scripts that monitored the previous system ask for this address.
#[utoipa::path(
    tag = HEALTH,
    responses((status = 200, description = "This server.", body = IndexResponse))
)]
#[get("/")]
pub(crate) async fn root(_: NoQuery) -> HttpResponse {
    HttpResponse::Ok().json(INDEX)
}
