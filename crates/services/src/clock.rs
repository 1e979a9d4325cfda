//! The clock that the services use.

use gametriggers_types::Timestamp;

/// Tells the time. The server uses the system's clock. Tests use a clock that they set.
pub trait Clock: Send + Sync {
    /// The present time in whole milliseconds, the precision of every store.
    fn now(&self) -> Timestamp;
}
