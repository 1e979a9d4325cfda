//! The HTTP interface of GameTriggers.
//!
//! Owns routes, wire types, the mapping of errors to answers, the OpenAPI document and the overlay page. Knows the
//! services and no driver. One file per group of routes in `routes`; a handler reads the request, calls one service
//! method and writes the answer (`docs/howto/add-an-endpoint.md`).

mod access_log;
mod auth;
mod body;
mod client_address;
mod cors;
mod error;
mod methods;
mod openapi;
mod query;
#[allow(unused_qualifications)] // in what utoipa's attributes write
mod routes;
mod waiting;
mod wire;

use std::{path::PathBuf, sync::Arc};

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::header,
    middleware::{DefaultHeaders, NormalizePath, from_fn},
    web,
};
use gametriggers_services::{Clock, Services};
use gametriggers_types::WebUrl;

pub use auth::{ACCESS_TOKEN_LASTS, JwtKeys, TokenSubject};
pub use client_address::ForwardedHeader;
pub use error::{ApiError, ErrorCode};
pub use openapi::document as openapi_document;
pub use waiting::waiting_app;

/// What every request handler has at hand.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub services: Services,
    /// The time, by which bearer tokens expire.
    pub clock: Arc<dyn Clock>,
    /// The keys of bearer tokens.
    pub jwt: JwtKeys,
    /// What differs between installations.
    pub settings: Arc<HttpSettings>,
}

/// What differs between installations.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// The origins of web pages that may call the API with credentials.
    pub allowed_origins: Vec<String>,
    /// How many proxies stand in front of the server, each of which adds whom it forwards to the end of
    /// [`forwarded_header`](Self::forwarded_header). 0: callers reach the server directly.
    pub trusted_proxies: usize,
    /// The header that they write. The other one is not read.
    pub forwarded_header: ForwardedHeader,
    /// Where the uploads of the previous system are, which its campaigns name by `/uploads/…`.
    pub uploads: Option<Uploads>,
}

/// Where the uploads of the previous system are.
#[derive(Debug, Clone)]
pub enum Uploads {
    /// In this folder, from which they are served.
    In(PathBuf),
    /// Below this address, to which whoever asks for one is sent.
    At(WebUrl),
}

/// The application, one per worker thread. `extra` adds routes of the binary's own.
pub fn app(
    state: ApiState,
    extra: fn(&mut web::ServiceConfig),
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let cors = cors::CrossOrigin::new(&state.settings);
    App::new()
        .app_data(web::Data::new(state))
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::no_such_route().into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .configure(routes::configure)
        .configure(extra)
        .default_service(web::to(methods::no_route))
        .wrap(NormalizePath::trim())
        .wrap(cors)
        .wrap(default_headers())
        .wrap(from_fn(access_log::log))
}

/// For every answer that does not say otherwise itself. Most show what is somebody's own, such as a token: nothing of that is
/// to be kept on the way.
fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::CACHE_CONTROL, "no-store"))
}
