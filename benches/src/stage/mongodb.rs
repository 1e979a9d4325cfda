//! Copies documents in a MongoDB database.

use anyhow::Context;
use bson::{Bson, Document, doc, oid::ObjectId};
use mongodb::Database;

use super::{Kind, Renames, Shape};

/// The number of documents in one insert.
const BATCH: usize = 10_000;

/// Copies document number 0 to all other numbers.
pub(super) async fn multiply(database: &Database, kind: Kind, shape: Shape) -> anyhow::Result<()> {
    let name = match kind {
        Kind::Campaigns => "campaigns",
        Kind::Users => "users",
        Kind::Participations => "campaignparticipations",
    };
    let collection = database.collection::<Document>(name);
    let template = collection.find_one(doc! {}).await?.with_context(|| format!("{name} is empty"))?;
    let mut batch = Vec::with_capacity(BATCH);
    for number in 1..kind.count(shape) {
        batch.push(copy(&template, &kind.renames(shape, number)));
        if batch.len() == BATCH {
            collection.insert_many(std::mem::take(&mut batch)).ordered(false).await?;
        }
    }
    if !batch.is_empty() {
        collection.insert_many(batch).ordered(false).await?;
    }
    Ok(())
}

/// Lets the server write everything to disk, so that it does not do so during a measurement. An error is ignored: not
/// every user may ask for this, and it does not affect the figures for long.
pub(super) async fn settle(database: &Database) {
    let admin = database.client().database("admin");
    let _ = admin.run_command(doc! {"fsync": 1}).await;
}

/// The number of ledger entries whose ids begin with `prefix`.
pub(super) async fn count_entries(database: &Database, prefix: &str) -> anyhow::Result<u64> {
    let end = format!("{prefix}\u{7f}");
    let ids = doc! {"_id": {"$gte": prefix, "$lt": end}};
    Ok(database.collection::<Document>("ledger").count_documents(ids).await?)
}

fn copy(template: &Document, renames: &Renames) -> Document {
    template.iter().map(|(key, value)| (key.clone(), renamed(value, renames))).collect()
}

fn renamed(value: &Bson, renames: &Renames) -> Bson {
    match value {
        Bson::ObjectId(id) => {
            let found = renames.ids.iter().find(|renamed| renamed.from.bytes() == id.bytes());
            Bson::ObjectId(found.map_or(*id, |renamed| ObjectId::from_bytes(renamed.to.bytes())))
        }
        Bson::String(text) => {
            let mut text = text.clone();
            for renamed in &renames.texts {
                if text.contains(&renamed.from) {
                    text = text.replace(&renamed.from, &renamed.to);
                }
            }
            Bson::String(text)
        }
        Bson::Document(document) => Bson::Document(copy(document, renames)),
        Bson::Array(values) => Bson::Array(values.iter().map(|value| renamed(value, renames)).collect()),
        other => other.clone(),
    }
}
