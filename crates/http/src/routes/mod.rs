//! The endpoints: one file each, in one folder per group.
//!
//! An endpoint appears in its own file and in the list of its group (`endpoints!` in the `mod.rs` of the folder), and nowhere
//! else. This module mounts the groups and assembles the OpenAPI document from the same lists.

#[macro_use]
mod group;

pub(crate) mod about;
pub(crate) mod campaign_selection;
pub(crate) mod campaigns;
pub(crate) mod health;
pub(crate) mod links;
pub(crate) mod overlay;
pub(crate) mod overlay_settings;
pub(crate) mod selection_strategies;
pub(crate) mod uploads;
pub(crate) mod users;

use std::sync::LazyLock;

use actix_web::web::{PayloadConfig, ServiceConfig, scope};
use utoipa::openapi::OpenApi as Document;

use self::group::Group;
use crate::{body::MAX_BODY_BYTES, openapi};

/// The prefix of the API.
const API: &str = "/api/v1";
/// The other prefix of a screen's endpoints, because browser sources of the previous system leave out `v1`.
pub(crate) const OVERLAY_ALIAS: &str = "/api";

/// The groups under the prefix of the API, in the order in which the router tries them. The screen's endpoints come first,
/// because most requests are for them.
const API_GROUPS: &[Group] = &[
    overlay::GROUP,
    campaigns::GROUP,
    users::GROUP,
    campaign_selection::GROUP,
    overlay_settings::GROUP,
    selection_strategies::GROUP,
    about::GROUP,
];
/// The groups without a prefix.
const ROOT_GROUPS: &[Group] = &[links::GROUP, health::GROUP, uploads::GROUP];

/// Mounts every endpoint.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(MAX_BODY_BYTES))
        .service(scope(API).configure(|config| mount(API_GROUPS, config)))
        .service(scope(OVERLAY_ALIAS).configure(overlay::GROUP.mount));
    mount(ROOT_GROUPS, config);
}

fn mount(groups: &[Group], config: &mut ServiceConfig) {
    for group in groups {
        (group.mount)(config);
    }
}

/// The OpenAPI document of all endpoints.
pub(crate) fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let under = |prefix: &'static str, groups: &'static [Group]| {
            groups.iter().map(move |group| Document::default().nest(prefix, (group.describe)()))
        };
        openapi::assemble(under(API, API_GROUPS).chain(under("", ROOT_GROUPS)))
    });
    &DOCUMENT
}

/// The OpenAPI document as JSON.
#[must_use]
pub fn document_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_pretty_json().unwrap_or_default());
    &TEXT
}

#[cfg(test)]
mod tests;
