//! Reads and writes the documents of quotas. A quota limits how many similar events are paid. Its document says how
//! many were paid so far. MongoDB deletes a document some hours after its last use, by the index in
//! `migrations/mongodb/0007__quotas.json`.

use std::collections::BTreeMap;

use bson::{Document, doc};
use gametriggers_documents::values;
use gametriggers_domain::batch::{Batch, QuotaUse};
use gametriggers_persistence::Entity;
use mongodb::ClientSession;

use super::{statements::find_by_ids, transaction::TxResult};
use crate::{
    MongoStore, collection,
    document::{self, stored_count},
};

/// Reads the quotas of the batch's new entries. Tells the batch for each quota how many entries were paid so far.
pub(super) async fn read(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
) -> TxResult<()> {
    let keys: Vec<_> = batch.quotas().into_keys().map(Into::into).collect();
    let quotas = store.collection(collection::QUOTAS);
    for found in find_by_ids(&quotas, session, &keys, doc! {"used": 1}).await? {
        let (key, used) = document::read(Entity::Quota, &found, |fields| {
            Ok((fields.required("_id", values::text)?, fields.required("used", values::count)?))
        })?;
        batch.used(key, used);
    }
    Ok(())
}

/// The statements that count the batch's paid entries in the documents of their quotas. If a document no longer has the
/// number that [`read`] found, its statement changes nothing, and the transaction begins again.
pub(super) fn add(quotas: &BTreeMap<&str, QuotaUse>) -> Vec<Document> {
    let statement = |(key, QuotaUse { before, added, .. }): (&&str, &QuotaUse)| {
        doc! {
            "q": {"_id": *key, "used": stored_count(*before)},
            // The MongoDB server sets the time, because the index compares it with the server's clock.
            "u": {"$inc": {"used": stored_count(*added)}, "$currentDate": {"usedAt": true}},
            // If another writer was faster, the server refuses to store a second document with this key.
            "upsert": *before == 0,
        }
    };
    quotas.iter().map(statement).collect()
}
