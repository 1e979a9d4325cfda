//! Decisions: the first one written under its id is the only one.

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, deserialize_from_bson, doc, oid::ObjectId, serialize_to_bson};
use futures_util::TryStreamExt;
use gametriggers_documents::{
    Fields, Problem,
    values::{Read, count, id, text, time},
};
use gametriggers_domain::decision::{Basis, Content, Decision};
use gametriggers_persistence::{DecisionRepository, Entity, StorageError, StoredDecision};
use gametriggers_types::{DecisionId, UserId};
use mongodb::{Collection, options::ReturnDocument};
use serde::de::DeserializeOwned;

use crate::{
    MongoStore, call, collection,
    document::{self, StoredId, stored_count, stored_time},
    error::{is_duplicate_key, neutral},
};

/// How often an upsert that met another one's insertion is made again; the second time the document is there.
const ATTEMPTS: u32 = 5;

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

    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError> {
        let rest = write(decision).map_err(|error| StorageError::Backend(error.into()))?;
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
}

impl MongoStore {
    fn decisions(&self) -> Collection<RawDocumentBuf> {
        self.collection(collection::DECISIONS)
    }
}

fn by_key(id: DecisionId) -> Document {
    doc! {"streamerId": StoredId::from(id.streamer).0, "ordinal": stored_count(id.ordinal)}
}

/// All but the key.
fn write(decision: &Decision) -> bson::error::Result<Document> {
    let mut content = serialize_to_bson(&decision.content)?;
    for_ids_of_shares(&mut content, |id| match ObjectId::parse_str(id.as_str().unwrap_or_default()) {
        Ok(stored) => stored.into(),
        Err(_) => id,
    });
    Ok(doc! {
        "from": stored_time(decision.from),
        "until": stored_time(decision.until),
        "slotStart": stored_time(decision.slot_start),
        "settingsVersion": stored_count(decision.settings_version),
        "basis": serialize_to_bson(&decision.basis)?,
        "content": content,
        "tally": serialize_to_bson(&decision.tally)?,
    })
}

fn read(document: &RawDocumentBuf) -> Result<Decision, StorageError> {
    document::read(Entity::Decision, document, read_fields)
}

fn read_fields(fields: &mut Fields) -> Result<Decision, Problem> {
    Ok(Decision {
        id: DecisionId {
            streamer: fields.required("streamerId", id)?,
            ordinal: fields.required("ordinal", count)?,
        },
        from: fields.required("from", time)?,
        until: fields.required("until", time)?,
        slot_start: fields.required("slotStart", time)?,
        settings_version: fields.required("settingsVersion", count)?,
        basis: fields.required("basis", |basis| deserialized::<Basis>(text(basis)?.into()))?,
        content: fields.required("content", content)?,
        tally: fields.required("tally", |tally| deserialized(tally.clone()))?,
    })
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

/// Between the domain's form of an id, which is text, and the store's, which never is.
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
