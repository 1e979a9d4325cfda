//! The repository of decisions. The first decision stored under an id is the only one.

use async_trait::async_trait;
use gametriggers_domain::decision::Decision;
use gametriggers_types::{DecisionId, Listing, PageLimit, Timestamp, UserId};

use crate::StorageError;

/// A decision and the beginning of its successor.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// The decision.
    pub decision: Decision,
    /// When its successor begins; `None` if it has no successor.
    pub successor_from: Option<Timestamp>,
}

/// The position of a decision in the order by `until`, in which [`DecisionRepository::shorten`] works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedDecision {
    /// The decision's [`until`](Decision::until). A successor may have ended the decision earlier.
    pub until: Timestamp,
    /// The decision's id.
    pub id: DecisionId,
}

/// The position of a decision in the order by [`from`](Decision::from), in which [`DecisionRepository::list_made`] lists.
/// Decisions that were made at the same time are in order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MadeDecision {
    /// When the decision was made.
    pub from: Timestamp,
    /// The decision's id.
    pub id: DecisionId,
}

/// The result of one step of shortening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortening {
    /// The number of decisions that were shortened.
    pub shortened: u64,
    /// The last decision that was looked at. The next step continues after it. `None` if no more are left.
    pub last: Option<EndedDecision>,
}

/// The store's decisions. They are never deleted. The only change is that [`shorten`](Self::shorten) replaces old ones
/// by their short form.
#[async_trait]
pub trait DecisionRepository: Send + Sync {
    /// The streamer's decision with the greatest ordinal.
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError>;

    /// The decision with this id.
    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError>;

    /// Stores the decision unless one with the same id is stored, and returns the stored one. If several callers do so
    /// at once, all get the same decision.
    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError>;

    /// The decisions of all streamers that were made at `from` or later and before `to`, the earliest first: at most
    /// `limit` of those after `after`, and the position after which the list goes on. Includes shortened and empty
    /// decisions. A decision that cannot be read has its place on the page, and is left out of it.
    async fn list_made(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<MadeDecision>,
        limit: PageLimit,
    ) -> Result<Listing<Decision, MadeDecision>, StorageError>;

    /// Shortens old decisions, one step at a time.
    ///
    /// A step looks at up to `limit` decisions that have a tally and an [`until`](Decision::until) before
    /// `ended_before`, in the order of `until`, starting after `after`. Those that have a successor are replaced by
    /// their [short form](Decision::shortened). A streamer's latest decision stays complete, because its successor
    /// inherits the tally. Choose `ended_before` so early that no receipt can name such a decision any more.
    async fn shorten(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<Shortening, StorageError>;
}
