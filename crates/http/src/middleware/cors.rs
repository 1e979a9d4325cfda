//! Which web pages may read answers. Pages of the configured origins may read all answers. Other pages may read only answers of
//! endpoints under a screen's token.

use std::rc::Rc;

use actix_cors::{Cors, CorsMiddleware};
use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{RequestHead, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header,
};

use super::request_id::X_REQUEST_ID;
use crate::settings::HttpSettings;

/// The paths of endpoints without an account. Any page that has the token of such a path may call it.
const OPEN: [&str; 4] =
    ["/api/v1/overlay/", "/api/overlay/", "/api/v1/campaigns/impression/", "/api/v1/campaigns/click/"];
/// The number of seconds for which a browser may keep the answer to a preflight request.
const MAX_AGE: usize = 3_600;

/// Two CORS policies: one for the configured origins, which may send credentials, and one for all other origins, which applies to
/// endpoints without an account.
pub(crate) struct CrossOrigin {
    allowed_origins: Rc<[String]>,
    own: Cors,
    open: Cors,
}

impl CrossOrigin {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let policy = || {
            Cors::default()
                .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH])
                .allowed_header("Idempotency-Key")
                .expose_headers([header::ETAG, header::RETRY_AFTER, X_REQUEST_ID])
                .block_on_origin_mismatch(false)
                .max_age(MAX_AGE)
        };
        let own = policy().allowed_methods(["GET", "POST", "PUT", "DELETE"]).supports_credentials();
        let own = settings.allowed_origins.iter().fold(own, |cors, origin| cors.allowed_origin(origin));
        let open = policy().allowed_methods(["GET", "POST"]).allow_any_origin().send_wildcard();
        Self { allowed_origins: settings.allowed_origins.clone().into(), own, open }
    }
}

impl<S, B> Transform<S, ServiceRequest> for CrossOrigin
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type InitError = ();
    type Transform = CrossOriginMiddleware<Rc<S>>;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Transform, ()>>>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let service = Rc::new(service);
        let own = self.own.new_transform(service.clone());
        let open = self.open.new_transform(service);
        let allowed_origins = self.allowed_origins.clone();
        Box::pin(
            async move { Ok(CrossOriginMiddleware { allowed_origins, own: own.await?, open: open.await? }) },
        )
    }
}

/// See [`CrossOrigin`].
pub(crate) struct CrossOriginMiddleware<S> {
    allowed_origins: Rc<[String]>,
    own: CorsMiddleware<S>,
    open: CorsMiddleware<S>,
}

impl<S> CrossOriginMiddleware<S> {
    /// Whether the second policy applies: the request comes from a page of another origin, and any page may call the endpoint. A
    /// page that was opened from a file has the origin `null`.
    fn is_open(&self, head: &RequestHead) -> bool {
        let Some(origin) = head.headers().get(header::ORIGIN) else { return false };
        let own = self.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes());
        !own && OPEN.iter().any(|prefix| head.uri.path().starts_with(prefix))
    }
}

impl<S, B> Service<ServiceRequest> for CrossOriginMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = <CorsMiddleware<S> as Service<ServiceRequest>>::Future;

    forward_ready!(own);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        if self.is_open(request.head()) { self.open.call(request) } else { self.own.call(request) }
    }
}
