//! The answer if no endpoint matches: 405 with the methods of the path, or 404.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, dev::ResourceDef};
use utoipa::openapi::PathItem;

use crate::{
    error::ApiError,
    routes::{self, OVERLAY_ALIAS},
};

/// The paths of the OpenAPI document, each with its methods in the format of the header `Allow`. The document is made from the
/// mounted endpoints, so this list cannot differ from them.
static PATHS: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let document = routes::document();
    let paths = document.paths.paths.iter();
    paths.map(|(path, item)| (ResourceDef::new(as_pattern(path)), methods(item))).collect()
});

/// Turns a path of the document into a pattern of the router. The path of an upload may contain slashes.
fn as_pattern(path: &str) -> String {
    path.replace("{path}", "{path:.*}")
}

fn methods(item: &PathItem) -> String {
    let of = |name, operation: &Option<_>| operation.is_some().then_some(name);
    // HEAD is answered wherever GET is.
    let all = [
        of("GET, HEAD", &item.get),
        of("POST", &item.post),
        of("PUT", &item.put),
        of("PATCH", &item.patch),
        of("DELETE", &item.delete),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Answers a request that matches no endpoint.
pub(crate) async fn no_route(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    let alias = path.strip_prefix(OVERLAY_ALIAS).and_then(|rest| rest.strip_prefix("/overlay/"));
    let path = alias.map_or(path.into(), |rest| std::borrow::Cow::Owned(format!("/api/v1/overlay/{rest}")));
    match PATHS.iter().find(|(pattern, _)| pattern.is_match(&path)) {
        Some((_, allow)) => Err(ApiError::wrong_method(allow)),
        None => Err(ApiError::no_such_route()),
    }
}
