//! How much anybody may ask of the server (`limits.*`).

use gametriggers_http::RateSettings;
use serde::Deserialize;

/// What nobody may exceed. 0 means without limit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Connections at once; fewer where the system gives the process fewer file handles.
    pub connections: u32,
    /// Connections at once from one IPv4 address or IPv6 /64; never more than a quarter of all.
    pub connections_per_address: u32,
    /// Seconds for the head of a request, from its first byte.
    pub head_seconds: u32,
    /// Seconds for the body of a request.
    pub body_seconds: u32,
    /// Seconds for each 64 KiB of an answer to be taken.
    pub write_seconds: u32,
    /// Tokens a minute that nobody has, of one address.
    pub unknown_tokens_per_minute: u32,
    /// QR codes a minute for one address.
    pub qr_codes_per_minute: u32,
    /// Clicks and displays a minute under one token.
    pub events_per_minute: u32,
    /// Visits a minute through tracking links from one address.
    pub visits_per_minute: u32,
    /// Changes of settings a minute by one account.
    pub settings_changes_per_minute: u32,
}

/// Such that no honest client comes near.
impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 5_000,
            head_seconds: 5,
            body_seconds: 10,
            write_seconds: 30,
            // Some ten overlays with an old token behind one address.
            unknown_tokens_per_minute: 150,
            // A picture below a stream, which everybody behind one address loads when the stream begins.
            qr_codes_per_minute: 1_200,
            // A chat bot that reports the clicks of 100,000 viewers.
            events_per_minute: 12_000,
            // A campus behind one address.
            visits_per_minute: 3_000,
            // A form that stores itself twice a second.
            settings_changes_per_minute: 120,
        }
    }
}

impl From<&LimitSettings> for RateSettings {
    fn from(settings: &LimitSettings) -> Self {
        Self {
            unknown_tokens: settings.unknown_tokens_per_minute,
            qr_codes: settings.qr_codes_per_minute,
            events: settings.events_per_minute,
            visits: settings.visits_per_minute,
            settings_changes: settings.settings_changes_per_minute,
        }
    }
}
