//! Ends transactions that were left open.
//!
//! If a process is killed, its open transaction stays on the server. The transaction's writes conflict with those of
//! other processes until it expires, a minute later. A process that meets such a conflict ends the transaction. If the
//! other process is only slow, nothing is lost: the server tells it that its transaction has ended, and it begins the
//! transaction again.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use gametriggers_persistence::StorageError;
use mongodb::options::{DatabaseOptions, ReadConcern};

use crate::{MongoStore, call};

/// A transaction that has been inactive for this long counts as left open. Normally a transaction takes some
/// milliseconds, with no pause between its commands.
const INACTIVE_FOR: Duration = Duration::from_secs(2);

/// Ends the transactions of this program that have been inactive too long. The database user needs no more rights for
/// this than for beginning transactions.
pub(super) async fn end(store: &MongoStore) -> Result<(), StorageError> {
    let inactive = i64::try_from(INACTIVE_FOR.as_micros()).unwrap_or(i64::MAX);
    let pipeline = [
        doc! {"$currentOp": {"allUsers": false, "idleSessions": true}},
        doc! {"$match": {
            "type": "idleSession",
            "appName": &store.app_name,
            "transaction.timeInactiveMicros": {"$gte": inactive},
        }},
        doc! {"$project": {"id": "$lsid.id"}},
    ];
    // `$currentOp` does not allow the read concern `majority`.
    let options = DatabaseOptions::builder().read_concern(ReadConcern::local()).build();
    let admin = store.client.database_with_options("admin", options);
    let listing = async move { admin.aggregate(pipeline).await?.try_collect::<Vec<_>>().await };
    let sessions: Vec<_> = call::read(listing).await?.iter().filter_map(session).collect();
    if sessions.is_empty() {
        return Ok(());
    }
    tracing::warn!("ending {} transactions that some process has left open", sessions.len());
    let admin = store.client.database("admin");
    call::write(async move { admin.run_command(doc! {"killSessions": sessions}).await }).await?;
    Ok(())
}

fn session(operation: &Document) -> Option<Bson> {
    operation.get("id").map(|id| doc! {"id": id}.into())
}
