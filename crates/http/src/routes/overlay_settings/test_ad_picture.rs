//! `GET /test-ad.svg`: the picture of a test ad without its own.

use actix_web::{HttpResponse, get, http::header};

use crate::{openapi::SETTINGS, query::NoQuery};

/// The picture of a test ad that names none.
#[utoipa::path(
    tag = SETTINGS,
    responses((status = 200, description = "The picture.", content_type = "image/svg+xml"))
)]
#[get("/test-ad.svg")]
pub(crate) async fn test_ad_picture(_: NoQuery) -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "public, max-age=3600");
    HttpResponse::Ok()
        .content_type("image/svg+xml")
        .insert_header(cache)
        .body(include_str!("../../../templates/test-ad.svg"))
}
