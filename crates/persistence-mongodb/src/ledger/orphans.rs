//! Transactions that nobody will end.
//!
//! A process that is killed leaves the one that it had open on the server, where its writes stand in everybody's way until
//! it expires, a minute later. Whoever meets such a conflict ends it. Where a process is only slow, nothing is lost: it
//! is told that its transaction is no more, and begins it again.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use gametriggers_persistence::StorageError;
use mongodb::options::{DatabaseOptions, ReadConcern};

use crate::{MongoStore, call};

/// A transaction of ours takes some milliseconds, with no pause between its commands.
const INACTIVE_FOR: Duration = Duration::from_secs(2);

/// Ends transactions of this program that have stood still. It needs no more rights than its user has to begin them.
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
    // What goes on at the moment has no majority.
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
