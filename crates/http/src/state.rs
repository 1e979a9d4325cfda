//! What every request handler has at hand.

use std::sync::Arc;

use gametriggers_services::{Clock, Services};

use crate::{jwt::JwtKeys, limits::RateLimits, settings::HttpSettings};

/// What every request handler has at hand.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub services: Services,
    /// The time, by which bearer tokens expire.
    pub clock: Arc<dyn Clock>,
    /// The keys of bearer tokens.
    pub jwt: JwtKeys,
    /// What differs between installations.
    pub settings: Arc<HttpSettings>,
    /// What everybody has used of their allowance.
    pub limits: Arc<RateLimits>,
}
