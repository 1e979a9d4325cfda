//! The ledger: records events, prices them, and changes counters and money.
//!
//! A batch is one transaction. It looks up which ids are stored, if any may be; reads what prices depend on; judges the
//! entries in memory; and writes the result. Each step is one command unless the batch is very large. If what was read
//! has changed by the time of the commit, the transaction fails and is begun again (`docs/adr/0010-group-commit.md`).

pub(crate) mod batch;
pub(crate) mod known;
mod opening;
mod orphans;
mod quotas;
pub(crate) mod rollups;
pub(crate) mod statements;
pub(crate) mod transaction;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bson::{DateTime, Decimal128, RawBsonRef, RawDocumentBuf, doc, oid::ObjectId};
use gametriggers_documents::values;
use gametriggers_domain::{
    batch::{Batch, Judged},
    ledger::{Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Discrepancy, Entity, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{ParticipationId, UnpaidReason};
use mongodb::ClientSession;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use self::{
    known::Known,
    rollups::RollupKey,
    statements::find_by_ids,
    transaction::{Attempts, TxError, TxResult},
};
use crate::{
    MongoStore, collection,
    document::{self, stored_count, stored_id, stored_money, stored_time},
    reconcile,
};

/// How long a batch may take until it asks for its commit, including the wait for its turn. After this time, its
/// callers are told that the store is unavailable.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a batch is tried without success before the store is searched for transactions that were left open. After
/// as long again, the search is repeated.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// The kind of the ledger's documents that hold what participations and campaigns held before their first entry.
pub(crate) const OPENING: &str = "opening";
/// The kind and the id of the ledger's document that counts repairs.
pub(crate) const REPAIRS: &str = "repairs";

#[async_trait]
impl Ledger for MongoStore {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        // A task of its own ends the transaction, even if nobody waits for the answer any more. A transaction that is
        // left open would block others.
        let store = self.clone();
        let recording = tokio::spawn(async move { store.record_in_turn(&batch).await });
        recording.await.unwrap_or_else(|failed| {
            Err(StorageError::Unavailable { outcome_unknown: true, source: failed.into() })
        })
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        let ledger = self.collection(collection::LEDGER);
        let found = document::find_one(ledger, doc! {"_id": id.as_str()}, doc! {}).await?;
        let entry = found.filter(|document| !matches!(kind_of(document), Some(OPENING | REPAIRS)));
        entry.as_ref().map(read_entry).transpose()
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        rollups::list(self, participation).await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        reconcile::run(self, repair).await
    }
}

/// The result of a transaction. It is valid once the transaction is committed.
struct Recorded<'a> {
    judged: Judged<'a>,
    /// The open rollups of the credited participations after the transaction.
    open: Vec<RollupKey>,
}

impl MongoStore {
    async fn record_in_turn(&self, entries: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let turn = timeout_at(deadline, self.committer.lock()).await;
        let known = &mut *turn.map_err(transaction::out_of_time)?;
        let mut attempts = Attempts::until(deadline);
        let mut look_at = Instant::now() + LOOK_AFTER;
        loop {
            let relied = !known.is_empty();
            let error = match self.attempt(entries, deadline, known).await {
                Ok(outcomes) => return Ok(outcomes),
                // What this process knew is outdated, and `attempt` has forgotten it.
                Err(TxError::Unmet(_)) if relied => continue,
                Err(error) => attempts.again_after(error).await?,
            };
            // A conflict with a process that still runs is over sooner.
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

    /// Tries the transaction of a batch once, in a session of its own. A session is of no more use after a call that
    /// did not come to its end.
    async fn attempt(
        &self,
        entries: &[Entry],
        deadline: Instant,
        known: &mut Known,
    ) -> TxResult<Vec<Outcome>> {
        let mut session = transaction::begin(self).await?;
        let recorded = timeout_at(deadline, self.record_within(&mut session, entries, known)).await;
        let committed = match recorded.unwrap_or_else(|elapsed| Err(transaction::out_of_time(elapsed).into()))
        {
            Ok(recorded) => transaction::commit(&mut session).await.map(|()| recorded),
            Err(error) => {
                transaction::abort(session, &error).await;
                Err(error)
            }
        };
        match committed {
            Ok(Recorded { judged, open }) => {
                let Judged { outcomes, entries, .. } = judged;
                let campaigns = entries.into_iter().map(|(entry, _)| entry.campaign);
                let was_repeated =
                    outcomes.iter().any(|outcome| matches!(outcome, Outcome::Duplicate { .. }));
                known.learn(campaigns, open, was_repeated);
                Ok(outcomes)
            }
            Err(error) => {
                known.doubt(matches!(error, TxError::Unmet(_)));
                Err(error)
            }
        }
    }

    async fn record_within<'a>(
        &self,
        session: &mut ClientSession,
        entries: &'a [Entry],
        known: &Known,
    ) -> TxResult<Recorded<'a>> {
        let mut batch = Batch::new(entries);
        if !known.expects_new_entries() {
            self.find_known(session, entries, &mut batch).await?;
        }
        let read = batch::read(self, session, &mut batch, known).await?;
        quotas::read(self, session, &mut batch).await?;
        let judged = batch.judge().map_err(batch::missing)?;
        let open = batch::write(self, session, &judged, |id| known.open_rollup_of(id, &read)).await?;
        Ok(Recorded { judged, open })
    }

    /// Tells the batch which of the entries are stored, with their participations and their verdicts.
    async fn find_known(
        &self,
        session: &mut ClientSession,
        entries: &[Entry],
        batch: &mut Batch<'_>,
    ) -> TxResult<()> {
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str().into()).collect();
        for document in find_by_ids(&self.collection(collection::LEDGER), session, &ids, doc! {}).await? {
            let StoredEntry { entry, verdict } = read_entry(&document)?;
            batch.knows(entry.id, entry.participation, verdict);
        }
        Ok(())
    }
}

/// The document of an entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryDocument<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    participation_id: ObjectId,
    campaign_id: ObjectId,
    kind: String,
    units: i64,
    at: DateTime,
    #[serde(flatten)]
    verdict: VerdictFields,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum VerdictFields {
    Counted {
        paid_units: i64,
        unpaid_units: i64,
        amount: Decimal128,
        #[serde(skip_serializing_if = "Option::is_none")]
        unpaid_reason: Option<&'static str>,
    },
    Rejected {
        rejection: &'static str,
    },
}

fn write_entry<'a>(entry: &'a Entry, verdict: &Verdict) -> EntryDocument<'a> {
    EntryDocument {
        id: entry.id.as_str(),
        participation_id: stored_id(entry.participation.object_id()),
        campaign_id: stored_id(entry.campaign.object_id()),
        kind: entry.kind.to_string(),
        units: stored_count(entry.units),
        at: stored_time(entry.at),
        verdict: match *verdict {
            Verdict::Counted(Accrual { paid, unpaid, amount, reason }) => VerdictFields::Counted {
                paid_units: stored_count(paid),
                unpaid_units: stored_count(unpaid),
                amount: stored_money(amount),
                unpaid_reason: reason.map(UnpaidReason::as_str),
            },
            Verdict::Rejected(reason) => VerdictFields::Rejected { rejection: reason.as_str() },
        },
    }
}

/// The kind of a document of the ledger.
pub(crate) fn kind_of(document: &RawDocumentBuf) -> Option<&str> {
    document.get("kind").ok()?.and_then(RawBsonRef::as_str)
}

/// The number of repairs, from the document that counts them.
pub(crate) fn repairs_counted(document: &RawDocumentBuf) -> i64 {
    document.get_i64("count").unwrap_or(0)
}

/// Reads the entry of a document that is not an opening.
pub(crate) fn read_entry(document: &RawDocumentBuf) -> Result<StoredEntry, StorageError> {
    document::read(Entity::LedgerEntry, document, |fields| {
        let verdict = match fields.optional("rejection", values::parsed)? {
            Some(reason) => Verdict::Rejected(reason),
            None => Verdict::Counted(Accrual {
                paid: fields.required("paidUnits", values::count)?,
                unpaid: fields.required("unpaidUnits", values::count)?,
                amount: fields.required("amount", values::money)?,
                reason: fields.optional("unpaidReason", values::parsed)?,
            }),
        };
        let entry = Entry::new(
            EntryId::stored(fields.required("_id", values::text)?),
            fields.required("kind", values::parsed)?,
            fields.required("participationId", values::id)?,
            fields.required("campaignId", values::id)?,
            fields.required("at", values::time)?,
        );
        let entry = Entry { units: fields.required("units", values::count)?, ..entry };
        Ok(StoredEntry { entry: entry.submitted(&verdict), verdict })
    })
}
