//! What others change, learnt from a change stream on each of the collections that matter.
//!
//! One stream on the whole database would make the server take every transaction of the ledger apart, to look at each of its
//! operations, also of those that spend no money.
//!
//! The driver resumes a broken stream by its token, once, after any error that allows it. Whatever it does not get over, a
//! history that is no longer in the oplog or a collection that was dropped, ends the subscription. So does another
//! primary: a stream stays with the member that it was opened on, and what that one says is late while it is behind.

use std::{collections::VecDeque, time::Duration};

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use gametriggers_documents::Fields;
use gametriggers_persistence::{Change, ChangeFeed, ChangeStream, StorageError};
use serde::Deserialize;

use crate::{MongoStore, call, collection, database::Primary, error::neutral_read};

/// How long the server holds a question while nothing changes, in each collection in turn. Only such a pause tells that
/// nothing is left to be told, so it has to be shorter than those between changes.
const WAIT: Duration = Duration::from_millis(25);
/// What is watched, and what changes there all the time: that the overlay was seen, which it is twice a minute; that money
/// was spent, as by many batches of the ledger.
const WATCHED: [(&str, &[&str]); 2] = [
    (collection::USERS, &["overlayLastSeen", "overlayActive"]),
    (collection::CAMPAIGNS, &["remainingBudget"]),
];

/// How often a stream is opened while the primary changes.
const ATTEMPTS: u32 = 3;
const OTHER_PRIMARY: &str = "another member is the primary, or none";

/// An event, as [`pipeline`] leaves it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    operation_type: String,
    ns: Namespace,
    /// Nothing is wrong with a stream in which one id cannot be read.
    document_key: Option<RawDocumentBuf>,
}

#[derive(Deserialize)]
struct Namespace {
    coll: Option<String>,
}

struct MongoChangeStream {
    /// In turn: the first is asked next.
    streams: VecDeque<mongodb::change_stream::ChangeStream<Event>>,
    /// The primary, which is the one that the streams are read from until this changes.
    primary: Primary,
}

#[async_trait]
impl ChangeFeed for MongoStore {
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError> {
        for _ in 0..ATTEMPTS {
            let mut primary = self.primary.clone();
            primary.mark_unchanged();
            let mut streams = VecDeque::new();
            for (name, unimportant) in WATCHED {
                let collection = self.collection(name);
                let opening = async move {
                    collection.watch().pipeline(pipeline(unimportant)).max_await_time(WAIT).await
                };
                streams.push_back(call::read(opening).await?.with_type());
            }
            // Opened while a primary was waited for, it is not certain on which they are.
            if !has_changed(&primary) {
                return Ok(Box::new(MongoChangeStream { streams, primary }));
            }
        }
        Err(ended(OTHER_PRIMARY))
    }
}

#[async_trait]
impl ChangeStream for MongoChangeStream {
    async fn next(&mut self) -> Result<Option<Change>, StorageError> {
        for _ in 0..self.streams.len() {
            while let Some(event) = self.ask_first().await? {
                // Nobody holds a copy under an id that is none of ours; others may wait behind it.
                if let Some(change) = event.change() {
                    // One that always has something keeps the other from nothing.
                    self.streams.rotate_left(1);
                    return Ok(Some(change));
                }
            }
            self.streams.rotate_left(1);
        }
        Ok(None)
    }
}

impl MongoChangeStream {
    /// What the first stream has to tell, `None` if nothing is left.
    async fn ask_first(&mut self) -> Result<Option<Event>, StorageError> {
        let Some(stream) = self.streams.front_mut() else { return Ok(None) };
        let event = stream.next_if_any().await.map_err(neutral_read)?;
        if has_changed(&self.primary) {
            return Err(ended(OTHER_PRIMARY));
        }
        if event.is_none() && !stream.is_alive() {
            return Err(ended("a collection was dropped"));
        }
        Ok(event)
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
        let id = Fields::from(&**self.document_key.as_ref()?).id()?;
        match self.ns.coll.as_deref()? {
            collection::USERS => Some(Change::User(id.into())),
            collection::CAMPAIGNS => Some(Change::Campaign(id.into())),
            _ => None,
        }
    }
}

/// Lets through what changes or removes a document that was there, unless only fields changed that change all the time. And of
/// that, which document it is.
///
/// Participations are not watched: every batch counts on many of them, and the server would have to look at each. Who changes
/// the status of one [says so](crate::participations) of its streamer.
fn pipeline(unimportant: &[&str]) -> [Document; 2] {
    [
        doc! {"$match": {"$or": [
            {"operationType": {"$in": ["replace", "delete", "drop", "rename"]}},
            {"operationType": "update", "$expr": {"$not": [only(unimportant)]}},
        ]}},
        // The driver needs the first two to resume.
        doc! {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}},
    ]
}

/// That an update changed none but these fields.
fn only(fields: &[&str]) -> Document {
    let update = "$updateDescription";
    let set =
        doc! {"$map": {"input": {"$objectToArray": format!("{update}.updatedFields")}, "in": "$$this.k"}};
    doc! {"$and": [
        {"$setIsSubset": [set, fields]},
        {"$eq": [{"$ifNull": [format!("{update}.removedFields"), []]}, []]},
        {"$eq": [{"$ifNull": [format!("{update}.truncatedArrays"), []]}, []]},
    ]}
}
