//! The server before its store is open. It reports that the process runs, and answers all other requests with "try again later".

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{NormalizePath, from_fn},
    web,
};

use crate::{
    error::ApiError,
    middleware::{cors::CrossOrigin, default_headers::default_headers, head, request_id},
    pages,
    routes::health::live::live,
    settings::HttpSettings,
};

/// Makes the application for the time in which the server waits for its store; each worker thread has one.
pub fn waiting_app(
    settings: &HttpSettings,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .service(live)
        .route("/api/v1/overlay/{token}", web::get().to(pages::overlay::without_store))
        .route("/api/overlay/{token}", web::get().to(pages::overlay::without_store))
        .route("/c/{participation}", web::get().to(pages::visit::without_store))
        .default_service(web::to(|| async { Err::<&'static str, _>(ApiError::no_store()) }))
        .wrap_fn(head::into_get)
        .wrap(NormalizePath::trim())
        .wrap(CrossOrigin::new(settings))
        .wrap(default_headers())
        .wrap(from_fn(request_id::identify))
}
