//! The headers of every answer that does not say otherwise itself.

use actix_web::{http::header, middleware::DefaultHeaders};

/// Most answers show what is somebody's own, such as a token, so nothing is to be kept on the way.
pub(crate) fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::CACHE_CONTROL, "no-store"))
}
