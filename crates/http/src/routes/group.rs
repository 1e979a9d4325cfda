//! A group of endpoints. One list of its endpoints declares their modules, mounts their routes and describes them in the OpenAPI
//! document.

use actix_web::web::ServiceConfig;
use utoipa::openapi::OpenApi as Document;

/// A group of endpoints. The macro [`endpoints!`] makes one.
pub(crate) struct Group {
    /// Mounts the endpoints. The router tries them in the order of the list.
    pub(crate) mount: fn(&mut ServiceConfig),
    /// Describes the endpoints for the OpenAPI document.
    pub(crate) describe: fn() -> Document,
}

/// Lists the endpoints of a group. Each name is that of a file in the group's folder, of the handler in that file, and of the
/// operation in the OpenAPI document.
///
/// `endpoints! { me }` declares `mod me;`, mounts `me::me`, and describes it. It makes the constant `GROUP`.
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
