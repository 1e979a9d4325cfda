//! Follows what others change, by a change stream on each of the collections that matter.
//!
//! There is no single stream on the whole database: the server would take every transaction of the ledger apart to look
//! at each of its operations, even if the transaction spends no money.
//!
//! After any error that allows it, the driver resumes a broken stream once, by its token. An error that remains ends
//! the subscription, for example if the oplog no longer holds the history or a collection was dropped. Another primary
//! also ends the subscription. A stream stays with the member that it was opened on, and reports late while that member
//! is behind.

use std::time::Duration;

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use gametriggers_documents::Fields;
use gametriggers_persistence::{CHANGES_MAX, Change, ChangeFeed, ChangeStream, StorageError, Told};
use serde::Deserialize;
use tokio::time::sleep;

use crate::{MongoStore, call, collection, database::Primary, error::neutral_read};

/// The pause between an answer and the next question.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long the server waits for a change before it gives an empty answer: the shortest time that can be set. An empty
/// answer tells that nothing is left to report. The longer the server waits, the more likely it is that something
/// changes meanwhile.
const WAIT: Duration = Duration::from_millis(1);
/// A collection that is watched.
struct Watched {
    name: &'static str,
    /// The fields that change all the time. A change of only these is not reported.
    unimportant: &'static [&'static str],
    /// Whether a new document is reported.
    tells_new: bool,
}

/// A change is not reported if it is only that an overlay was seen (twice a minute) or that money was spent (by many
/// batches of the ledger). New users are not reported either, because nobody can hold a copy of one. A new campaign is
/// reported, because streamers may have joined it before it was inserted.
const WATCHED: [Watched; 2] = [
    Watched { name: collection::USERS, unimportant: &["overlayLastSeen", "overlayActive"], tells_new: false },
    Watched { name: collection::CAMPAIGNS, unimportant: &["remainingBudget"], tells_new: true },
];

/// How often a subscription is tried while the primary changes.
const ATTEMPTS: u32 = 3;
const OTHER_PRIMARY: &str = "another member is the primary, or none";

/// An event, as [`pipeline`] leaves it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    operation_type: String,
    ns: Namespace,
    /// Read later, so that an id that cannot be read does not break the stream.
    document_key: Option<RawDocumentBuf>,
}

#[derive(Deserialize)]
struct Namespace {
    coll: Option<String>,
}

struct MongoChangeStream {
    streams: Vec<mongodb::change_stream::ChangeStream<Event>>,
    /// Tells when the primary changes. Until then the streams are read from the primary.
    primary: Primary,
    /// Whether more changes wait to be reported.
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
            // If the primary has changed meanwhile, the streams may be on another member.
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
    /// Adds the changes of one stream, up to the stream's share of an answer. Returns whether these were all.
    async fn tell(&mut self, number: usize, changes: &mut Vec<Change>) -> Result<bool, StorageError> {
        for _ in 0..CHANGES_MAX / WATCHED.len() {
            let Some(event) = self.ask(number).await? else { return Ok(true) };
            // An event whose id cannot be read is skipped: nobody holds a copy under such an id, and other events may
            // follow.
            changes.extend(event.change());
        }
        Ok(false)
    }

    /// The next event of a stream; `None` if nothing is left.
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

/// The stages that select the events of a collection. They let through changes and removals of documents, but not
/// updates of only the fields that change all the time. They let new documents through if these are reported. Of each
/// event they keep which document it is about.
///
/// Participations are not watched, because every batch changes many of them and the server would have to look at each
/// change. Whoever inserts a participation or changes its status [marks](crate::participations) the streamer's document
/// instead.
fn pipeline(watched: &Watched) -> [Document; 2] {
    let mut operations = vec!["replace", "delete", "drop", "rename"];
    operations.extend(watched.tells_new.then_some("insert"));
    [
        doc! {"$match": {"$or": [
            {"operationType": {"$in": operations}},
            {"operationType": "update", "$expr": {"$not": [only(watched.unimportant)]}},
        ]}},
        // The driver itself needs `operationType` and `ns` to resume.
        doc! {"$project": {"operationType": 1, "ns": 1, "documentKey": 1}},
    ]
}

/// The condition that an update changed only these fields.
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
