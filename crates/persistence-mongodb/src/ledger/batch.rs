//! One batch: what it needs to know, what becomes of its entries, and what that changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bson::{Document, doc};
use gametriggers_documents::{Fields, IN_LEDGER, Problem, campaigns, values};
use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, Verdict},
    price::Payment,
};
use gametriggers_persistence::{Entity, Outcome, StorageError};
use gametriggers_types::{CampaignId, Money, ObjectId, ParticipationId, Quarter};
use mongodb::ClientSession;

use super::{
    opening, rollup_id,
    statements::{find_by_ids, update},
    transaction::TxResult,
    write_entry,
};
use crate::{
    MongoStore, collection, counters,
    document::{self, stored_id, stored_money, stored_time},
};

/// A batch within its transaction.
pub(super) struct Batch {
    /// Entries that are stored, and those of the batch that were judged.
    known: HashMap<EntryId, (ParticipationId, Verdict)>,
    credits: BTreeMap<ParticipationId, Credit>,
    purses: BTreeMap<CampaignId, Purse>,
    rollups: BTreeMap<(ParticipationId, Quarter), (CampaignId, Counters)>,
    new_entries: Vec<Document>,
}

/// Where a participation's next price and mean start from, and what the batch adds to it.
#[derive(Default)]
struct Credit {
    paid_units: u64,
    viewer_sum: u64,
    viewer_samples: u64,
    added: Counters,
}

/// What a campaign pays and has left, and what the batch spends of it.
struct Purse {
    payment: Payment,
    remaining: Money,
    spent: Money,
}

/// A participation that has no opening yet.
pub(super) struct Unopened {
    pub(super) id: ParticipationId,
    pub(super) campaign: CampaignId,
}

impl Batch {
    /// A batch of which these entries are stored already.
    pub(super) fn new(known: HashMap<EntryId, (ParticipationId, Verdict)>) -> Self {
        Self {
            known,
            credits: BTreeMap::new(),
            purses: BTreeMap::new(),
            rollups: BTreeMap::new(),
            new_entries: Vec::new(),
        }
    }

    /// Reads those whom new entries name, and stores the openings of those who have none.
    pub(super) async fn read(
        &mut self,
        store: &MongoStore,
        session: &mut ClientSession,
        new: &[&Entry],
    ) -> TxResult<()> {
        let named: BTreeSet<_> = new.iter().map(|entry| entry.participation).collect();
        let mut unopened = Vec::new();
        let fields = doc! {IN_LEDGER: 1, "campaignId": 1, "paidUnits": 1, "viewerSum": 1, "viewerSamples": 1};
        let ids = named.into_iter().map(ParticipationId::object_id);
        for found in read_named(store, session, collection::PARTICIPATIONS, ids, fields).await? {
            match document::read(Entity::Participation, found, read_credit)? {
                Ok((id, credit)) => {
                    self.credits.insert(id, credit);
                }
                Err(without) => unopened.push(without),
            }
        }

        let named: BTreeSet<_> = new.iter().map(|entry| entry.campaign).collect();
        let needed: BTreeSet<_> = unopened.iter().map(|participation| participation.campaign).collect();
        let mut unopened_campaigns = Vec::new();
        let fields = doc! {
            IN_LEDGER: 1, "remainingBudget": 1, "paymentType": 1, "paymentRate": 1, "expectedImpressions": 1,
        };
        let ids = named.union(&needed).map(|id| id.object_id());
        for found in read_named(store, session, collection::CAMPAIGNS, ids, fields).await? {
            let (id, is_opened, purse) = document::read(Entity::Campaign, found, read_purse)?;
            self.purses.insert(id, purse);
            if !is_opened && named.contains(&id) {
                unopened_campaigns.push(id);
            }
        }

        for (id, remaining) in opening::of_campaigns(store, session, &unopened_campaigns).await? {
            self.purses.entry(id).and_modify(|purse| purse.remaining = remaining);
        }
        let payment_of = |campaign: CampaignId| self.purses.get(&campaign).map(|purse| purse.payment);
        for (id, counters) in opening::of_participations(store, session, &unopened, payment_of).await? {
            let Counters { paid_units, viewer_sum, viewer_samples, .. } = counters;
            self.credits
                .insert(id, Credit { paid_units, viewer_sum, viewer_samples, added: Counters::default() });
        }
        Ok(())
    }

    /// Judges the entries in their order.
    pub(super) fn judge(&mut self, entries: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        entries.iter().map(|entry| self.judge_one(entry)).collect()
    }

    fn judge_one(&mut self, entry: &Entry) -> Result<Outcome, StorageError> {
        if let Some(&(participation, verdict)) = self.known.get(&entry.id) {
            return Ok(Outcome::Duplicate { participation, verdict });
        }
        let credit = self
            .credits
            .get_mut(&entry.participation)
            .ok_or_else(|| missing(Entity::Participation, entry.participation.object_id()))?;
        let purse = self
            .purses
            .get_mut(&entry.campaign)
            .ok_or_else(|| missing(Entity::Campaign, entry.campaign.object_id()))?;
        let verdict = entry.judge(&purse.payment, credit.paid_units, purse.remaining);
        self.known.insert(entry.id.clone(), (entry.participation, verdict));
        self.new_entries.push(write_entry(entry, &verdict));
        match verdict {
            Verdict::Counted(accrual) => {
                let change = Counters::of(entry.kind, &verdict);
                credit.paid_units += change.paid_units;
                credit.added.add(&change);
                purse.remaining -= accrual.amount;
                purse.spent += accrual.amount;
                let rollup = (entry.participation, Quarter::containing(entry.at));
                let (_, sums) =
                    self.rollups.entry(rollup).or_insert_with(|| (entry.campaign, Counters::default()));
                sums.add(&change);
                Ok(Outcome::Counted(accrual))
            }
            Verdict::Rejected(reason) => Ok(Outcome::Rejected(reason)),
        }
    }

    /// Writes what was judged: one command for each collection.
    pub(super) async fn write(self, store: &MongoStore, session: &mut ClientSession) -> TxResult<()> {
        if self.new_entries.is_empty() {
            return Ok(());
        }
        let charges = self.purses.iter().filter_map(|(id, purse)| purse.charge(*id)).collect();
        let credits = self.credits.iter().filter_map(|(id, credit)| credit.update(*id)).collect();
        let rollups = self.rollups.iter().map(|(&(participation, quarter), (campaign, sums))| {
            add_to_rollup(participation, quarter, *campaign, sums)
        });
        let rollups = rollups.collect();
        let database = &store.database;
        store.collection(collection::LEDGER).insert_many(self.new_entries).session(&mut *session).await?;
        update(database, session, collection::CAMPAIGNS, charges).await?;
        update(database, session, collection::PARTICIPATIONS, credits).await?;
        update(database, session, collection::ROLLUPS, rollups).await
    }
}

impl Credit {
    fn update(&self, id: ParticipationId) -> Option<Document> {
        let mut update = counters::add(&self.added);
        if self.added.viewer_samples > 0 {
            let sum = self.viewer_sum + self.added.viewer_sum;
            let samples = self.viewer_samples + self.added.viewer_samples;
            #[allow(clippy::cast_precision_loss)] // a mean to 15 digits
            update.insert("$set", doc! {"avgViewerCount": sum as f64 / samples as f64});
        }
        // An update without operators would replace the document.
        (!update.is_empty()).then(|| doc! {"q": {"_id": stored_id(id.object_id())}, "u": update})
    }
}

impl Purse {
    /// Takes what was spent; the condition can only fail if the judgement was wrong.
    fn charge(&self, id: CampaignId) -> Option<Document> {
        (self.spent != Money::ZERO).then(|| {
            doc! {
                "q": {
                    "_id": stored_id(id.object_id()),
                    "remainingBudget": {"$gte": stored_money(self.spent)},
                },
                "u": {"$inc": {"remainingBudget": stored_money(Money::ZERO - self.spent)}},
            }
        })
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

fn read_credit(fields: &mut Fields) -> Result<Result<(ParticipationId, Credit), Unopened>, Problem> {
    let id = fields.required("_id", values::id)?;
    if !is_in_ledger(fields) {
        return Ok(Err(Unopened { id, campaign: fields.required("campaignId", values::id)? }));
    }
    let mut count = |field| Ok(fields.optional(field, values::count)?.unwrap_or(0));
    let credit = Credit {
        paid_units: count("paidUnits")?,
        viewer_sum: count("viewerSum")?,
        viewer_samples: count("viewerSamples")?,
        added: Counters::default(),
    };
    Ok(Ok((id, credit)))
}

fn read_purse(fields: &mut Fields) -> Result<(CampaignId, bool, Purse), Problem> {
    let id = fields.required("_id", values::id)?;
    let is_opened = is_in_ledger(fields);
    let remaining = fields.required("remainingBudget", values::money)?;
    Ok((id, is_opened, Purse { payment: campaigns::payment(fields)?, remaining, spent: Money::ZERO }))
}

/// Whether the document has an opening.
fn is_in_ledger(fields: &mut Fields) -> bool {
    fields.optional(IN_LEDGER, |value| Ok(value.as_bool() == Some(true))).is_ok_and(|mark| mark == Some(true))
}

fn missing(entity: Entity, id: ObjectId) -> StorageError {
    StorageError::Missing { entity, id: id.to_string() }
}
