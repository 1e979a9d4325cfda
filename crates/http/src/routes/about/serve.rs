//! `GET /openapi.json`: the description of the API.

use actix_web::{HttpResponse, get, http::header, web};

use crate::{
    openapi::{DocumentText, HEALTH},
    query::NoQuery,
};

/// This document.
#[utoipa::path(
    tag = HEALTH,
    responses((status = 200, description = "The OpenAPI document.", content_type = "application/json", body = Object))
)]
#[get("/openapi.json")]
pub(crate) async fn serve(document: web::Data<DocumentText>, _: NoQuery) -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "public, max-age=300");
    HttpResponse::Ok().content_type("application/json").insert_header(cache).body(document.0)
}
