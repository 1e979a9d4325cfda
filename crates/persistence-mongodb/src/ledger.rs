//! The ledger: records events, prices them, and changes counters and money.
//!
//! A batch is one transaction. It looks up which ids are stored, if any may be; reads what prices depend on; judges the
//! entries in memory; and writes the result. Each step is one command unless the batch is very large. If what was read
//! has changed by the time of the commit, the transaction fails and is begun again (`docs/adr/0010-group-commit.md`).

pub(crate) mod batch;
pub(crate) mod entries;
pub(crate) mod known;
mod opening;
mod orphans;
mod quotas;
pub(crate) mod rollups;
pub(crate) mod statements;
pub(crate) mod transaction;
pub(crate) mod turn;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bson::doc;
use gametriggers_domain::{
    batch::{Batch, Judged},
    ledger::{Entry, EntryId},
};
use gametriggers_persistence::{Discrepancy, EntryPlace, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{Listing, ParticipationId, Timestamp};
use mongodb::ClientSession;
use tokio::time::{Instant, timeout_at};

use self::{
    entries::{OPENING, REPAIRS, kind_of, read_entry},
    known::Known,
    rollups::RollupKey,
    statements::find_by_ids,
    transaction::{Attempts, TxError, TxResult},
    turn::{Turn, WAIT_MAX},
};
use crate::{MongoStore, collection, document, error::missing, reconcile};

/// How long a batch may take until it asks for its commit, including the wait for its turn. After this time, its
/// callers are told that the store is unavailable.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a batch is tried without success before the store is searched for transactions that were left open. After
/// as long again, the search is repeated.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// What the transactions of the ledger leave for those that follow.
#[derive(Default)]
pub(crate) struct Committer {
    known: Known,
    pub(crate) turn: Turn,
}

#[async_trait]
impl Ledger for MongoStore {
    async fn ready(&self) {
        let deadline = Instant::now() + WAIT_MAX;
        if let Ok(mut committer) = timeout_at(deadline, self.committer.lock()).await {
            committer.turn.take(self, deadline).await;
        }
    }

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

    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
        entries::scan_paid(self, from, to, after).await
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
    /// Whether a quota was used before, as far as that was looked up.
    was_quota_used: bool,
    /// Whether the commit also gives the turn back, if this process has it.
    has_given_turn_back: bool,
}

impl MongoStore {
    async fn record_in_turn(&self, entries: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let locked = timeout_at(deadline, self.committer.lock()).await;
        let committer = &mut *locked.map_err(transaction::out_of_time)?;
        let recorded = self.record_before(deadline, entries, committer).await;
        if recorded.is_err() {
            committer.turn.give_back(self, deadline).await;
        }
        recorded
    }

    async fn record_before(
        &self,
        deadline: Instant,
        entries: &[Entry],
        committer: &mut Committer,
    ) -> Result<Vec<Outcome>, StorageError> {
        let mut attempts = Attempts::until(deadline);
        let mut look_at = Instant::now() + LOOK_AFTER;
        loop {
            committer.turn.take(self, deadline).await;
            let relied = !committer.known.is_empty();
            let error = match self.attempt(entries, deadline, committer).await {
                Ok(outcomes) => return Ok(outcomes),
                // What this process knew is outdated, and `attempt` has forgotten it.
                Err(TxError::Unmet(_)) if relied => continue,
                Err(error) => attempts.again_after(error, committer.turn.is_held()).await?,
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

    /// Tries the transaction of a batch once, and keeps in the `committer` what the attempt showed.
    async fn attempt(
        &self,
        entries: &[Entry],
        deadline: Instant,
        committer: &mut Committer,
    ) -> TxResult<Vec<Outcome>> {
        let Committer { known, turn } = committer;
        let mut session = transaction::begin(self).await?;
        turn.follow_others(&mut session);
        let recorded = timeout_at(deadline, self.record_within(&mut session, entries, known, turn)).await;
        match transaction::end(session, recorded).await {
            Ok(Recorded { judged, open, was_quota_used, has_given_turn_back }) => {
                if has_given_turn_back {
                    turn.is_over();
                }
                turn.give_back(self, deadline).await;
                let Judged { outcomes, entries, .. } = judged;
                let campaigns = entries.into_iter().map(|(entry, _)| entry.campaign);
                let was_repeated =
                    outcomes.iter().any(|outcome| matches!(outcome, Outcome::Duplicate { .. }));
                known.learn(campaigns, open, was_repeated, was_quota_used);
                Ok(outcomes)
            }
            Err(error) => {
                known.doubt(matches!(error, TxError::Unmet(_)));
                if error.is_write_conflict() {
                    turn.met_another();
                }
                Err(error)
            }
        }
    }

    async fn record_within<'a>(
        &self,
        session: &mut ClientSession,
        entries: &'a [Entry],
        known: &Known,
        turn: &Turn,
    ) -> TxResult<Recorded<'a>> {
        let mut batch = Batch::new(entries);
        if !known.expects_new_entries() {
            self.find_known(session, entries, &mut batch).await?;
        }
        let read = batch::read(self, session, &mut batch, known).await?;
        let was_quota_used =
            if known.expects_new_quotas() { false } else { quotas::read(self, session, &mut batch).await? };
        let judged = batch.judge().map_err(missing)?;
        let open = batch::write(self, session, &judged, |id| known.open_rollup_of(id, &read)).await?;
        let has_given_turn_back = turn.give_back_within(self, session).await?;
        Ok(Recorded { judged, open, was_quota_used, has_given_turn_back })
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
