//! What handlers and middleware work with.

use std::sync::Arc;

use gametriggers_services::{Clock, Services};

use crate::{jwt::JwtKeys, limits::RateLimits, settings::HttpSettings};

/// What handlers and middleware work with.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub services: Services,
    /// The clock by which bearer tokens expire.
    pub clock: Arc<dyn Clock>,
    /// The keys of bearer tokens.
    pub jwt: JwtKeys,
    /// What differs between installations.
    pub settings: Arc<HttpSettings>,
    /// The rate limits, and how much of them is used.
    pub limits: Arc<RateLimits>,
}
