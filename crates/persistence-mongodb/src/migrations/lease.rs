//! A lock that lets one process migrate at a time. It is a document that the holder has to renew.

use std::time::Duration;

use bson::{Bson, Document, doc};
use gametriggers_persistence::StorageError;
use mongodb::Collection;
use tokio::time::sleep;

use crate::{
    call, document,
    error::{is_duplicate_key, neutral},
};

/// The id of the lock's document.
pub(super) const LOCK: &str = "lock";
/// How long the lock is held after it was taken or last renewed.
const LEASE_MS: i64 = 30_000;
const RENEW_EVERY: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Waits for the lock, then does the work while it holds the lock.
pub(super) async fn hold<T>(
    locks: &Collection<Document>,
    work: impl Future<Output = Result<T, StorageError>>,
) -> Result<T, StorageError> {
    let lease = Lease::acquire(locks).await?;
    let result = tokio::select! {
        result = work => result,
        lost = lease.keep() => return Err(lost),
    };
    // A lock that is not given back expires.
    if let Err(error) = lease.release().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the migration lock was not given back");
    }
    result
}

struct Lease<'a> {
    locks: &'a Collection<Document>,
    holder: String,
}

impl<'a> Lease<'a> {
    async fn acquire(locks: &'a Collection<Document>) -> Result<Self, StorageError> {
        let mut holder = [0; 16];
        getrandom::fill(&mut holder).map_err(|error| StorageError::Backend(error.into()))?;
        let lease = Self { locks, holder: hex::encode(holder) };
        let making = {
            let locks = locks.clone();
            async move { locks.update_one(doc! {"_id": LOCK}, doc! {"$setOnInsert": free()}).upsert(true).await }
        };
        match call::try_write(making).await? {
            // Another process may have made the document at the same moment.
            Err(error) if !is_duplicate_key(&error) => return Err(neutral(error)),
            _ => {}
        }
        let mut told = false;
        while !lease.take(doc! {"_id": LOCK, "$expr": {"$lt": ["$until", "$$NOW"]}}).await? {
            if !told {
                tracing::info!("another process migrates the store; waiting for it");
                told = true;
            }
            sleep(ASK_EVERY).await;
        }
        Ok(lease)
    }

    /// Renews the lease again and again. Returns an error when the lock no longer names this process as its holder. If
    /// a renewal itself fails, for example because the primary has gone away, logs a warning and tries again.
    async fn keep(&self) -> StorageError {
        loop {
            sleep(RENEW_EVERY).await;
            match self.take(doc! {"_id": LOCK, "holder": &self.holder}).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the migration lock"),
            }
        }
        let lost = "the migration lock was lost: this process was held up for longer than its lease";
        StorageError::Conflict(lost.into())
    }

    /// Takes or renews the lock if `filter` matches its document. Returns whether it did. The lease ends by the clock
    /// of the MongoDB server (`$$NOW`).
    async fn take(&self, filter: Document) -> Result<bool, StorageError> {
        let until = doc! {"$add": ["$$NOW", LEASE_MS]};
        let change = vec![doc! {"$set": {"holder": &self.holder, "until": until}}];
        document::update_one(self.locks.clone(), filter, change).await
    }

    async fn release(&self) -> Result<(), StorageError> {
        let filter = doc! {"_id": LOCK, "holder": &self.holder};
        document::update_one(self.locks.clone(), filter, doc! {"$set": free()}).await?;
        Ok(())
    }
}

/// The fields of a lock that nobody holds.
fn free() -> Document {
    doc! {"holder": Bson::Null, "until": bson::DateTime::from_millis(0)}
}
