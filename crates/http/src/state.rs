//! The data that handlers and middleware use.

use std::sync::Arc;

use gametriggers_services::{Clock, Services};

use crate::{jwt::JwtKeys, limits::RateLimits, settings::HttpSettings};

/// The data that handlers and middleware use.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub services: Services,
    /// The clock by which bearer tokens expire.
    pub clock: Arc<dyn Clock>,
    /// The keys of bearer tokens.
    pub jwt: JwtKeys,
    /// The settings of the HTTP interface.
    pub settings: Arc<HttpSettings>,
    /// The rate limits with the used part of each allowance.
    pub limits: Arc<RateLimits>,
}
