//! The HTTP interface of GameTriggers.
//!
//! This crate owns the endpoints, their wire types, the mapping of errors to answers, the OpenAPI document and the HTML pages. It
//! uses the services and knows no driver. Each endpoint is one file in `routes`: its handler reads the request, calls one service
//! method and writes the answer (`docs/howto/add-an-endpoint.md`).

mod body;
mod caller;
mod error;
mod jwt;
mod limits;
mod methods;
mod middleware;
mod openapi;
mod pages;
mod qr;
mod query;
#[allow(unused_qualifications)] // in what utoipa's attributes write
mod routes;
mod settings;
mod state;
mod waiting;
mod wire;

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{NormalizePath, from_fn},
    web,
};

use crate::{
    middleware::{
        access_log, client_address, cors::CrossOrigin, default_headers::default_headers, head, rate_limits,
        request_id,
    },
    openapi::DocumentText,
};

pub use error::{ApiError, ErrorCode};
pub use jwt::{ACCESS_TOKEN_LASTS, JwtKeys, TokenSubject};
pub use limits::{RateLimits, RateSettings};
pub use routes::document_text as openapi_document;
pub use settings::{ForwardedHeader, HttpSettings, Uploads};
pub use state::ApiState;
pub use waiting::waiting_app;

/// Makes the application; each worker thread has one. `extra` mounts the binary's own routes.
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
    let cors = CrossOrigin::new(&state.settings);
    App::new()
        .app_data(web::Data::new(state))
        .app_data(web::Data::new(DocumentText(routes::document_text())))
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::no_such_route().into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .configure(routes::configure)
        .configure(extra)
        .default_service(web::to(methods::no_route))
        // A request passes through these from the last to the first, and its answer from the first to the last.
        .wrap(from_fn(rate_limits::limit_unknown_tokens))
        .wrap_fn(client_address::note)
        .wrap_fn(head::into_get)
        .wrap(NormalizePath::trim())
        .wrap(cors)
        .wrap(default_headers())
        .wrap(from_fn(access_log::log))
        .wrap(from_fn(request_id::identify))
}
