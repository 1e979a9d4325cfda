//! The headers of every answer that does not set them itself.

use actix_web::{http::header, middleware::DefaultHeaders};

/// Forbids caching, because most answers hold private data such as a token.
pub(crate) fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::CACHE_CONTROL, "no-store"))
}
