//! What others change, learnt from a change stream on `users`.
//!
//! The driver resumes a broken stream by its token, once, after any error that allows it. Whatever it does not get over, a
//! history that is no longer in the oplog or a collection that was dropped, ends the subscription. So does another
//! primary: a stream stays with the member that it was opened on, and what that one says is late while it is behind.

use std::time::Duration;

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use gametriggers_documents::values;
use gametriggers_persistence::{Change, ChangeFeed, ChangeStream, StorageError};
use serde::Deserialize;

use crate::{MongoStore, call, collection, database::Primary, error::neutral_read};

/// How long the server holds a question while nothing changes. Only such a pause tells that nothing is left to be told, so
/// it has to be shorter than those between changes.
const WAIT: Duration = Duration::from_millis(50);

/// How often a stream is opened while the primary changes.
const ATTEMPTS: u32 = 3;
const OTHER_PRIMARY: &str = "another member is the primary, or none";

/// An event, as [`pipeline`] leaves it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    document_key: Key,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "_id")]
    id: Bson,
}

struct MongoChangeStream {
    stream: mongodb::change_stream::ChangeStream<Event>,
    /// The primary, which is the one that the stream is read from until this changes.
    primary: Primary,
}

#[async_trait]
impl ChangeFeed for MongoStore {
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError> {
        for _ in 0..ATTEMPTS {
            let mut primary = self.primary.clone();
            primary.mark_unchanged();
            let users = self.collection(collection::USERS);
            let opening = async move { users.watch().pipeline(pipeline()).max_await_time(WAIT).await };
            let stream = call::read(opening).await?;
            // Opened while a primary was waited for, it is not certain on which it is.
            if !has_changed(&primary) {
                return Ok(Box::new(MongoChangeStream { stream: stream.with_type(), primary }));
            }
        }
        Err(ended(OTHER_PRIMARY))
    }
}

#[async_trait]
impl ChangeStream for MongoChangeStream {
    async fn next(&mut self) -> Result<Option<Change>, StorageError> {
        loop {
            let event = self.stream.next_if_any().await.map_err(neutral_read)?;
            if has_changed(&self.primary) {
                return Err(ended(OTHER_PRIMARY));
            }
            match event.map(|event| values::id(&event.document_key.id)) {
                Some(Ok(user)) => return Ok(Some(Change::User(user))),
                // Nobody holds a copy under an id that is none of ours; others may wait behind it.
                Some(Err(_)) => {}
                None if self.stream.is_alive() => return Ok(None),
                None => return Err(ended("the collection was dropped or renamed")),
            }
        }
    }
}

fn has_changed(primary: &Primary) -> bool {
    primary.has_changed().unwrap_or(true)
}

fn ended(why: &str) -> StorageError {
    let source = format!("the change stream has ended: {why}").into();
    StorageError::Unavailable { outcome_unknown: false, source }
}

/// Lets through what changes or removes a user who was there, unless all that happened is that the overlay was seen, which
/// it is twice a minute; and of that, whom it concerns.
fn pipeline() -> [Document; 2] {
    let update = "$updateDescription";
    let set =
        doc! {"$map": {"input": {"$objectToArray": format!("{update}.updatedFields")}, "in": "$$this.k"}};
    let only_seen = doc! {"$and": [
        {"$setIsSubset": [set, ["overlayLastSeen", "overlayActive"]]},
        {"$eq": [{"$ifNull": [format!("{update}.removedFields"), []]}, []]},
        {"$eq": [{"$ifNull": [format!("{update}.truncatedArrays"), []]}, []]},
    ]};
    [
        doc! {"$match": {"$or": [
            {"operationType": {"$in": ["replace", "delete"]}},
            {"operationType": "update", "$expr": {"$not": [only_seen]}},
        ]}},
        // The driver needs the first two to resume.
        doc! {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}},
    ]
}
