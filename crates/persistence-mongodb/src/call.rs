//! Runs each call of the driver to its end.
//!
//! A call of the driver must not be dropped before its end (RUST-937 in the driver's tracker). Therefore each call runs
//! in a task of its own, which goes on even if nobody waits for the answer any more, for example when a client hangs
//! up. The caller waits only for a limited time, because a server may stop in the middle of a call.

use std::time::Duration;

use gametriggers_persistence::StorageError;
use mongodb::error::Result as DriverResult;
use tokio::time::timeout;

use crate::error::{neutral, neutral_read};

/// How long a caller waits for a call. The time is enough to choose a server, to choose another one if the first fails,
/// and to get the answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(12);

/// Makes a call that changes nothing.
pub(crate) async fn read<T: Send + 'static>(
    call: impl Future<Output = DriverResult<T>> + Send + 'static,
) -> Result<T, StorageError> {
    try_read(call).await?.map_err(neutral_read)
}

/// Makes a call that changes nothing. Returns an error of the driver as it is, so that the caller can look at it.
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

/// Makes a call that writes. Returns an error of the driver as it is, so that the caller can look at it.
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
