//! What others change, learnt from one change stream on the database.
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
    operation_type: String,
    ns: Namespace,
    document_key: Option<Key>,
}

#[derive(Deserialize)]
struct Namespace {
    coll: Option<String>,
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
            let database = self.database.clone();
            let opening = async move { database.watch().pipeline(pipeline()).max_await_time(WAIT).await };
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
            match event {
                Some(event) => {
                    // Nobody holds a copy under an id that is none of ours; others may wait behind it.
                    if let Some(change) = event.change() {
                        return Ok(Some(change));
                    }
                }
                None if self.stream.is_alive() => return Ok(None),
                None => return Err(ended("the database was dropped")),
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

impl Event {
    fn change(&self) -> Option<Change> {
        if matches!(self.operation_type.as_str(), "drop" | "rename") {
            return Some(Change::Everything);
        }
        let id = &self.document_key.as_ref()?.id;
        match self.ns.coll.as_deref()? {
            collection::USERS => values::id(id).ok().map(Change::User),
            collection::CAMPAIGNS => values::id(id).ok().map(Change::Campaign),
            _ => None,
        }
    }
}

/// Lets through what changes or removes a document that was there, unless all that happened to it happens all the time: that
/// the overlay was seen, which it is twice a minute; that money was spent, as by every batch of the ledger. And of that,
/// which document it is.
///
/// Participations are not watched: every batch counts on many of them, and the server would have to look at each. Who changes
/// the status of one [says so](crate::participations) of its streamer.
fn pipeline() -> [Document; 2] {
    let of = |collection: &str| doc! {"ns.coll": collection};
    [
        doc! {"$match": {
            "ns.coll": {"$in": [collection::USERS, collection::CAMPAIGNS]},
            "$or": [
                {"operationType": {"$in": ["replace", "delete", "drop", "rename"]}},
                {"operationType": "update", "$or": [
                    {"$and": [of(collection::USERS), other_than(&["overlayLastSeen", "overlayActive"])]},
                    {"$and": [of(collection::CAMPAIGNS), other_than(&["remainingBudget"])]},
                ]},
            ],
        }},
        // The driver needs the first two to resume.
        doc! {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}},
    ]
}

/// The condition that an update changed any but these fields.
fn other_than(fields: &[&str]) -> Document {
    let update = "$updateDescription";
    let set =
        doc! {"$map": {"input": {"$objectToArray": format!("{update}.updatedFields")}, "in": "$$this.k"}};
    let only_these = doc! {"$and": [
        {"$setIsSubset": [set, fields]},
        {"$eq": [{"$ifNull": [format!("{update}.removedFields"), []]}, []]},
        {"$eq": [{"$ifNull": [format!("{update}.truncatedArrays"), []]}, []]},
    ]};
    doc! {"$expr": {"$not": [only_these]}}
}
