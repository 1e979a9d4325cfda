//! Counts connections that ended badly. A log line for each would allow anybody to fill the log.

use std::{
    io::ErrorKind,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_http::error::DispatchError;

/// The numbers of connections that ended badly since they were last logged.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    malformed: AtomicU64,
    too_slow: AtomicU64,
    refused: AtomicU64,
    evicted: AtomicU64,
}

impl ConnectionCounts {
    /// Counts a connection by the error that ended it. Connections that were merely lost are not counted.
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

    /// Counts a connection that was refused because its address has its share of connections.
    pub(super) fn note_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was closed to make room for another.
    pub(super) fn note_evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    /// Logs the numbers if any is not 0, and resets them.
    pub fn log(&self) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let (malformed, too_slow) = (take(&self.malformed), take(&self.too_slow));
        let (refused, evicted) = (take(&self.refused), take(&self.evicted));
        if malformed + too_slow + refused + evicted > 0 {
            tracing::info!(malformed, too_slow, refused, evicted, "connections that came to a bad end");
        }
    }
}
