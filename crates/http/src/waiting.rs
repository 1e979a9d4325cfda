//! What is answered before there is a store: the process lives, and everything else is asked to come again.

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::NormalizePath,
    web,
};

use crate::{HttpSettings, cors::CrossOrigin, error::ApiError, routes};

/// The application while the store is waited for, one per worker thread.
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
        .service(routes::health::live)
        .route("/api/v1/overlay/{token}", web::get().to(routes::overlay::page_without_store))
        .route("/api/overlay/{token}", web::get().to(routes::overlay::page_without_store))
        .route("/c/{participation}", web::get().to(routes::visits::page_without_store))
        .default_service(web::to(|| async { Err::<&'static str, _>(ApiError::no_store()) }))
        .wrap(NormalizePath::trim())
        .wrap(CrossOrigin::new(settings))
        .wrap(crate::default_headers())
}
