//! Connections that came to a bad end: counted, because a line for each would let anybody fill the log.

use std::{
    io::ErrorKind,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_http::error::DispatchError;

/// Connections that came to a bad end since this was last logged.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    malformed: AtomicU64,
    too_slow: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
}

impl ConnectionCounts {
    /// Notes why a connection ended. One that was merely lost is nothing to note.
    pub(super) fn note(&self, error: &DispatchError) {
        match error {
            DispatchError::Parse(_) => self.malformed.fetch_add(1, Ordering::Relaxed),
            DispatchError::SlowRequestTimeout => self.too_slow.fetch_add(1, Ordering::Relaxed),
            DispatchError::Io(error) if error.kind() == ErrorKind::TimedOut => {
                self.too_slow.fetch_add(1, Ordering::Relaxed)
            }
            _ => 0,
        };
    }

    /// Notes that an address has had its share of connections.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a connection had to make room for another.
    pub(super) fn note_evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Logs what was noted, if anything was, and begins anew.
    pub fn log(&self) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let (malformed, too_slow) = (take(&self.malformed), take(&self.too_slow));
        let (refused, evicted) = (take(&self.refused), take(&self.evicted));
        if malformed + too_slow + refused + evicted > 0 {
            tracing::info!(malformed, too_slow, refused, evicted, "connections that came to a bad end");
        }
    }
}
