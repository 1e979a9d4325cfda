//! The id of a request. The answer and the log lines of the request hold it.
//!
//! A caller or a proxy may give the id in the header `X-Request-Id`. Otherwise the server makes one.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};

/// The header that holds the id, in requests and in answers.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The greatest length of an id, in bytes.
const MAX_LEN: usize = 64;

tokio::task_local! {
    /// The id of the request that the current task answers.
    static CURRENT: RequestId;
}

/// The id of a request: 1 to 64 letters, digits, `.`, `_` or `-`.
#[derive(Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of the request that is being answered; `None` outside a request.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id in the header of the request, if it is well-formed.
    fn given(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(X_REQUEST_ID)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_well_formed = (1..=MAX_LEN).contains(&id.len()) && id.as_bytes().iter().all(plain);
        is_well_formed.then(|| Self(id.clone()))
    }

    /// Makes a new id from a beginning that is random for each process and a number that the process counts.
    fn new() -> Option<Self> {
        static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
        static MADE: AtomicU64 = AtomicU64::new(1);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let id = HeaderValue::try_from(format!("{:016x}-{number:x}", *PROCESS));
        id.ok().map(Self)
    }
}

/// Gives the request its id and sends the id with the answer.
pub(crate) async fn identify<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(id) = RequestId::given(request.headers()).or_else(RequestId::new) else {
        return next.call(request).await;
    };
    let mut response = CURRENT.scope(id.clone(), next.call(request)).await?;
    response.headers_mut().insert(X_REQUEST_ID, id.0);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_well_formed_id_of_the_caller_is_kept_and_no_other() {
        let longest = "a".repeat(64);
        let too_long = "a".repeat(65);
        for (given, kept) in [
            ("a", true),
            ("0190f5a2-7c1e.B_9", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("a b", false),
            ("a/b", false),
            ("größe", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(given.as_bytes()).unwrap());
            let id = RequestId::given(&headers);
            assert_eq!(id.as_ref().map(RequestId::as_str), kept.then_some(given), "{given}");
        }
        assert!(RequestId::given(&HeaderMap::new()).is_none());
    }

    #[test]
    fn an_id_that_is_made_is_well_formed_and_nobody_elses() {
        let (one, other) = (RequestId::new().unwrap(), RequestId::new().unwrap());
        assert_ne!(one.as_str(), other.as_str());
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, one.0.clone());
        assert_eq!(RequestId::given(&headers).unwrap().as_str(), one.as_str());
    }
}
