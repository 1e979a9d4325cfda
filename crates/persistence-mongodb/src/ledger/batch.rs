//! One batch within its transaction: what it has to know is read, what it changes is written, one command for each
//! collection.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Bson, Document, doc};
use gametriggers_documents::{Fields, IN_LEDGER, Problem, campaigns, values};
use gametriggers_domain::{
    batch::{Batch, Charge, Credit, Judged, Unknown},
    ledger::Counters,
    price::Payment,
};
use gametriggers_persistence::{Entity, StorageError};
use gametriggers_types::{CampaignId, Money, ObjectId, ParticipationId, Quarter};
use mongodb::ClientSession;

use super::{
    known::{Known, RollupKey},
    opening, rollup_id,
    statements::{find_by_ids, update},
    transaction::TxResult,
    write_entry,
};
use crate::{
    MongoStore, collection, counters,
    document::{self, stored_id, stored_money, stored_time},
};

/// A participation that has no opening yet.
pub(super) struct Unopened {
    pub(super) id: ParticipationId,
    pub(super) campaign: CampaignId,
}

/// Tells the batch what those hold and pay on whom the prices of its new entries depend, and stores the openings of those
/// who have none. Whom no price depends on is read unless they are known to have one.
pub(super) async fn read(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
    known: &Known,
) -> TxResult<()> {
    let (mut participations, mut named) = batch.named();
    let priced = batch.priced();
    participations.retain(|id| priced.0.contains(id) || !known.is_opened(id.object_id()));
    named.retain(|id| priced.1.contains(id) || !known.is_opened(id.object_id()));
    read_participations_and_campaigns(store, session, batch, &participations, &named).await
}

async fn read_participations_and_campaigns(
    store: &MongoStore,
    session: &mut ClientSession,
    batch: &mut Batch<'_>,
    participations: &BTreeSet<ParticipationId>,
    named: &BTreeSet<CampaignId>,
) -> TxResult<()> {
    let mut unread = participations.clone();
    let mut unopened = Vec::new();
    let fields = doc! {IN_LEDGER: 1, "campaignId": 1, "paidUnits": 1, "viewerSum": 1, "viewerSamples": 1};
    let ids = participations.iter().map(|id| id.object_id());
    for found in read_named(store, session, collection::PARTICIPATIONS, ids, fields).await? {
        match document::read(Entity::Participation, found, read_counters)? {
            Ok((id, counters)) => {
                unread.remove(&id);
                batch.holds(id, counters);
            }
            Err(without) => {
                unread.remove(&without.id);
                unopened.push(without);
            }
        }
    }
    if let Some(id) = unread.pop_first() {
        return Err(missing(Unknown::Participation(id)).into());
    }

    let needed: BTreeSet<_> = unopened.iter().map(|participation| participation.campaign).collect();
    let mut unread = named.clone();
    let mut unopened_campaigns = Vec::new();
    let fields = doc! {
        IN_LEDGER: 1, "remainingBudget": 1, "paymentType": 1, "paymentRate": 1, "expectedImpressions": 1,
    };
    let ids = named.union(&needed).map(|id| id.object_id());
    for found in read_named(store, session, collection::CAMPAIGNS, ids, fields).await? {
        let Purse { id, is_opened, payment, remaining } =
            document::read(Entity::Campaign, found, read_purse)?;
        batch.pays(id, payment, remaining);
        if unread.remove(&id) && !is_opened {
            unopened_campaigns.push(id);
        }
    }
    if let Some(id) = unread.pop_first() {
        return Err(missing(Unknown::Campaign(id)).into());
    }

    for (id, remaining) in opening::of_campaigns(store, session, &unopened_campaigns).await? {
        if let Some(payment) = batch.payment_of(id) {
            batch.pays(id, payment, remaining);
        }
    }
    let payment_of = |campaign| batch.payment_of(campaign);
    for (id, counters) in opening::of_participations(store, session, &unopened, payment_of).await? {
        batch.holds(id, counters);
    }
    Ok(())
}

pub(super) fn missing(unknown: Unknown) -> StorageError {
    let (entity, id) = match unknown {
        Unknown::Participation(id) => (Entity::Participation, id.to_string()),
        Unknown::Campaign(id) => (Entity::Campaign, id.to_string()),
    };
    StorageError::Missing { entity, id }
}

/// Writes what was judged.
pub(super) async fn write(
    store: &MongoStore,
    session: &mut ClientSession,
    judged: &Judged<'_>,
    known: &Known,
) -> TxResult<()> {
    if judged.entries.is_empty() {
        return Ok(());
    }
    let Judged { entries, charges, credits, rollups, .. } = judged;
    let database = &store.database;
    let documents = entries.iter().map(|(entry, verdict)| write_entry(entry, verdict));
    database.collection(collection::LEDGER).insert_many(documents).session(&mut *session).await?;
    let statements = charges.iter().map(|(id, charge)| take(*id, charge)).collect();
    update(database, session, collection::CAMPAIGNS, statements, charges.len()).await?;
    update(database, session, collection::PARTICIPATIONS, add_credits(credits), credits.len()).await?;
    update(database, session, collection::ROLLUPS, add_to_rollups(rollups, known), rollups.len()).await
}

/// The statements that add to participations: one for all to which the same is added.
fn add_credits(credits: &BTreeMap<ParticipationId, Credit>) -> Vec<Document> {
    let (mut alike, mut statements) = (Alike::default(), Vec::new());
    for (id, Credit { before, added }) in credits {
        let id = stored_id(id.object_id());
        if added.viewer_samples == 0 {
            alike.add(id, added);
            continue;
        }
        let sum = before.viewer_sum + added.viewer_sum;
        let samples = before.viewer_samples + added.viewer_samples;
        let mut update = counters::add(added);
        #[allow(clippy::cast_precision_loss)] // a mean to 15 digits
        update.insert("$set", doc! {"avgViewerCount": sum as f64 / samples as f64});
        statements.push(doc! {"q": {"_id": id, IN_LEDGER: true}, "u": update});
    }
    statements.extend(alike.statements(&doc! {IN_LEDGER: true}));
    statements
}

/// The statements that add to rollups: one for all that are known to be there and to which the same is added.
fn add_to_rollups(rollups: &BTreeMap<RollupKey, (CampaignId, Counters)>, known: &Known) -> Vec<Document> {
    let (mut alike, mut statements) = (Alike::default(), Vec::new());
    for (&(participation, quarter), (campaign, sums)) in rollups {
        if known.has_rollup((participation, quarter)) {
            alike.add(rollup_id(participation, stored_time(quarter.start())), sums);
        } else {
            statements.push(add_to_rollup(participation, quarter, *campaign, sums));
        }
    }
    statements.extend(alike.statements(&doc! {}));
    statements
}

/// Documents by what is added to them.
#[derive(Default)]
struct Alike(HashMap<Counters, Vec<Bson>>);

impl Alike {
    fn add(&mut self, id: impl Into<Bson>, change: &Counters) {
        self.0.entry(*change).or_default().push(id.into());
    }

    fn statements(self, condition: &Document) -> impl Iterator<Item = Document> {
        self.0.into_iter().map(|(change, ids)| {
            let mut filter = doc! {"_id": {"$in": ids}};
            filter.extend(condition.clone());
            doc! {"q": filter, "u": counters::add(&change), "multi": true}
        })
    }
}

/// The statement that takes from a campaign; its condition can only fail if the judgement was wrong. Where money runs out,
/// that is noted, so that [those who follow changes](crate::changes) learn of it.
fn take(id: CampaignId, charge: &Charge) -> Document {
    let mut update = doc! {"$inc": {"remainingBudget": stored_money(Money::ZERO - charge.amount)}};
    if charge.is_last {
        update.insert("$currentDate", doc! {"budgetExhaustedAt": true});
    }
    doc! {
        "q": {
            "_id": stored_id(id.object_id()),
            "remainingBudget": {"$gte": stored_money(charge.amount)},
        },
        "u": update,
    }
}

/// The statement that adds to a rollup, and makes it where there is none.
pub(crate) fn add_to_rollup(
    participation: ParticipationId,
    quarter: Quarter,
    campaign: CampaignId,
    change: &Counters,
) -> Document {
    let mut update = counters::add(change);
    update.insert("$setOnInsert", doc! {"campaignId": stored_id(campaign.object_id())});
    doc! {"q": {"_id": rollup_id(participation, stored_time(quarter.start()))}, "u": update, "upsert": true}
}

/// Reads these fields of the documents of these ids.
pub(super) async fn read_named(
    store: &MongoStore,
    session: &mut ClientSession,
    collection: &str,
    ids: impl Iterator<Item = ObjectId>,
    fields: Document,
) -> TxResult<Vec<Document>> {
    let ids: Vec<_> = ids.map(|id| stored_id(id).into()).collect();
    find_by_ids(&store.collection(collection), session, &ids, fields).await
}

/// Of the counters, those from which prices and means go on.
fn read_counters(fields: &mut Fields) -> Result<Result<(ParticipationId, Counters), Unopened>, Problem> {
    let id = fields.required("_id", values::id)?;
    if !is_in_ledger(fields) {
        return Ok(Err(Unopened { id, campaign: fields.required("campaignId", values::id)? }));
    }
    let mut count = |field| Ok(fields.optional(field, values::count)?.unwrap_or(0));
    let counters = Counters {
        paid_units: count("paidUnits")?,
        viewer_sum: count("viewerSum")?,
        viewer_samples: count("viewerSamples")?,
        ..Counters::default()
    };
    Ok(Ok((id, counters)))
}

/// What a campaign pays and has left, and whether it has an opening.
struct Purse {
    id: CampaignId,
    is_opened: bool,
    payment: Payment,
    remaining: Money,
}

fn read_purse(fields: &mut Fields) -> Result<Purse, Problem> {
    Ok(Purse {
        id: fields.required("_id", values::id)?,
        is_opened: is_in_ledger(fields),
        remaining: fields.required("remainingBudget", values::money)?,
        payment: campaigns::payment(fields)?,
    })
}

/// Whether the document has an opening.
fn is_in_ledger(fields: &mut Fields) -> bool {
    fields.optional(IN_LEDGER, |value| Ok(value.as_bool() == Some(true))).is_ok_and(|mark| mark == Some(true))
}
