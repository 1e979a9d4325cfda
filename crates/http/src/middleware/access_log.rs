//! One log line per request, at level `debug`. The line holds no token, because it names the pattern of the route and not the
//! path (defects O29 and A25).
//!
//! Metrics of requests belong into this file, because it knows the method, the route, the status and the duration of every
//! request.

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::request_id::RequestId;

/// Calls the endpoint and then logs the request.
pub(crate) async fn log<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // Finding the route again takes as long as some answers, so this is done only for a line that is logged.
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.call(request).await;
    }
    let started = Instant::now();
    let method = request.method().clone();
    let answer = next.call(request).await;
    // The route is read from the answer, because the path is normalised before the request is routed.
    let (route, status) = match &answer {
        Ok(response) => (response.request().match_pattern(), response.status()),
        Err(error) => (None, error.as_response_error().status_code()),
    };
    let route = route.unwrap_or_else(|| "unmatched".to_owned());
    let elapsed_ms = started.elapsed().as_secs_f64() * 1e3;
    let request_id = RequestId::current();
    let request_id = request_id.as_ref().map(RequestId::as_str);
    tracing::debug!(%method, route, status = status.as_u16(), elapsed_ms, request_id, "request");
    answer
}
