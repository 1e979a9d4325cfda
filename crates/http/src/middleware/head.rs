//! Answers HEAD requests like GET, so that endpoints need no route for HEAD.
//!
//! The request becomes a GET before it is routed. The HTTP codec still knows that the client sent HEAD, and sends only the
//! headers of the answer.

use actix_web::{
    HttpMessage, HttpRequest,
    dev::{Service, ServiceRequest},
    http::Method,
};

/// Marks a GET that the client sent as a HEAD.
struct SentAsHead;

/// Turns a HEAD into a GET.
pub(crate) fn into_get<S: Service<ServiceRequest>>(mut request: ServiceRequest, next: &S) -> S::Future {
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(SentAsHead);
    }
    next.call(request)
}

/// Whether the client sent this GET as a HEAD. Such a client gets no body.
pub(crate) fn was_sent_as_head(request: &HttpRequest) -> bool {
    request.extensions().contains::<SentAsHead>()
}
