//! The ledger records events, prices them, and changes counters and money.

use std::sync::Arc;

use async_trait::async_trait;
use gametriggers_domain::ledger::{Counters, Entry, EntryId, Outcome, Verdict};
use gametriggers_types::{CampaignId, Listing, ParticipationId, Quarter, Timestamp};

use crate::{Entity, StorageError};

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The entry as it was submitted, as far as [`Entry::submitted`] restores it: without its quota, which is not stored.
    pub entry: Entry,
    /// The verdict on the entry.
    pub verdict: Verdict,
}

/// A place in the order in which the store keeps entries. Only the store that gave it knows what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPlace(pub String);

/// The sums of a participation's entries in one quarter-hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollup {
    /// The quarter-hour of UTC in which the events happened.
    pub quarter: Quarter,
    /// The campaign that pays.
    pub campaign: CampaignId,
    /// The sums.
    pub counters: Counters,
}

/// A stored value that differs from what the entries add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The kind of the document that holds the value.
    pub entity: Entity,
    /// The document's id. For a rollup: the participation's id, a colon, and the beginning of the quarter-hour in
    /// milliseconds since 1970.
    pub id: String,
    /// The name of the value. Money is in micro-units.
    pub field: &'static str,
    /// The stored value.
    pub stored: i64,
    /// The value that the entries add up to.
    pub expected: i64,
}

impl Discrepancy {
    /// The [`field`](Self::field) of an entry whose id is stored more than once.
    pub const TIMES_STORED: &'static str = "times stored";

    /// Whether a repair can remove the difference. An entry that is stored twice remains, because entries are never
    /// deleted.
    #[must_use]
    pub fn is_repairable(&self) -> bool {
        self.field != Self::TIMES_STORED
    }
}

/// The ledger.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Waits until a batch is likely to be recorded without getting into the way of another process, for two seconds at most.
    /// What a caller submits meanwhile may go into the batch. A batch may be recorded without this call. It may then take more
    /// attempts.
    async fn ready(&self) {}

    /// Records a batch in one transaction and returns an outcome for each entry, in their order.
    ///
    /// For each entry whose id is new, the ledger works out the price, takes it from the campaign's remaining budget as
    /// far as the budget suffices, adds the entry to the participation's counters and to the rollup of its
    /// quarter-hour, and stores the entry with its verdict. Entries are judged in the order of the batch. Two entries
    /// of a batch with the same id count once. The method returns when all of this is durable.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if an entry names a participation or a campaign that does not exist. After an error
    /// nothing of the batch is stored, unless [`StorageError::outcome_unknown`] is true. Then the caller may submit the
    /// same batch again, and its outcomes tell what was stored.
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError>;

    /// The entry with this id.
    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError>;

    /// The rollups of one participation, the earliest first.
    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError>;

    /// Looks at the next entries after `after`, in the order in which the store keeps them, and lists those that earned money
    /// at `from` or later and before `to`. The listing goes on until all entries were looked at, so a step may list none. A
    /// step looks at some thousand entries at most. No index helps: an index by time would cost every event.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if one of the entries cannot be read, because sums without it would be wrong.
    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError>;

    /// Recomputes counters, budgets, accounts and rollups from the entries of the ledger and the journal, and returns
    /// each difference. With `repair`, also removes the differences that [can be removed](Discrepancy::is_repairable).
    /// Reads one consistent state of the store. Events that are recorded meanwhile are not lost, and wait for one short
    /// step at most.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if a value cannot be read that the sums depend on. [`StorageError::Conflict`] if
    /// others kept changing what a repair had repaired.
    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError>;
}
