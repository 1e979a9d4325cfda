//! An answer that was read to its end.

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// The body as text, as far as it is.
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        Self { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless this is an error with this status and code, in the common format of errors, with a message.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(body["statusCode"], status);
        assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{}", self.body);
        let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "error", "message", "statusCode"]);
    }

    /// Fails unless this is the answer to an event, with this outcome and reason.
    #[track_caller]
    pub(crate) fn assert_event(&self, outcome: &str, reason: Option<&str>) {
        let body = self.json();
        assert_eq!((self.status, body["outcome"].as_str()), (201, Some(outcome)), "{}", self.body);
        assert_eq!(body["reason"].as_str(), reason, "{}", self.body);
        assert_eq!(body["success"], reason.is_none(), "{}", self.body);
    }
}
