//! Between the collections' documents and the model.

use std::borrow::Cow;

use bson::{Bson, Document, doc, oid::ObjectId};
pub(crate) use gametriggers_documents::values::{stored_count, stored_id, stored_money, stored_time};
use gametriggers_documents::{Fields, Problem};
use gametriggers_persistence::{Entity, Insertion, StorageError};
use gametriggers_types::{CampaignId, ParticipationId, UserId};
use mongodb::{Collection, Database, options::UpdateModifications};

use crate::{
    call,
    error::{is_duplicate_key, neutral},
};

/// The filter that finds a document by its id, which is an `ObjectId` everywhere.
pub(crate) fn by_id(id: impl Into<StoredId>) -> Document {
    doc! {"_id": id.into().0}
}

/// A typed id as MongoDB has it.
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

/// The condition that a field is one of these words; where it is absent or null, it is the `default`.
pub(crate) fn one_of(words: &[&str], default: &str) -> Document {
    let absent = words.contains(&default).then_some(Bson::Null);
    let words = words.iter().map(|word| Bson::from(*word));
    doc! {"$in": words.chain(absent).collect::<Vec<_>>()}
}

/// Reads a document as it was found; the error names it and the field.
pub(crate) fn read<T>(
    entity: Entity,
    document: Document,
    read: impl FnOnce(&mut Fields) -> Result<T, Problem>,
) -> Result<T, StorageError> {
    let id = document.get("_id").cloned();
    read(&mut Fields::from(document)).map_err(|problem| StorageError::Corrupt {
        entity,
        id: match id {
            Some(Bson::ObjectId(id)) => id.to_hex(),
            Some(Bson::String(id)) => id,
            Some(id) => id.to_string(),
            None => "without an id".to_owned(),
        },
        field: match problem.field {
            Cow::Borrowed(field) => field,
            Cow::Owned(_) => "document",
        },
        source: problem.reason.into(),
    })
}

/// The first document that the filter finds, with these fields; all where none is named.
pub(crate) async fn find_one(
    collection: Collection<Document>,
    filter: Document,
    fields: Document,
) -> Result<Option<Document>, StorageError> {
    call::read(async move { collection.find_one(filter).projection(fields).await }).await
}

/// Changes the document that the filter finds. False if there is none.
pub(crate) async fn update_one(
    collection: Collection<Document>,
    filter: Document,
    change: impl Into<UpdateModifications>,
) -> Result<bool, StorageError> {
    let change = change.into();
    let updated = call::write(async move { collection.update_one(filter, change).await }).await?;
    Ok(updated.matched_count == 1)
}

/// Runs update statements, each by itself: where one is refused, the others are run all the same. They may be run twice.
pub(crate) async fn update_each(
    database: &Database,
    collection: &str,
    statements: Vec<Document>,
) -> Result<(), StorageError> {
    if statements.is_empty() {
        return Ok(());
    }
    // A command of its own has none of the database's, and is not tried again by the driver.
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

/// Inserts the document, with the other fields of an imported one beside its own, unless one of its id is there.
pub(crate) async fn insert_if_absent(
    collection: Collection<Document>,
    document: Document,
    other_fields: &str,
) -> Result<Insertion, StorageError> {
    let document = merged(document, other_fields)?;
    let id = document.get("_id").cloned().unwrap_or(Bson::Null);
    let documents = collection.clone();
    match call::try_write(async move { documents.insert_one(document).await }).await? {
        Ok(_) => Ok(Insertion::Inserted),
        Err(error) if is_duplicate_key(&error) => {
            // Where the document is there, its other unique values are the same, and any of them may be named.
            match find_one(collection, doc! {"_id": id}, doc! {"_id": 1}).await? {
                Some(_) => Ok(Insertion::AlreadyPresent),
                None => Err(neutral(error)),
            }
        }
        Err(error) => Err(neutral(error)),
    }
}

/// A field of the document itself stays.
fn merged(mut document: Document, other_fields: &str) -> Result<Document, StorageError> {
    let unreadable = |reason: &str| StorageError::Backend(format!("the other fields are {reason}").into());
    let other: serde_json::Value = serde_json::from_str(other_fields).map_err(|_| unreadable("not JSON"))?;
    let Ok(Bson::Document(other)) = Bson::try_from(other) else {
        return Err(unreadable("not a document in Extended JSON"));
    };
    for (key, value) in other {
        if !document.contains_key(&key) {
            document.insert(key, value);
        }
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_fields_stand_beside_the_documents_own_and_change_none() {
        let other = r#"{"__v": 3, "email": "b", "xp": {"$numberLong": "7"}, "at": {"$date": "2025-07-01T00:00:00Z"}}"#;
        let merged = merged(doc! {"email": "a"}, other).unwrap();
        let at = bson::DateTime::from_millis(1_751_328_000_000);
        assert_eq!(merged.get_str("email").unwrap(), "a");
        assert_eq!((merged.get("xp"), merged.get("at")), (Some(&Bson::Int64(7)), Some(&Bson::DateTime(at))));
        assert_eq!(merged.len(), 4);
    }
}
