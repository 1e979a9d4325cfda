//! The routes, one file per group.

pub(crate) mod campaigns;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod links;
pub(crate) mod overlay;
pub(crate) mod overlay_settings;
pub(crate) mod selection;
pub(crate) mod users;
pub(crate) mod visits;

use actix_web::web::{PayloadConfig, ServiceConfig, scope};

use crate::{body::MAX_BODY_BYTES, openapi};

/// Mounts every route. They are tried in this order, so those that are asked for most come first.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(MAX_BODY_BYTES))
        .service(
            scope("/api/v1")
                .service(overlay::data)
                .service(events::overlay_click)
                .service(events::impression)
                .service(events::ping)
                .service(events::click)
                .service(events::campaign_click)
                .service(overlay::page)
                .service(links::qr)
                .service(links::qr_png)
                .service(links::qr_svg)
                .service(links::chat_command)
                .service(users::me)
                .service(selection::get)
                .service(selection::put)
                .service(overlay_settings::status)
                .service(overlay_settings::regenerate)
                .service(overlay_settings::test)
                .service(overlay_settings::get)
                .service(overlay_settings::put)
                .service(overlay_settings::test_ad_picture)
                .service(campaigns::streamer_active)
                .service(openapi::serve),
        )
        .service(visits::follow)
        .service(links::qr_of_participation)
        .service(health::live)
        .service(health::ready);
}
