//! The query of an address. Endpoints of the API refuse keys that they do not know, so that a misspelt key is not silently
//! ignored. Links that people follow ignore them, because platforms add keys of their own (`fbclid`, `utm_source`).

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use url::form_urlencoded;

use crate::error::ApiError;

/// Marks an operation that ignores keys which it does not know.
pub(crate) const IGNORES_UNKNOWN_KEYS: &str = "x-ignores-unknown-query-keys";

/// Refuses a query. An endpoint that takes none has this as an argument.
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

/// The value of the first key of this name. Everything else in the query is ignored.
pub(crate) fn lenient(request: &HttpRequest, name: &str) -> Option<String> {
    form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
