//! Reads and writes the documents of quotas. A quota limits how many similar events are paid. Its document says how
//! many were paid so far. MongoDB deletes a document some hours after its last use, by the index in
//! `migrations/mongodb/0007__quotas.json`.

use std::collections::BTreeMap;

use bson::{DateTime, Document, doc};
use gametriggers_documents::values;
use gametriggers_domain::batch::{Batch, QuotaUse};
use gametriggers_persistence::Entity;
use mongodb::{ClientSession, Database};

use super::{
    statements::{find_by_ids, update},
    transaction::TxResult,
};
use crate::{
    MongoStore, collection,
    document::{self, stored_count},
};

/// Reads the quotas of the batch's new entries. Tells the batch for each quota how many entries were paid so far. Returns
/// whether one of them was used.
pub(super) async fn read(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
) -> TxResult<bool> {
    let keys: Vec<_> = batch.quotas().into_keys().map(Into::into).collect();
    let quotas = store.collection(collection::QUOTAS);
    let found = find_by_ids(&quotas, session, &keys, doc! {"used": 1}).await?;
    let was_used = !found.is_empty();
    for found in found {
        let (key, used) = document::read(Entity::Quota, &found, |fields| {
            Ok((fields.required("_id", values::text)?, fields.required("used", values::count)?))
        })?;
        batch.used(key, used);
    }
    Ok(was_used)
}

/// Counts the batch's paid entries in the documents of their quotas. If a document no longer has the number that [`read`]
/// found, the transaction begins again.
pub(super) async fn count(
    database: &Database,
    session: &mut ClientSession,
    quotas: &BTreeMap<&str, QuotaUse>,
) -> TxResult<()> {
    let (new, old): (Vec<_>, Vec<_>) = quotas.iter().partition(|(_, quota)| quota.before == 0);
    if !new.is_empty() {
        // Most quotas are new, and an insertion costs the server less than half of an upsert. If another writer was faster,
        // the server refuses the second document with the same key.
        let now = DateTime::now();
        let document = |(key, QuotaUse { added, .. }): (&&str, &QuotaUse)| {
            doc! {"_id": *key, "used": stored_count(*added), "usedAt": now}
        };
        let documents: Vec<_> = new.into_iter().map(document).collect();
        database
            .collection::<Document>(collection::QUOTAS)
            .insert_many(documents)
            .session(&mut *session)
            .await?;
    }
    let statement = |(key, QuotaUse { before, added, .. }): (&&str, &QuotaUse)| {
        doc! {
            "q": {"_id": *key, "used": stored_count(*before)},
            "u": {"$inc": {"used": stored_count(*added)}, "$currentDate": {"usedAt": true}},
        }
    };
    let statements: Vec<_> = old.into_iter().map(statement).collect();
    let documents = statements.len();
    update(database, session, collection::QUOTAS, statements, documents).await
}
