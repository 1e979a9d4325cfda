//! How far quotas were used. What is here expires by an index of its own (`migrations/mongodb/0007__quotas.json`), some hours
//! after it was last used.

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

/// Tells the batch how far the quotas of its new entries were used.
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

/// The statements that add what was used: to what was read, or the transaction is begun again.
pub(super) fn add(quotas: &BTreeMap<&str, QuotaUse>) -> Vec<Document> {
    let statement = |(key, QuotaUse { before, added, .. }): (&&str, &QuotaUse)| {
        doc! {
            "q": {"_id": *key, "used": stored_count(*before)},
            // By the server's clock, which is the one that the index goes by.
            "u": {"$inc": {"used": stored_count(*added)}, "$currentDate": {"usedAt": true}},
            // Where somebody else was faster, the server refuses to store another one of this key.
            "upsert": *before == 0,
        }
    };
    quotas.iter().map(statement).collect()
}
