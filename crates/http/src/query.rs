//! The query of an address. API endpoints refuse unknown keys, so that a misspelt key is not ignored silently. Links that people
//! follow ignore them, because platforms add their own keys (`fbclid`, `utm_source`).

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use url::form_urlencoded;

use crate::error::ApiError;

/// Marks an operation that ignores unknown keys.
pub(crate) const IGNORES_UNKNOWN_KEYS: &str = "x-ignores-unknown-query-keys";

/// Refuses any query. An endpoint without query parameters takes this as an argument.
pub(crate) struct NoQuery;

impl FromRequest for NoQuery {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match first_key(request.query_string()) {
            None => Ok(Self),
            Some(key) => {
                let key: String = key.chars().take(64).collect();
                Err(ApiError::validation(format!(
                    "the query of the address: unknown field `{key}`; this route takes none"
                )))
            }
        })
    }
}

fn first_key(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).next().map(|(key, _)| key.into_owned())
}

/// Returns the value of the first key with this name. Ignores the rest of the query.
pub(crate) fn lenient(request: &HttpRequest, name: &str) -> Option<String> {
    form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
