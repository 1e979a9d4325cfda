//! Ledgers that violate the rules of a ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use gametriggers_domain::{
    ledger::{Entry, EntryId},
    price::Accrual,
};
use gametriggers_persistence::{Discrepancy, EntryPlace, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{CampaignId, Listing, ParticipationId, Timestamp};

/// The fault of a ledger.
#[derive(Clone, Copy)]
pub(super) enum Bug {
    None,
    /// The ledger answers new entries at once and stores them when more entries come, so the last ones die with the process.
    AnswersBeforeItStores,
    /// The ledger records each entry under two ids.
    RecordsTwice,
    /// The ledger credits all entries of a campaign to the participation that came first.
    CreditsSomebodyElse,
}

pub(super) struct Faulty {
    ledger: Arc<dyn Ledger>,
    bug: Bug,
    known: Mutex<BTreeSet<EntryId>>,
    unstored: Mutex<Vec<Entry>>,
    /// The participation that came first in each campaign.
    first: Mutex<BTreeMap<CampaignId, ParticipationId>>,
}

impl Faulty {
    pub(super) fn with(bug: Bug, ledger: Arc<dyn Ledger>) -> Self {
        let (known, unstored, first) = <_>::default();
        Self { ledger, bug, known, unstored, first }
    }

    fn new_of(&self, batch: &[Entry]) -> Vec<Entry> {
        let mut known = self.known.lock().unwrap();
        batch.iter().filter(|entry| known.insert(entry.id.clone())).cloned().collect()
    }

    fn credited_to_the_first(&self, entry: &Entry) -> Entry {
        let mut first = self.first.lock().unwrap();
        let participation = *first.entry(entry.campaign).or_insert(entry.participation);
        Entry { participation, ..entry.clone() }
    }
}

#[async_trait]
impl Ledger for Faulty {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        match self.bug {
            Bug::None => self.ledger.record(batch).await,
            Bug::AnswersBeforeItStores => {
                let new = self.new_of(&batch);
                if !new.is_empty() {
                    let before = mem::replace(&mut *self.unstored.lock().unwrap(), new);
                    self.ledger.record(before.into()).await?;
                }
                let counted = Accrual::unpaid(1, None);
                Ok(vec![Outcome::Counted(counted); batch.len()])
            }
            Bug::RecordsTwice => {
                let twin = |entry: &Entry| Entry {
                    id: EntryId::stored(format!("{} again", entry.id)),
                    ..entry.clone()
                };
                let twice = batch.iter().cloned().chain(batch.iter().map(twin));
                let mut outcomes = self.ledger.record(twice.collect()).await?;
                outcomes.truncate(batch.len());
                Ok(outcomes)
            }
            Bug::CreditsSomebodyElse => {
                self.ledger
                    .record(batch.iter().map(|entry| self.credited_to_the_first(entry)).collect())
                    .await
            }
        }
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        self.ledger.find_entry(id).await
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        self.ledger.list_rollups(participation).await
    }

    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
        self.ledger.scan_paid(from, to, after).await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        self.ledger.reconcile(repair).await
    }
}
