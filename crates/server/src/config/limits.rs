//! `limits.*`: how many connections and requests a client may use. `docs/adr/0017-limits.md` has the reasons.

use std::time::Duration;

use gametriggers_http::RateSettings;
use serde::Deserialize;

/// The limits on clients. In each of them, 0 means "no limit".
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// The greatest number of open connections. The server uses fewer if the system allows the process fewer file handles.
    pub connections: ConnectionLimit,
    /// The greatest number of open connections from one IPv4 address or IPv6 /64. The server never allows more than a quarter of
    /// all connections.
    pub connections_per_address: ConnectionLimit,
    /// The time in which the head of a request must arrive, from its first byte.
    pub head_seconds: Seconds,
    /// The time in which the body of a request must arrive.
    pub body_seconds: Seconds,
    /// The time in which the client must accept each 64 KiB of an answer.
    pub write_seconds: Seconds,
    /// The greatest number of requests with an unknown token per minute and address.
    pub unknown_tokens_per_minute: u32,
    /// The greatest number of QR codes per minute and address.
    pub qr_codes_per_minute: u32,
    /// The greatest number of clicks and displays per minute and token.
    pub events_per_minute: u32,
    /// The greatest number of visits through tracking links per minute and address.
    pub visits_per_minute: u32,
    /// The greatest number of changes of settings per minute and account.
    pub settings_changes_per_minute: u32,
}

/// The defaults are so high that no honest client reaches them.
impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: ConnectionLimit(20_000),
            connections_per_address: ConnectionLimit(5_000),
            head_seconds: Seconds(5),
            body_seconds: Seconds(10),
            write_seconds: Seconds(30),
            // Enough for about ten overlays with an old token behind one address.
            unknown_tokens_per_minute: 150,
            // Enough for a picture below a stream that everybody behind one address loads when the stream begins.
            qr_codes_per_minute: 1_200,
            // Enough for a chat bot that reports the clicks of 100,000 viewers.
            events_per_minute: 12_000,
            // Enough for a campus behind one address.
            visits_per_minute: 3_000,
            // Enough for a form that saves itself twice a second.
            settings_changes_per_minute: 120,
        }
    }
}

/// A number of connections. 0 means "no limit".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ConnectionLimit(u32);

impl ConnectionLimit {
    /// The number; `None` if there is no limit.
    #[must_use]
    pub fn limit(self) -> Option<u32> {
        Some(self.0).filter(|connections| *connections > 0)
    }
}

/// A time in whole seconds. 0 means "no limit".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Seconds(u32);

impl Seconds {
    /// The time; `None` if there is no limit.
    #[must_use]
    pub fn limit(self) -> Option<Duration> {
        Some(self.0).filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into()))
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

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    #[test]
    fn zero_is_no_limit() {
        let limits: LimitSettings = read("connections = 0\nhead_seconds = 0\nbody_seconds = 7").unwrap();
        assert_eq!(limits.connections.limit(), None);
        assert_eq!(limits.head_seconds.limit(), None);
        assert_eq!(limits.body_seconds.limit(), Some(Duration::from_secs(7)));
        assert_eq!(limits.write_seconds, LimitSettings::default().write_seconds);
    }

    #[test]
    fn a_limit_is_not_negative() {
        assert!(read::<LimitSettings>("connections = -1").is_err());
        assert!(read::<LimitSettings>("write_seconds = -1").is_err());
    }
}
