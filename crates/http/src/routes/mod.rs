//! The routes, one file per group.

pub(crate) mod campaigns;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod links;
pub(crate) mod overlay;
pub(crate) mod overlay_settings;
pub(crate) mod selection;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod visits;

use actix_web::web::{PayloadConfig, ServiceConfig, scope};
use utoipa::OpenApi;

use crate::{body::MAX_BODY_BYTES, openapi};

/// Under which the routes of a screen are served besides: browser sources of the previous system leave `v1` out.
pub(crate) const OVERLAY_ALIAS: &str = "/api";

/// One list of routes for both: what is mounted, tried in this order, and what the document describes.
macro_rules! routes {
    ($(#[$doc:meta])* $name:ident: $($group:ident::$route:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(OpenApi)]
        #[openapi(paths($($group::$route),+))]
        pub(crate) struct $name;

        impl $name {
            fn mount(config: &mut ServiceConfig) {
                config$(.service($group::$route))+;
            }
        }
    };
}

routes! {
    /// A screen's, under its token. Those that are asked for most come first.
    OverlayRoutes:
    overlay::data,
    events::ping,
    events::overlay_click,
    events::click,
    overlay::page,
    links::sponsor,
    links::qr,
    links::qr_png,
    links::qr_svg,
    links::chat_command,
    links::chat_command_text,
}

routes! {
    /// All others under the prefix of the API.
    ApiRoutes:
    events::impression,
    events::campaign_click,
    users::me,
    selection::get,
    selection::put,
    overlay_settings::status,
    overlay_settings::regenerate,
    overlay_settings::test,
    overlay_settings::get,
    overlay_settings::put,
    overlay_settings::test_ad_picture,
    campaigns::streamer_active,
    openapi::serve,
    health::api,
}

routes! {
    /// What is under no prefix.
    RootRoutes:
    visits::follow,
    links::qr_of_participation,
    health::live,
    health::ready,
    uploads::upload,
    health::root,
}

/// Mounts every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(MAX_BODY_BYTES))
        .service(scope("/api/v1").configure(OverlayRoutes::mount).configure(ApiRoutes::mount))
        .service(scope(OVERLAY_ALIAS).configure(OverlayRoutes::mount))
        .configure(RootRoutes::mount);
}
