//! Commands within a transaction. A command that names many documents is sent in parts, each within the server's limits
//! of 16 MB and 100,000 statements.

use bson::{Bson, Document, RawDocumentBuf, doc};
use gametriggers_persistence::StorageError;
use gametriggers_types::ObjectId;
use mongodb::{ClientSession, Collection, Database};

use super::transaction::{TxError, TxResult};
use crate::{MongoStore, document::stored_id, error::DUPLICATE_KEY};

/// How many statements or ids a command may have. Each takes less than a kilobyte.
pub(super) const CHUNK: usize = 5_000;

/// Reads the documents with these ids that exist: these fields of each, or all fields if `fields` names none.
pub(crate) async fn find_by_ids(
    collection: &Collection<RawDocumentBuf>,
    session: &mut ClientSession,
    ids: &[Bson],
    fields: Document,
) -> TxResult<Vec<RawDocumentBuf>> {
    let mut documents = Vec::new();
    for ids in ids.chunks(CHUNK) {
        let found = collection.find(doc! {"_id": {"$in": ids.to_vec()}}).projection(fields.clone());
        let mut found = found.session(&mut *session).await?;
        while let Some(document) = found.next(session).await.transpose()? {
            documents.push(document);
        }
    }
    Ok(documents)
}

/// As [`find_by_ids`], with the collection's name and our own ids.
pub(super) async fn read_named(
    store: &MongoStore,
    session: &mut ClientSession,
    collection: &str,
    ids: impl Iterator<Item = ObjectId>,
    fields: Document,
) -> TxResult<Vec<RawDocumentBuf>> {
    let ids: Vec<_> = ids.map(|id| stored_id(id).into()).collect();
    find_by_ids(&store.collection(collection), session, &ids, fields).await
}

/// Runs update statements. Fails unless they match exactly as many documents as `documents` says.
pub(crate) async fn update(
    database: &Database,
    session: &mut ClientSession,
    collection: &str,
    statements: Vec<Document>,
    documents: usize,
) -> TxResult<()> {
    let met = update_any(database, session, collection, &statements).await?;
    if usize::try_from(met) == Ok(documents) {
        return Ok(());
    }
    let message = format!("updates of {collection} met {met} of the {documents} documents that they are for");
    Err(TxError::Unmet(message.into()))
}

/// Runs update statements and returns how many documents they matched.
pub(crate) async fn update_any(
    database: &Database,
    session: &mut ClientSession,
    collection: &str,
    statements: &[Document],
) -> TxResult<i64> {
    let mut met = 0;
    for statements in statements.chunks(CHUNK) {
        let command = doc! {"update": collection, "updates": statements.to_vec()};
        let reply = database.run_command(command).session(&mut *session).await?;
        met += met_by(&reply, collection)?;
    }
    Ok(met)
}

/// Runs delete statements.
pub(crate) async fn delete_any(
    database: &Database,
    session: &mut ClientSession,
    collection: &str,
    statements: &[Document],
) -> TxResult<()> {
    for statements in statements.chunks(CHUNK) {
        let command = doc! {"delete": collection, "deletes": statements.to_vec()};
        met_by(&database.run_command(command).session(&mut *session).await?, collection)?;
    }
    Ok(())
}

/// How many documents the statements of a command matched, by the reply to the command. The reply can be "ok" with
/// errors inside.
fn met_by(reply: &Document, collection: &str) -> TxResult<i64> {
    let errors = reply.get_array("writeErrors").ok();
    if let Some(first) = errors.and_then(|errors| errors.first()?.as_document()) {
        let code = first.get_i32("code").unwrap_or(0);
        let message = format!("write error {code} in {collection}");
        return Err(if DUPLICATE_KEY.contains(&code) {
            TxError::Overtaken(message.into())
        } else {
            TxError::Final(StorageError::Backend(message.into()))
        });
    }
    let corrupt =
        |_| StorageError::Backend(format!("the reply to a command on {collection} has no count").into());
    Ok(reply.get_i32("n").map(i64::from).map_err(corrupt)?)
}
