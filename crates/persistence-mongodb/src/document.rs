//! Translates between the documents of the collections and the types of the domain.

use std::borrow::Cow;

use bson::{Bson, Document, doc, oid::ObjectId};
pub(crate) use gametriggers_documents::values::{stored_count, stored_id, stored_money, stored_time};
use gametriggers_documents::{Fields, Problem};
use gametriggers_persistence::{Entity, StorageError};
use gametriggers_types::{CampaignId, ParticipationId, UserId};
use mongodb::{Collection, Database, options::UpdateModifications};
use serde::de::DeserializeOwned;

use crate::call;

/// The filter that finds a document by its id, if this id is an `ObjectId`.
pub(crate) fn by_id(id: impl Into<StoredId>) -> Document {
    doc! {"_id": id.into().0}
}

/// A typed id in the form in which MongoDB stores it.
pub(crate) struct StoredId(pub(crate) ObjectId);

macro_rules! stored_ids {
    ($($name:ident),+) => {$(
        impl From<$name> for StoredId {
            fn from(id: $name) -> Self {
                Self(stored_id(id.object_id()))
            }
        }
    )+};
}
stored_ids!(UserId, CampaignId, ParticipationId);

/// The condition that a field is one of these words. A field that is absent or null counts as the `default`.
pub(crate) fn one_of(words: &[&str], default: &str) -> Document {
    let absent = words.contains(&default).then_some(Bson::Null);
    let words = words.iter().map(|word| Bson::from(*word));
    doc! {"$in": words.chain(absent).collect::<Vec<_>>()}
}

/// Reads a document. The error names the document and the field.
pub(crate) fn read<T>(
    entity: Entity,
    document: impl Into<Fields>,
    read: impl FnOnce(&mut Fields) -> Result<T, Problem>,
) -> Result<T, StorageError> {
    let mut fields = document.into();
    let id = fields.shown_id();
    read(&mut fields).map_err(|problem| StorageError::Corrupt {
        entity,
        id,
        field: match problem.field {
            Cow::Borrowed(field) => field,
            Cow::Owned(_) => "document",
        },
        source: problem.reason.into(),
    })
}

/// The first document that the filter finds, with these fields, or with all fields if `fields` names none.
pub(crate) async fn find_one<T: DeserializeOwned + Send + Sync + 'static>(
    collection: Collection<T>,
    filter: Document,
    fields: Document,
) -> Result<Option<T>, StorageError> {
    call::read(async move { collection.find_one(filter).projection(fields).await }).await
}

/// Changes the document that the filter finds. Returns false if there is none.
pub(crate) async fn update_one<T: Send + Sync + 'static>(
    collection: Collection<T>,
    filter: Document,
    change: impl Into<UpdateModifications>,
) -> Result<bool, StorageError> {
    let change = change.into();
    let updated = call::write(async move { collection.update_one(filter, change).await }).await?;
    Ok(updated.matched_count == 1)
}

/// Runs update statements. If the server refuses one, it still runs the others. The statements may be run twice.
pub(crate) async fn update_each(
    database: &Database,
    collection: &str,
    statements: Vec<Document>,
) -> Result<(), StorageError> {
    if statements.is_empty() {
        return Ok(());
    }
    // `run_command` does not use the write concern of the database, and the driver does not try it again.
    let mut concern = doc! {"w": "majority", "j": true};
    if let Some(timeout) = database.write_concern().and_then(|concern| concern.w_timeout) {
        concern.insert("wtimeout", i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
    }
    let command =
        doc! {"update": collection, "updates": statements, "ordered": false, "writeConcern": concern};
    let run = || {
        let (database, command) = (database.clone(), command.clone());
        call::write(async move { database.run_command(command).await })
    };
    let reply = match run().await {
        Err(error) if error.is_retryable() => run().await?,
        reply => reply?,
    };
    // The reply can be "ok" with errors inside.
    let failed = |code: i32| format!("write error {code} in {collection}");
    if let Ok(errors) = reply.get_array("writeErrors") {
        let code = errors.first().and_then(|error| error.as_document()?.get_i32("code").ok());
        return Err(StorageError::Backend(failed(code.unwrap_or(0)).into()));
    }
    match reply.get_document("writeConcernError") {
        Ok(error) => {
            let source = failed(error.get_i32("code").unwrap_or(0)).into();
            Err(StorageError::Unavailable { outcome_unknown: true, source })
        }
        Err(_) => Ok(()),
    }
}
