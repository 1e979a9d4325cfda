//! Where the time comes from.

use gametriggers_types::Timestamp;

/// Tells the time. The server's clock is the system's; tests set theirs.
pub trait Clock: Send + Sync {
    /// The present moment, to whole milliseconds, as every store keeps it.
    fn now(&self) -> Timestamp;
}
