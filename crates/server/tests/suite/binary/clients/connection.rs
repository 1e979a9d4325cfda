//! Requests to a server that may be killed at any moment.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use reqwest::{Client, Error, RequestBuilder, StatusCode, redirect::Policy};
use tokio::time::sleep;

/// The time within which a server must answer. Otherwise it has failed.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The error that the server closed the connection or does not run.
pub(crate) struct Gone;

pub(crate) struct Connection {
    pub(crate) http: Client,
    base: String,
    refused: AtomicUsize,
    end_expected: AtomicBool,
}

impl Connection {
    pub(crate) fn to(base: String) -> Self {
        let http = Client::builder().timeout(ANSWERED_WITHIN).redirect(Policy::none()).build().unwrap();
        Self { http, base, refused: AtomicUsize::new(0), end_expected: AtomicBool::new(false) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends the request that `request` makes until the server does not refuse it any more. The answer must have this status.
    pub(crate) async fn insist(
        &self,
        status: StatusCode,
        mut request: impl FnMut() -> RequestBuilder,
    ) -> Result<Vec<u8>, Gone> {
        loop {
            if let Some(body) = self.ask(status, request()).await? {
                return Ok(body);
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    /// Sends a request and returns the body of the answer, which must have this status. Returns `None` if the server asks to try
    /// again later.
    pub(crate) async fn ask(
        &self,
        status: StatusCode,
        request: RequestBuilder,
    ) -> Result<Option<Vec<u8>>, Gone> {
        let response = request.send().await.map_err(|error| self.gone(&error))?;
        let answered = response.status();
        // If the answer is cut off, nothing is acknowledged.
        let body = response.bytes().await.map_err(|error| self.gone(&error))?;
        if answered == StatusCode::SERVICE_UNAVAILABLE {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Ok(None);
        }
        assert_eq!(answered, status, "{}", String::from_utf8_lossy(&body));
        Ok(Some(body.to_vec()))
    }

    /// The number of refusals with "try again later".
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// Allows the server to be gone from now on.
    pub(crate) fn expect_the_end(&self) {
        self.end_expected.store(true, Ordering::SeqCst);
    }

    /// Whether the server may be gone.
    pub(crate) fn is_end_expected(&self) -> bool {
        self.end_expected.load(Ordering::SeqCst)
    }

    fn gone(&self, error: &Error) -> Gone {
        assert!(self.is_end_expected(), "the server did not answer, and nobody had killed it: {error:?}");
        Gone
    }
}
