//! Repairs the store: adds what a survey found to be missing.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bson::{Bson, Document, doc};
use gametriggers_documents::{Fields, OPEN_ROLLUP};
use gametriggers_domain::ledger::Counters;
use gametriggers_persistence::{Entity, StorageError};
use gametriggers_types::Money;
use mongodb::ClientSession;
use tokio::time::{Instant, timeout_at};

use super::{BUDGET, Difference, Holder, PAID, REMAINING, SETTLED, Survey};
use crate::{
    MongoStore, collection,
    counters::{self, Values},
    document::{self, by_id, stored_id, stored_money, stored_time},
    ledger::{
        entries::{REPAIRS, repairs_counted},
        rollups::{RollupKey, change_open, read_any_open, rollup_id, rollup_key},
        statements::{delete_any, find_by_ids, update_any},
        transaction::{self, Attempts, TxResult},
    },
};

/// How long one transaction of a repair may be tried.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(30);
/// How many documents one transaction repairs.
const PER_TRANSACTION: usize = 500;

/// Repairs the differences. Stops if another repair has run since the survey.
pub(super) async fn run(store: &MongoStore, survey: &Survey) -> Result<(), StorageError> {
    let differences: Vec<_> = survey.differences.iter().collect();
    for (repairs, chunk) in (survey.repairs..).zip(differences.chunks(PER_TRANSACTION)) {
        let _turn = store.committer.lock().await;
        let deadline = Instant::now() + REPAIR_TIMEOUT;
        let mut attempts = Attempts::until(deadline);
        let is_done = loop {
            match repair_chunk(store, chunk, repairs, deadline).await {
                Ok(is_done) => break is_done,
                Err(error) => attempts.again_after(error, false).await?,
            };
        };
        if !is_done {
            break;
        }
    }
    Ok(())
}

/// Runs one transaction of a repair. `repairs` is the number of repairs that the survey or the previous transaction
/// left. If the ledger has counted more since, changes nothing and returns false.
async fn repair_chunk(
    store: &MongoStore,
    chunk: &[(&Holder, &Vec<Difference>)],
    repairs: i64,
    deadline: Instant,
) -> TxResult<bool> {
    let mut session = transaction::begin(store).await?;
    let repaired = timeout_at(deadline, repair_within(store, &mut session, chunk, repairs)).await;
    transaction::end(session, repaired).await
}

async fn repair_within(
    store: &MongoStore,
    session: &mut ClientSession,
    chunk: &[(&Holder, &Vec<Difference>)],
    repairs: i64,
) -> TxResult<bool> {
    let ledger = store.collection(collection::LEDGER);
    let counted = ledger.find_one(doc! {"_id": REPAIRS}).session(&mut *session).await?;
    if counted.map_or(0, |document| repairs_counted(&document)) != repairs {
        return Ok(false);
    }
    let count = doc! {"$inc": {"count": 1_i64}, "$setOnInsert": {"kind": REPAIRS}};
    ledger.update_one(doc! {"_id": REPAIRS}, count).upsert(true).session(&mut *session).await?;

    let open = OpenRollups::read(store, session, chunk).await?;
    let mut statements: BTreeMap<&str, Vec<Document>> = BTreeMap::new();
    let mut emptied = Vec::new();
    for (holder, differences) in chunk {
        let (collection, statement) = match **holder {
            Holder::Participation(id) => {
                let mut stages = corrections(differences);
                stages.push(doc! {"$set": {"avgViewerCount": mean()}});
                (collection::PARTICIPATIONS, doc! {"q": by_id(id), "u": stages})
            }
            Holder::Campaign(id) => {
                (collection::CAMPAIGNS, doc! {"q": by_id(id), "u": corrections(differences)})
            }
            Holder::Account(id) => {
                let statement = doc! {"q": by_id(id), "u": corrections(differences), "upsert": true};
                (collection::ACCOUNTS, statement)
            }
            Holder::Rollup(id, quarter, campaign) => {
                let rollup = rollup_id(id, stored_time(quarter.start()));
                if let Some((open, all)) = open.find((id, quarter)) {
                    emptied.push(doc! {"q": {"_id": rollup}, "limit": 1});
                    let set = doc! {"$set": change_open(open, corrected(all, differences))};
                    (collection::PARTICIPATIONS, doc! {"q": by_id(id), "u": set})
                } else {
                    emptied.push(doc! {"q": empty_rollup(&rollup), "limit": 1});
                    let mut stages = corrections(differences);
                    let campaign = doc! {"$ifNull": ["$campaignId", stored_id(campaign.object_id())]};
                    stages.push(doc! {"$set": {"campaignId": campaign}});
                    (collection::ROLLUPS, doc! {"q": {"_id": rollup}, "u": stages, "upsert": true})
                }
            }
        };
        statements.entry(collection).or_default().push(statement);
    }
    for (collection, statements) in statements {
        update_any(&store.database, session, collection, &statements).await?;
    }
    if !emptied.is_empty() {
        delete_any(&store.database, session, collection::ROLLUPS, &emptied).await?;
    }
    Ok(true)
}

/// The open rollups of participations, and the parts of the same rollups that are in the collection.
struct OpenRollups {
    open: HashMap<RollupKey, Values>,
    closed: HashMap<RollupKey, Values>,
}

impl OpenRollups {
    /// Reads the open rollups of the participations whose rollups are to be repaired.
    async fn read(
        store: &MongoStore,
        session: &mut ClientSession,
        chunk: &[(&Holder, &Vec<Difference>)],
    ) -> TxResult<Self> {
        let (mut participations, mut rollups): (Vec<Bson>, Vec<Bson>) = <_>::default();
        for (holder, _) in chunk {
            if let Holder::Rollup(id, quarter, _) = **holder {
                participations.push(stored_id(id.object_id()).into());
                rollups.push(rollup_id(id, stored_time(quarter.start())).into());
            }
        }
        let (mut open, mut closed) = (HashMap::new(), HashMap::new());
        let (collection, fields) =
            (store.collection(collection::PARTICIPATIONS), doc! {OPEN_ROLLUP: 1, "campaignId": 1});
        for found in find_by_ids(&collection, session, &participations, fields).await? {
            let found = document::read(Entity::Participation, &found, read_any_open)?;
            open.extend(found.map(|(key, _, values)| (key, values)));
        }
        for found in find_by_ids(&store.collection(collection::ROLLUPS), session, &rollups, doc! {}).await? {
            let read =
                |fields: &mut Fields| Ok((fields.required("_id", rollup_key)?, counters::read_any(fields)?));
            closed.extend([document::read(Entity::Rollup, &found, read)?]);
        }
        Ok(Self { open, closed })
    }

    /// If this rollup is open: its own values, and the sum of these and the part in the collection.
    fn find(&self, key: RollupKey) -> Option<(Values, Values)> {
        let closed = self.closed.get(&key).copied().unwrap_or_default();
        self.open.get(&key).map(|open| (*open, counters::sum(*open, closed)))
    }
}

/// The values of all fields, with the differences added.
fn corrected(values: Values, differences: &[Difference]) -> Values {
    counters::name(values).map(|(name, value)| {
        match differences.iter().find(|difference| difference.field == name) {
            None => value,
            // A peak is treated as in `corrections`.
            Some(peak) if name == counters::PEAK && value != peak.stored => value,
            Some(peak) if name == counters::PEAK => peak.expected,
            Some(difference) => value + (difference.expected - difference.stored),
        }
    })
}

/// The stages of an update that adds what the fields lack.
fn corrections(differences: &[Difference]) -> Vec<Document> {
    let mut fields = Document::new();
    for &Difference { field, stored, expected } in differences {
        let value = doc! {"$ifNull": [format!("${field}"), 0_i64]};
        let lacking = expected - stored;
        let corrected = match field {
            counters::EARNINGS | BUDGET | REMAINING | SETTLED | PAID => {
                let sum = doc! {"$add": [{"$toDecimal": value}, stored_money(Money::from_micros(lacking))]};
                doc! {"$round": [sum, 6]}
            }
            // Nothing can be added to a peak. If the peak was raised since the survey, the next survey checks it again.
            counters::PEAK => doc! {"$cond": [{"$eq": [value.clone(), stored]}, expected, value]},
            _ => doc! {"$add": [value, lacking]},
        };
        fields.insert(field, corrected);
    }
    vec![doc! {"$set": fields}]
}

/// The mean of the samples, or the previous system's mean if there are no samples.
fn mean() -> Document {
    let has_samples = doc! {"$gt": [format!("${}", counters::SAMPLES), 0]};
    let mean = doc! {"$divide": ["$viewerSum", format!("${}", counters::SAMPLES)]};
    doc! {"$cond": [has_samples, mean, {"$ifNull": ["$avgViewerCountBefore", "$avgViewerCount"]}]}
}

/// The query for the rollup with this id if it holds nothing. No entry stands behind such a rollup.
fn empty_rollup(id: &Document) -> Document {
    let mut query = doc! {"_id": id.clone()};
    for (field, _) in counters::named(&Counters::default()) {
        query.insert(field, doc! {"$in": [0, Bson::Null]});
    }
    query
}
