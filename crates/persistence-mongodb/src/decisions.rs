//! Decisions. The first one that is written under an id is the only one. Old ones are shortened.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, deserialize_from_bson, doc, oid::ObjectId, serialize_to_bson};
use futures_util::TryStreamExt;
use gametriggers_documents::{
    Fields, Problem,
    values::{Read, count, id, text, time},
};
use gametriggers_domain::decision::{Basis, Content, Decision};
use gametriggers_persistence::{
    DecisionRepository, EndedDecision, Entity, MadeDecision, Shortening, StorageError, StoredDecision,
};
use gametriggers_types::{DecisionId, Listing, PageLimit, Timestamp, UserId};
use mongodb::{
    Collection,
    options::{CollectionOptions, ReadConcern, ReturnDocument},
};
use serde::de::DeserializeOwned;

use crate::{
    MongoStore, call, collection,
    document::{self, StoredId, stored_count, stored_time, update_each},
    error::{is_duplicate_key, neutral},
};

/// How often an upsert is tried if it meets another writer's insertion. At the second attempt the document exists.
const ATTEMPTS: u32 = 5;
/// How long a majority may take to say whether a decision is stored.
const MAJORITY_ANSWERS_WITHIN: Duration = Duration::from_secs(5);

#[async_trait]
impl DecisionRepository for MongoStore {
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError> {
        let filter = doc! {"streamerId": StoredId::from(streamer).0};
        let decisions = self.decisions();
        let finding = async move { decisions.find_one(filter).sort(doc! {"ordinal": -1}).await };
        let found = call::read(finding).await?;
        found.as_ref().map(read).transpose()
    }

    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError> {
        let found = self.find_with_successor(id).await?;
        // Until a new primary has committed something, it shows a state that may lack what the former one had acknowledged. So
        // only a linearizable read tells that a decision is absent. Callers ask for decisions that exist, so it is rare.
        if found.is_some() || !self.is_certainly_there(id).await? {
            return Ok(found);
        }
        self.find_with_successor(id).await
    }

    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError> {
        let rest = write(decision).map_err(unwritable)?;
        let mut attempt = 1;
        loop {
            let (decisions, key, insertion) =
                (self.decisions(), by_key(decision.id), doc! {"$setOnInsert": &rest});
            let storing = async move {
                decisions
                    .find_one_and_update(key, insertion)
                    .upsert(true)
                    .return_document(ReturnDocument::After)
                    .await
            };
            match call::try_write(storing).await? {
                Ok(Some(document)) => return read(&document),
                Ok(None) => return Err(StorageError::Backend("an upsert left no document".into())),
                Err(error) if is_duplicate_key(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(neutral(error)),
            }
        }
    }

    async fn list_made(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<MadeDecision>,
        limit: PageLimit,
    ) -> Result<Listing<Decision, MadeDecision>, StorageError> {
        let least = after.map_or(from, |after| after.from.max(from));
        let mut filter = doc! {"from": {"$gte": stored_time(least), "$lt": stored_time(to)}};
        if let Some(MadeDecision { from, id }) = after {
            filter.insert("$or", beyond("from", from, id));
        }
        let decisions = self.decisions();
        let finding = async move {
            let order = doc! {"from": 1, "streamerId": 1, "ordinal": 1};
            // One document more than the page has shows whether the list goes on.
            let one_more = i64::from(limit.get()) + 1;
            decisions.find(filter).sort(order).limit(one_more).await?.try_collect::<Vec<_>>().await
        };
        let mut found = call::read(finding).await?;
        let goes_on = found.len() > limit.get() as usize;
        found.truncate(limit.get() as usize);
        let end = found.last().filter(|_| goes_on);
        let next = end.map(|end| document::read(Entity::Decision, end, place)).transpose()?;
        Ok(Listing { items: self.readable(&found, "left out of the decisions of a time")?, next })
    }

    async fn shorten(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<Shortening, StorageError> {
        let (page, is_full) = self.with_tally(ended_before, after, limit).await?;
        let followed = self.followed(&page).await?;
        let mut statements = Vec::new();
        for decision in page.iter().filter(|decision| followed.contains(&decision.id)) {
            let short = decision.clone().shortened();
            let content = stored_content(&short.content).map_err(unwritable)?;
            let tally = serialize_to_bson(&short.tally).map_err(unwritable)?;
            let broadcast = serialize_to_bson(&short.broadcast).map_err(unwritable)?;
            let change = doc! {"content": content, "tally": tally, "broadcast": broadcast};
            let mut filter = by_key(short.id);
            // A decision is shortened only once: the short form has no tally.
            filter.extend(has_tally());
            statements.push(doc! {"q": filter, "u": {"$set": change}});
        }
        let shortened = u64::try_from(statements.len()).unwrap_or(u64::MAX);
        update_each(&self.database, collection::DECISIONS, statements).await?;
        let last = page.last().filter(|_| is_full);
        let last = last.map(|last| EndedDecision { until: last.until, id: last.id });
        Ok(Shortening { shortened, last })
    }
}

impl MongoStore {
    /// The decision and the beginning of its successor, in the latest state that is known to be at a majority.
    async fn find_with_successor(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError> {
        let ordinals = [id.ordinal, id.successor().ordinal].map(stored_count);
        let filter =
            doc! {"streamerId": StoredId::from(id.streamer).0, "ordinal": {"$in": ordinals.to_vec()}};
        let decisions = self.decisions();
        let found = call::read(async move { decisions.find(filter).await?.try_collect::<Vec<_>>().await });
        let found = found.await?;
        let found = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let successor_from = found.iter().find(|decision| decision.id != id).map(|decision| decision.from);
        let decision = found.into_iter().find(|decision| decision.id == id);
        Ok(decision.map(|decision| StoredDecision { decision, successor_from }))
    }

    /// Whether the decision is stored. Asks a majority.
    async fn is_certainly_there(&self, id: DecisionId) -> Result<bool, StorageError> {
        let options = CollectionOptions::builder().read_concern(ReadConcern::linearizable()).build();
        let decisions =
            self.database.collection_with_options::<RawDocumentBuf>(collection::DECISIONS, options);
        let finding = async move {
            decisions.find_one(by_key(id)).projection(doc! {"_id": 1}).max_time(MAJORITY_ANSWERS_WITHIN).await
        };
        Ok(call::read(finding).await?.is_some())
    }

    fn decisions(&self) -> Collection<RawDocumentBuf> {
        self.collection(collection::DECISIONS)
    }

    /// The next decisions that ended before this moment and carry a tally, and whether there may be more. Leaves out
    /// those that cannot be read. An index holds just these decisions.
    async fn with_tally(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<(Vec<Decision>, bool), StorageError> {
        let mut filter = has_tally();
        let ended_before = stored_time(ended_before);
        filter.insert("until", doc! {"$lt": ended_before});
        if let Some(EndedDecision { until, id }) = after {
            filter.insert("until", doc! {"$gte": stored_time(until), "$lt": ended_before});
            filter.insert("$or", beyond("until", until, id));
        }
        let decisions = self.decisions();
        let finding = async move {
            let order = doc! {"until": 1, "streamerId": 1, "ordinal": 1};
            decisions.find(filter).sort(order).limit(i64::from(limit)).await?.try_collect::<Vec<_>>().await
        };
        let found = call::read(finding).await?;
        let page = self.readable(&found, "not shortened")?;
        Ok((page, found.len() >= usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// Those of the decisions that can be read. The others are logged, with what this means for them.
    fn readable(&self, found: &[RawDocumentBuf], consequence: &str) -> Result<Vec<Decision>, StorageError> {
        let mut page = Vec::with_capacity(found.len());
        for document in found {
            match read(document) {
                Ok(decision) => page.push(decision),
                Err(error @ StorageError::Corrupt { .. }) => self.unreadable.report(consequence, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// Which of these decisions have a successor.
    async fn followed(&self, page: &[Decision]) -> Result<HashSet<DecisionId>, StorageError> {
        if page.is_empty() {
            return Ok(HashSet::new());
        }
        let successors: HashMap<_, _> = page.iter().map(|one| (one.id.successor(), one.id)).collect();
        let filter = doc! {"$or": successors.keys().map(|id| by_key(*id)).collect::<Vec<_>>()};
        let decisions = self.decisions();
        let finding = async move {
            let key = doc! {"_id": 0, "streamerId": 1, "ordinal": 1};
            decisions.find(filter).projection(key).await?.try_collect::<Vec<_>>().await
        };
        let found = call::read(finding).await?.into_iter();
        let ids = found
            .map(|found| document::read(Entity::Decision, &found, key))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(ids.into_iter().filter_map(|id| successors.get(&id).copied()).collect())
    }
}

/// The condition that a decision carries a tally. The index `until_1_streamerId_1_ordinal_1` has the same condition.
fn has_tally() -> Document {
    doc! {"tally": {"$gt": {}}}
}

/// The conditions of which a decision meets one if it comes after this place in the order by `field`, a time, and by id.
fn beyond(field: &str, at: Timestamp, id: DecisionId) -> Vec<Document> {
    let (at, streamer) = (stored_time(at), StoredId::from(id.streamer).0);
    vec![
        doc! {field: {"$gt": at}},
        doc! {field: at, "streamerId": {"$gt": streamer}},
        doc! {field: at, "streamerId": streamer, "ordinal": {"$gt": stored_count(id.ordinal)}},
    ]
}

fn by_key(id: DecisionId) -> Document {
    doc! {"streamerId": StoredId::from(id.streamer).0, "ordinal": stored_count(id.ordinal)}
}

/// The document of a decision without its key.
fn write(decision: &Decision) -> bson::error::Result<Document> {
    Ok(doc! {
        "from": stored_time(decision.from),
        "until": stored_time(decision.until),
        "slotStart": stored_time(decision.slot_start),
        "settingsVersion": stored_count(decision.settings_version),
        "basis": serialize_to_bson(&decision.basis)?,
        "content": stored_content(&decision.content)?,
        "tally": serialize_to_bson(&decision.tally)?,
        "broadcast": serialize_to_bson(&decision.broadcast)?,
    })
}

fn stored_content(content: &Content) -> bson::error::Result<Bson> {
    let mut content = serialize_to_bson(content)?;
    for_ids_of_shares(&mut content, |id| match ObjectId::parse_str(id.as_str().unwrap_or_default()) {
        Ok(stored) => stored.into(),
        Err(_) => id,
    });
    Ok(content)
}

fn read(document: &RawDocumentBuf) -> Result<Decision, StorageError> {
    document::read(Entity::Decision, document, read_fields)
}

fn key(fields: &mut Fields) -> Result<DecisionId, Problem> {
    Ok(DecisionId {
        streamer: fields.required("streamerId", id)?,
        ordinal: fields.required("ordinal", count)?,
    })
}

fn place(fields: &mut Fields) -> Result<MadeDecision, Problem> {
    Ok(MadeDecision { from: fields.required("from", time)?, id: key(fields)? })
}

fn read_fields(fields: &mut Fields) -> Result<Decision, Problem> {
    Ok(Decision {
        id: key(fields)?,
        from: fields.required("from", time)?,
        until: fields.required("until", time)?,
        slot_start: fields.required("slotStart", time)?,
        settings_version: fields.required("settingsVersion", count)?,
        basis: fields.required("basis", |basis| deserialized::<Basis>(text(basis)?.into()))?,
        content: fields.required("content", content)?,
        tally: fields.required("tally", |tally| deserialized(tally.clone()))?,
        broadcast: fields.optional("broadcast", |stored| deserialized(stored.clone()))?.unwrap_or_default(),
    })
}

fn unwritable(error: bson::error::Error) -> StorageError {
    StorageError::Backend(error.into())
}

fn content(stored: &Bson) -> Read<Content> {
    let mut stored = stored.clone();
    for_ids_of_shares(&mut stored, |id| match id {
        Bson::ObjectId(id) => id.to_hex().into(),
        other => other,
    });
    let content: Content = deserialized(stored)?;
    match &content {
        Content::Campaign(selection) if !selection.is_consistent() => Err("not consistent".to_owned()),
        Content::Campaign(_) | Content::Empty { .. } => Ok(content),
    }
}

fn deserialized<T: DeserializeOwned>(value: Bson) -> Read<T> {
    deserialize_from_bson(value).map_err(|error| error.to_string())
}

/// Changes the ids in the shares of a decision. The domain writes them as text, and the store never does.
fn for_ids_of_shares(content: &mut Bson, change: impl Fn(Bson) -> Bson) {
    let shares = content.as_document_mut().and_then(|content| content.get_array_mut("shares").ok());
    for share in shares.into_iter().flatten().filter_map(Bson::as_document_mut) {
        for key in ["campaignId", "participationId"] {
            if let Some(id) = share.get_mut(key) {
                *id = change(std::mem::replace(id, Bson::Null));
            }
        }
    }
}
