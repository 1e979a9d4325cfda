//! The one door through which counters and money change.
//!
//! A batch is one transaction: look up which ids are known, read what prices are made of, judge in memory, write. Each
//! step is one command unless the batch is very large. What was read is what is there when it is committed, or the
//! transaction fails and is begun again.

mod batch;
mod opening;
mod orphans;
pub(crate) mod statements;
pub(crate) mod transaction;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use bson::{Bson, DateTime, Document, doc};
use futures_util::TryStreamExt;
use gametriggers_documents::values;
use gametriggers_domain::{
    ledger::{Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Discrepancy, Entity, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{ParticipationId, Quarter, RejectionReason};
use mongodb::ClientSession;
use tokio::time::{Instant, timeout_at};

use self::{
    batch::Batch,
    statements::find_by_ids,
    transaction::{Attempts, TxResult},
};
use crate::{
    MongoStore, call, collection, counters,
    document::{self, stored_count, stored_id, stored_money, stored_time},
    reconcile,
};

/// How long a batch may take until its commit is asked for, waiting for its turn included, before its callers are told
/// that the store is unavailable.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// After how long without success it is looked whether anybody has left a transaction open, and again after as long.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// The kind of the documents of the ledger that are what others held before their first entry.
pub(crate) const OPENING: &str = "opening";
/// The kind, and the id, of the document of the ledger that counts repairs.
pub(crate) const REPAIRS: &str = "repairs";

#[async_trait]
impl Ledger for MongoStore {
    async fn record(&self, batch: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        // A transaction that was begun is ended, also if nobody waits for its answer any more: left open, it would stand
        // in everybody's way.
        let (store, batch) = (self.clone(), batch.to_vec());
        let recording = tokio::spawn(async move { store.record_in_turn(&batch).await });
        recording.await.unwrap_or_else(|failed| Err(StorageError::Backend(failed.into())))
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        let ledger = self.collection(collection::LEDGER);
        let found = document::find_one(ledger, doc! {"_id": id.as_str()}, doc! {}).await?;
        let entry = found.filter(|document| !matches!(document.get_str("kind"), Ok(OPENING | REPAIRS)));
        entry.map(read_entry).transpose()
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        let rollup = |quarter: DateTime| rollup_id(participation, quarter);
        // All quarter-hours are between the two.
        let ids = doc! {"$gte": rollup(DateTime::MIN), "$lte": rollup(DateTime::MAX)};
        let rollups = self.collection(collection::ROLLUPS);
        let reading = async move {
            rollups.find(doc! {"_id": ids}).sort(doc! {"_id": 1}).await?.try_collect::<Vec<_>>().await
        };
        let found = call::read(reading).await?;
        found.into_iter().map(|document| Ok(read_rollup(document)?.1)).collect()
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        reconcile::run(self, repair).await
    }
}

impl MongoStore {
    async fn record_in_turn(&self, batch: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let _turn = timeout_at(deadline, self.committer.lock()).await.map_err(transaction::out_of_time)?;
        let mut attempts = Attempts::until(deadline);
        let mut look_at = Instant::now() + LOOK_AFTER;
        loop {
            let error = match self.attempt(batch, deadline).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => attempts.again_after(error).await?,
            };
            // Conflicts with those who live are over sooner.
            if matches!(error, StorageError::Conflict(_)) && Instant::now() >= look_at {
                let ended = timeout_at(deadline, orphans::end(self)).await;
                if let Ok(Err(error)) = ended {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "cannot look for transactions that were left open");
                }
                look_at = Instant::now() + LOOK_AFTER;
            }
        }
    }

    /// One attempt at the transaction of a batch, in a session of its own: one in which a call did not come to its end
    /// is of no more use.
    async fn attempt(&self, batch: &[Entry], deadline: Instant) -> TxResult<Vec<Outcome>> {
        let mut session = transaction::begin(self).await?;
        let recorded = timeout_at(deadline, self.record_within(&mut session, batch)).await;
        match recorded.unwrap_or_else(|elapsed| Err(transaction::out_of_time(elapsed).into())) {
            Ok(outcomes) => transaction::commit(&mut session).await.map(|()| outcomes),
            Err(error) => {
                transaction::abort(session, &error).await;
                Err(error)
            }
        }
    }

    async fn record_within(&self, session: &mut ClientSession, entries: &[Entry]) -> TxResult<Vec<Outcome>> {
        let known = self.find_known(session, entries).await?;
        let new: Vec<_> = entries.iter().filter(|entry| !known.contains_key(&entry.id)).collect();
        let mut batch = Batch::new(known);
        if !new.is_empty() {
            batch.read(self, session, &new).await?;
        }
        let outcomes = batch.judge(entries)?;
        batch.write(self, session).await?;
        Ok(outcomes)
    }

    /// Those of the entries that are stored: whom they name, and their verdicts.
    async fn find_known(
        &self,
        session: &mut ClientSession,
        entries: &[Entry],
    ) -> TxResult<HashMap<EntryId, (ParticipationId, Verdict)>> {
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str().into()).collect();
        let found = find_by_ids(&self.collection(collection::LEDGER), session, &ids, doc! {}).await?;
        let mut known = HashMap::with_capacity(found.len());
        for document in found {
            let stored = read_entry(document)?;
            known.insert(stored.entry.id, (stored.entry.participation, stored.verdict));
        }
        Ok(known)
    }
}

/// The document of an entry.
fn write_entry(entry: &Entry, verdict: &Verdict) -> Document {
    let mut document = doc! {
        "_id": entry.id.as_str(),
        "participationId": stored_id(entry.participation.object_id()),
        "campaignId": stored_id(entry.campaign.object_id()),
        "kind": entry.kind.to_string(),
        "units": stored_count(entry.units),
        "at": stored_time(entry.at),
    };
    match *verdict {
        Verdict::Counted(Accrual { paid, unpaid, amount }) => {
            document.insert("paidUnits", stored_count(paid));
            document.insert("unpaidUnits", stored_count(unpaid));
            document.insert("amount", stored_money(amount));
        }
        Verdict::Rejected(reason) => {
            document.insert("rejection", reason.as_str());
        }
    }
    document
}

/// The entry of a document that is no opening.
pub(crate) fn read_entry(document: Document) -> Result<StoredEntry, StorageError> {
    document::read(Entity::LedgerEntry, document, |fields| {
        let rejection = fields.optional("rejection", values::parsed)?;
        let entry = Entry {
            id: EntryId::stored(fields.required("_id", values::text)?),
            participation: fields.required("participationId", values::id)?,
            campaign: fields.required("campaignId", values::id)?,
            kind: fields.required("kind", values::parsed)?,
            units: fields.required("units", values::count)?,
            at: fields.required("at", values::time)?,
            // That the money is gone is the ledger's own verdict, and nobody else's.
            rejected: rejection.filter(|reason| *reason != RejectionReason::BudgetExhausted),
        };
        let verdict = match rejection {
            Some(reason) => Verdict::Rejected(reason),
            None => Verdict::Counted(Accrual {
                paid: fields.required("paidUnits", values::count)?,
                unpaid: fields.required("unpaidUnits", values::count)?,
                amount: fields.required("amount", values::money)?,
            }),
        };
        Ok(StoredEntry { entry, verdict })
    })
}

/// The id of the rollup of a participation and the quarter-hour that begins then.
pub(crate) fn rollup_id(participation: ParticipationId, quarter: DateTime) -> Document {
    doc! {"participationId": stored_id(participation.object_id()), "quarter": quarter}
}

/// A rollup and whose it is.
fn read_rollup(document: Document) -> Result<(ParticipationId, Rollup), StorageError> {
    document::read(Entity::Rollup, document, |fields| {
        let (participation, quarter) = fields.required("_id", rollup_key)?;
        let campaign = fields.required("campaignId", values::id)?;
        Ok((participation, Rollup { quarter, campaign, counters: counters::read(fields)? }))
    })
}

/// Whose rollup this is, and of which quarter-hour.
pub(crate) fn rollup_key(id: &Bson) -> Result<(ParticipationId, Quarter), String> {
    let part = |key| id.as_document().and_then(|id| id.get(key)).ok_or("not the id of a rollup");
    Ok((values::id(part("participationId")?)?, Quarter::containing(values::time(part("quarter")?)?)))
}
