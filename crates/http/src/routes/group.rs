//! A group of endpoints, and how its one list is made into modules, routes and a part of the OpenAPI document.

use actix_web::web::ServiceConfig;
use utoipa::openapi::OpenApi as Document;

/// A group of endpoints. [`endpoints!`] makes one.
pub(crate) struct Group {
    /// Mounts the endpoints, to be tried in the order of the list.
    pub(crate) mount: fn(&mut ServiceConfig),
    /// Describes the endpoints.
    pub(crate) describe: fn() -> Document,
}

/// The endpoints of a group. Each is the name of a file of the group's folder, of the handler in it, and of the operation in the
/// OpenAPI document.
///
/// `endpoints! { me }` stands for `mod me;`, for mounting `me::me`, and for describing it. The group is the constant `GROUP`.
macro_rules! endpoints {
    ($($endpoint:ident),+ $(,)?) => {
        $(pub(crate) mod $endpoint;)+

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($endpoint::$endpoint),+))]
        struct Described;

        /// The endpoints of this group.
        pub(crate) const GROUP: crate::routes::group::Group = crate::routes::group::Group {
            mount: |config| {
                config$(.service($endpoint::$endpoint))+;
            },
            describe: <Described as utoipa::OpenApi>::openapi,
        };
    };
}
