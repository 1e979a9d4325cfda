//! What others change, learnt from a change stream on each of the collections that matter.
//!
//! One stream on the whole database would make the server take every transaction of the ledger apart, to look at each of its
//! operations, also of those that spend no money.
//!
//! The driver resumes a broken stream by its token, once, after any error that allows it. Whatever it does not get over, a
//! history that is no longer in the oplog or a collection that was dropped, ends the subscription. So does another
//! primary: a stream stays with the member that it was opened on, and what that one says is late while it is behind.

use std::time::Duration;

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use gametriggers_documents::Fields;
use gametriggers_persistence::{CHANGES_MAX, Change, ChangeFeed, ChangeStream, StorageError, Told};
use serde::Deserialize;
use tokio::time::sleep;

use crate::{MongoStore, call, collection, database::Primary, error::neutral_read};

/// How long after an answer the server is asked again.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long the server holds a question while nothing changes: as short as can be said. A question that nothing answers tells
/// that nothing is left to be told, and the longer it is held, the sooner somebody changes something meanwhile.
const WAIT: Duration = Duration::from_millis(1);
/// A collection that is watched.
struct Watched {
    name: &'static str,
    /// What changes there all the time.
    unimportant: &'static [&'static str],
    /// Whether a new document matters.
    tells_new: bool,
}

/// That an overlay was seen, which it is twice a minute, and that money was spent, as by many batches of the ledger, are not
/// told; nor is a new user, of whom nobody can hold a copy. A new campaign may have been joined before it came.
const WATCHED: [Watched; 2] = [
    Watched { name: collection::USERS, unimportant: &["overlayLastSeen", "overlayActive"], tells_new: false },
    Watched { name: collection::CAMPAIGNS, unimportant: &["remainingBudget"], tells_new: true },
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
    streams: Vec<mongodb::change_stream::ChangeStream<Event>>,
    /// The primary, which is the one that the streams are read from until this changes.
    primary: Primary,
    /// Whether others wait to be told.
    has_more: bool,
}

#[async_trait]
impl ChangeFeed for MongoStore {
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError> {
        for _ in 0..ATTEMPTS {
            let mut primary = self.primary.clone();
            primary.mark_unchanged();
            let mut streams = Vec::new();
            for watched in &WATCHED {
                let collection = self.collection(watched.name);
                let opening =
                    async move { collection.watch().pipeline(pipeline(watched)).max_await_time(WAIT).await };
                streams.push(call::read(opening).await?.with_type());
            }
            // Opened while a primary was waited for, it is not certain on which they are.
            if !has_changed(&primary) {
                return Ok(Box::new(MongoChangeStream { streams, primary, has_more: false }));
            }
        }
        Err(ended(OTHER_PRIMARY))
    }
}

#[async_trait]
impl ChangeStream for MongoChangeStream {
    async fn next(&mut self) -> Result<Told, StorageError> {
        if !self.has_more {
            sleep(INTERVAL).await;
        }
        let mut changes = Vec::new();
        let mut is_all = true;
        for number in 0..self.streams.len() {
            is_all &= self.tell(number, &mut changes).await?;
        }
        self.has_more = !is_all;
        Ok(Told { changes, is_all })
    }
}

impl MongoChangeStream {
    /// Adds what one of the streams has to tell, up to its share of an answer; whether that is all of it.
    async fn tell(&mut self, number: usize, changes: &mut Vec<Change>) -> Result<bool, StorageError> {
        for _ in 0..CHANGES_MAX / WATCHED.len() {
            let Some(event) = self.ask(number).await? else { return Ok(true) };
            // Nobody holds a copy under an id that is none of ours; others may wait behind it.
            changes.extend(event.change());
        }
        Ok(false)
    }

    /// What a stream has to tell next, `None` if nothing is left.
    async fn ask(&mut self, number: usize) -> Result<Option<Event>, StorageError> {
        let stream = &mut self.streams[number];
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

/// Lets through what changes or removes a document that was there, unless only fields changed that change all the time, and new
/// documents where they matter. And of that, which document it is.
///
/// Participations are not watched: every batch counts on many of them, and the server would have to look at each. Who makes
/// one, or changes the status of one, [says so](crate::participations) of its streamer.
fn pipeline(watched: &Watched) -> [Document; 2] {
    let mut operations = vec!["replace", "delete", "drop", "rename"];
    operations.extend(watched.tells_new.then_some("insert"));
    [
        doc! {"$match": {"$or": [
            {"operationType": {"$in": operations}},
            {"operationType": "update", "$expr": {"$not": [only(watched.unimportant)]}},
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
