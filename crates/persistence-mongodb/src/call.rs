//! One call of the driver, made to its end.
//!
//! The driver may not be left in the middle of a call (RUST-937 in its tracker): it runs in a task of its own, also if
//! nobody waits for its answer any more, as when a client hangs up. And nobody waits for ever for a server that has
//! stopped in the middle of one.

use std::time::Duration;

use gametriggers_persistence::StorageError;
use mongodb::error::Result as DriverResult;
use tokio::time::timeout;

use crate::error::{neutral, neutral_read};

/// How long a call may take: choosing a server, once again if that one fails, and the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// Makes a call that changes nothing.
pub(crate) async fn read<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
) -> Result<T, StorageError> {
    try_read(call).await?.map_err(neutral_read)
}

/// Makes a call that changes nothing and may be refused for a reason that its caller looks at.
pub(crate) async fn try_read<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
) -> Result<DriverResult<T>, StorageError> {
    in_time(call, false).await
}

/// Makes a call that writes.
pub(crate) async fn write<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
) -> Result<T, StorageError> {
    try_write(call).await?.map_err(neutral)
}

/// Makes a call that writes and may be refused for a reason that its caller looks at.
pub(crate) async fn try_write<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
) -> Result<DriverResult<T>, StorageError> {
    in_time(call, true).await
}

async fn in_time<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
    writing: bool,
) -> Result<DriverResult<T>, StorageError> {
    match timeout(CALL_TIMEOUT, tokio::spawn(call)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(panicked)) => Err(StorageError::Backend(panicked.into())),
        Err(elapsed) => Err(StorageError::Unavailable { outcome_unknown: writing, source: elapsed.into() }),
    }
}
