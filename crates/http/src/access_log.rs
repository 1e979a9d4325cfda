//! One line per request, without tokens: the route's pattern is logged, never the path (defects O29 and A25).

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

pub(crate) async fn log<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // What is not logged is not found out: matching the route once more takes as long as some answers.
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
    tracing::debug!(%method, route, status = status.as_u16(), elapsed_ms, "request");
    answer
}
