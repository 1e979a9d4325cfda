//! Copies documents in a MongoDB database.

use anyhow::Context;
use bson::{Bson, Document, doc, oid::ObjectId};
use mongodb::Database;

use super::{Kind, Renames, Shape, Transactions};

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

/// The number of events and the number of paid units, by the counters of all participations.
pub(super) async fn sum_counters(database: &Database) -> anyhow::Result<(u64, u64)> {
    let sum = |field: &str| doc! {"$sum": field};
    let group = doc! {
        "_id": null, "clicks": sum("$clicks"), "paid": sum("$paidUnits"),
        "impressions": sum("$impressions"), "viewers": sum("$viewerSum"), "minutes": sum("$viewerSamples"),
    };
    let participations = database.collection::<Document>("campaignparticipations");
    let mut found = participations.aggregate([doc! {"$group": group}]).await?;
    if !found.advance().await? {
        return Ok((0, 0));
    }
    let sums = found.deserialize_current()?;
    let count = |field| -> anyhow::Result<i64> {
        let sum = sums.get(field).with_context(|| format!("no sum of {field}"))?;
        // The sum of no number is a 32-bit zero.
        sum.as_i64().or_else(|| sum.as_i32().map(i64::from)).with_context(|| format!("{field}: {sum}"))
    };
    // A visit is also a click. A minute of an audience is one event with as many impressions as viewers.
    let events = count("clicks")? + count("impressions")? - count("viewers")? + count("minutes")?;
    Ok((events.try_into()?, count("paid")?.try_into()?))
}

/// How many transactions the server has ended. `None` if it does not tell: not every user may ask.
pub(super) async fn transactions(database: &Database) -> Option<Transactions> {
    let admin = database.client().database("admin");
    let status = admin.run_command(doc! {"serverStatus": 1}).await.ok()?;
    let transactions = status.get_document("transactions").ok()?;
    let count = |field| u64::try_from(transactions.get_i64(field).ok()?).ok();
    Some(Transactions { committed: count("totalCommitted")?, aborted: count("totalAborted")? })
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
