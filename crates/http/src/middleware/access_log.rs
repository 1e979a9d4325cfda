//! One log line per request, at level `debug`. It holds no token: it names the route's pattern, never the path (defects O29 and
//! A25).
//!
//! This is the place where metrics of requests will be taken: it knows the method, the route, the status and the time taken of
//! every request.

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::request_id::RequestId;

/// Writes the line of a request when its answer is there.
pub(crate) async fn log<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // To find out the route again takes as long as some answers do, so nothing is found out that is not logged.
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.call(request).await;
    }
    let started = Instant::now();
    let method = request.method().clone();
    let answer = next.call(request).await;
    // Asked of the answer, because the path is normalised on the way to the route.
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
