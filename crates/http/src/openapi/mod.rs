//! Shared parts of endpoints' descriptions in the OpenAPI document. This module knows no endpoint: `routes` assembles the
//! document.
#![allow(unused_qualifications)] // in what utoipa's derive writes

mod document;
mod errors;

use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

pub(crate) use self::{
    document::assemble,
    errors::{BodyErrors, CallerErrors, TokenErrors},
};

/// The document as JSON text, for the endpoint that serves it.
#[derive(Clone, Copy)]
pub(crate) struct DocumentText(pub(crate) &'static str);

/// The tag of endpoints about what a screen shows.
pub(crate) const OVERLAY: &str = "overlay";
/// The tag of endpoints that count events.
pub(crate) const EVENTS: &str = "events";
/// The tag of endpoints about a user's own settings.
pub(crate) const SETTINGS: &str = "settings";
/// The tag of endpoints about campaigns.
pub(crate) const CAMPAIGNS: &str = "campaigns";
/// The tag of endpoints about the server itself.
pub(crate) const HEALTH: &str = "health";

/// The description of a path's `token`.
pub(crate) const TOKEN: &str =
    "An overlay token, or a participation's browser source token: both mean the streamer's screen.";

/// The schema of a text with these possible values.
pub(crate) fn words(words: impl IntoIterator<Item = &'static str>) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build())
}

/// The schema of a text with these possible values, or null.
pub(crate) fn words_or_null(words: impl IntoIterator<Item = &'static str>) -> Schema {
    let words = words.into_iter().map(Value::from).chain([Value::Null]);
    let types = SchemaType::from_iter([Type::String, Type::Null]);
    Schema::Object(ObjectBuilder::new().schema_type(types).enum_values(Some(words)).build())
}
