//! The one door through which counters and money change.

use std::sync::Arc;

use async_trait::async_trait;
use gametriggers_domain::ledger::{Counters, Entry, EntryId, Outcome, Verdict};
use gametriggers_types::{CampaignId, ParticipationId, Quarter};

use crate::{Entity, StorageError};

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// What was submitted.
    pub entry: Entry,
    /// What became of it.
    pub verdict: Verdict,
}

/// What the entries of one participation and quarter-hour add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollup {
    /// The quarter-hour of UTC in which the events happened.
    pub quarter: Quarter,
    /// Who pays.
    pub campaign: CampaignId,
    /// The sums.
    pub counters: Counters,
}

/// A stored counter that is not what the entries add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// What kind of document.
    pub entity: Entity,
    /// Its id; for a rollup the participation's and the quarter-hour's beginning.
    pub id: String,
    /// The counter, money in micro-units.
    pub field: &'static str,
    /// What is stored.
    pub stored: i64,
    /// What the entries add up to.
    pub expected: i64,
}

impl Discrepancy {
    /// The [`field`](Self::field) of an entry whose id is stored more than once.
    pub const TIMES_STORED: &'static str = "times stored";

    /// Whether a repair ends it. An entry that is stored twice stays, because entries are never deleted.
    #[must_use]
    pub fn is_repairable(&self) -> bool {
        self.field != Self::TIMES_STORED
    }
}

/// The ledger.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Records a batch in one transaction and returns an outcome for each entry, in their order.
    ///
    /// For each entry whose id is new: prices it, takes the price from its campaign's remaining budget as far as that
    /// suffices, adds it to its participation's counters and to the rollup of its quarter-hour, and stores it with its
    /// verdict. Entries are judged in the order of the batch; two of one id in a batch count once. The answer is given
    /// when all of it is durable.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if an entry names a participation or campaign that is not there. After any error
    /// nothing of the batch is stored, unless [`StorageError::outcome_unknown`]: then the same batch may be submitted
    /// again, and its answers tell.
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError>;

    /// The entry of this id.
    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError>;

    /// The rollups of one participation, in order of time.
    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError>;

    /// Recomputes every counter, remaining budget and rollup from the entries and returns each difference; with
    /// `repair`, also ends those that [can be ended](Discrepancy::is_repairable). Looks at one consistent state of the store.
    /// Neither delays what is recorded meanwhile by more than one short step, nor loses any of it.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if something cannot be read that the sums depend on; [`StorageError::Conflict`] if others
    /// kept changing what a repair has repaired.
    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError>;
}
