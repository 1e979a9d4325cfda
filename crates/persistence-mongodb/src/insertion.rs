//! Inserts documents unless documents with their ids exist.

use std::collections::{HashMap, HashSet};

use bson::{Bson, Document, RawDocumentBuf, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use gametriggers_persistence::{Insertion, Insertions, StorageError};
use mongodb::{
    Collection,
    error::{ErrorKind, IndexedWriteError},
};

use crate::{
    call,
    error::{DUPLICATE_KEY, neutral, refused},
};

/// How many bytes a document may have. This is the server's own limit.
const DOCUMENT_MAX: usize = 16 * 1024 * 1024;
/// How many documents a command may have. The limit lets the server answer each command long before the call times out.
const CHUNK: usize = 2_500;
/// The size of a command's documents in bytes from which no further document is added.
const CHUNK_BYTES: usize = 16 * 1024 * 1024;

/// Inserts the document unless one with its id exists. `other_fields` holds further fields of an imported document.
pub(crate) async fn if_absent(
    collection: Collection<RawDocumentBuf>,
    document: Document,
    other_fields: &str,
) -> Result<Insertion, StorageError> {
    let one = std::iter::once((document, other_fields.to_owned()));
    let answer = all_if_absent(&collection, one).await?.pop();
    answer.ok_or_else(|| StorageError::Backend("an insertion without an answer".into()))?
}

/// Inserts each of the documents, with its other fields, unless one with its id exists.
pub(crate) async fn all_if_absent(
    collection: &Collection<RawDocumentBuf>,
    documents: impl Iterator<Item = (Document, String)>,
) -> Result<Insertions, StorageError> {
    let mut answers = Insertions::new();
    let mut chunk = Chunk::default();
    for (document, other_fields) in documents {
        match Offered::new(document, &other_fields) {
            Ok(offered) => chunk.add(answers.len(), offered),
            // The error takes the document's place in the answers.
            Err(error) => {
                answers.push(Err(error));
                continue;
            }
        }
        answers.push(Ok(Insertion::Inserted));
        if chunk.is_full() {
            std::mem::take(&mut chunk).insert(collection, &mut answers).await?;
        }
    }
    chunk.insert(collection, &mut answers).await?;
    Ok(answers)
}

/// A document to insert.
struct Offered {
    id: ObjectId,
    document: RawDocumentBuf,
}

impl Offered {
    fn new(document: Document, other_fields: &str) -> Result<Self, StorageError> {
        let merged = merged(document, other_fields)?;
        let unwritable = |_| StorageError::Backend("it cannot be written as BSON".into());
        let id = merged.get_object_id("_id").map_err(|_| StorageError::Backend("it has no id".into()))?;
        let document = RawDocumentBuf::try_from(&merged).map_err(unwritable)?;
        if document.as_bytes().len() > DOCUMENT_MAX {
            return Err(StorageError::Backend("it is larger than the 16 MB that MongoDB takes".into()));
        }
        Ok(Self { id, document })
    }
}

/// The documents of one command, with their places in the answers.
#[derive(Default)]
struct Chunk {
    places: Vec<usize>,
    ids: Vec<ObjectId>,
    documents: Vec<RawDocumentBuf>,
    bytes: usize,
}

impl Chunk {
    fn add(&mut self, place: usize, Offered { id, document }: Offered) {
        self.places.push(place);
        self.ids.push(id);
        self.bytes += document.as_bytes().len();
        self.documents.push(document);
    }

    fn is_full(&self) -> bool {
        self.documents.len() >= CHUNK || self.bytes >= CHUNK_BYTES
    }

    /// Inserts the documents and corrects the answers of those that were not inserted.
    async fn insert(
        self,
        collection: &Collection<RawDocumentBuf>,
        answers: &mut Insertions,
    ) -> Result<(), StorageError> {
        let Self { places, ids, documents, .. } = self;
        if documents.is_empty() {
            return Ok(());
        }
        let into = collection.clone();
        let inserting = async move { into.insert_many(documents).ordered(false).await };
        let errors = match call::try_write(inserting).await? {
            Ok(_) => return Ok(()),
            Err(error) => write_errors(error)?,
        };
        let failed: HashMap<usize, &IndexedWriteError> =
            errors.iter().map(|error| (error.index, error)).collect();
        let inserted = ids.iter().enumerate().filter(|(index, _)| !failed.contains_key(index));
        let inserted: HashMap<ObjectId, usize> = inserted.map(|(index, id)| (*id, index)).collect();
        let doubtful = failed.iter().filter(|(_, error)| DUPLICATE_KEY.contains(&error.code));
        let doubtful = doubtful.filter_map(|(index, _)| ids.get(*index)).map(|id| Bson::from(*id)).collect();
        let known = known(collection, doubtful).await?;
        for (index, error) in failed {
            let (Some(place), Some(id)) = (places.get(index), ids.get(index)) else { continue };
            // If the document exists, its other unique values exist, too, and the server may name any of them.
            let is_present = DUPLICATE_KEY.contains(&error.code)
                && known.contains(id)
                && inserted.get(id).is_none_or(|first| *first < index);
            answers[*place] = if is_present { Ok(Insertion::AlreadyPresent) } else { Err(refused(error)) };
        }
        Ok(())
    }
}

/// The errors of single documents.
///
/// # Errors
/// If the error concerns more than single documents.
fn write_errors(error: mongodb::error::Error) -> Result<Vec<IndexedWriteError>, StorageError> {
    match &*error.kind {
        ErrorKind::InsertMany(failed) if failed.write_concern_error.is_none() => {
            match &failed.write_errors {
                Some(errors) if !errors.is_empty() => {
                    // An error that may go away does not concern the document.
                    match errors.iter().map(refused).find(StorageError::is_retryable) {
                        None => Ok(errors.clone()),
                        Some(passing) => Err(passing),
                    }
                }
                _ => Err(neutral(error)),
            }
        }
        _ => Err(neutral(error)),
    }
}

/// Which of these ids exist in the collection.
async fn known(
    collection: &Collection<RawDocumentBuf>,
    ids: Vec<Bson>,
) -> Result<HashSet<ObjectId>, StorageError> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let documents = collection.clone();
    let finding = async move {
        let found = documents.find(doc! {"_id": {"$in": ids}}).projection(doc! {"_id": 1}).await?;
        found.try_collect::<Vec<_>>().await
    };
    let found = call::read(finding).await?;
    Ok(found.iter().filter_map(|document| document.get_object_id("_id").ok()).collect())
}

/// Adds the other fields to the document. A field that the document has already stays as it is.
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
