//! Decisions: the first one written under its id is the only one.

use async_trait::async_trait;
use gametriggers_domain::decision::Decision;
use gametriggers_types::{DecisionId, Timestamp, UserId};

use crate::StorageError;

/// A decision and when the one after it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDecision {
    /// The decision.
    pub decision: Decision,
    /// When its successor began; `None` while it has none.
    pub successor_from: Option<Timestamp>,
}

/// A decision's place in the order of their ends, in which [`DecisionRepository::shorten`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedDecision {
    /// When it ended, if nothing ended it before.
    pub until: Timestamp,
    /// Which it is.
    pub id: DecisionId,
}

/// What one step of shortening did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortening {
    /// How many decisions were given their short form.
    pub shortened: u64,
    /// The one looked at last, from which the next step goes on; `None` where no more are left.
    pub last: Option<EndedDecision>,
}

/// The store's decisions. They are never deleted, and never changed but for old ones, which
/// [`shorten`](Self::shorten) gives a short form.
#[async_trait]
pub trait DecisionRepository: Send + Sync {
    /// The streamer's decision of the greatest ordinal.
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError>;

    /// The decision of this id.
    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError>;

    /// Stores the decision if none is there under its id, and returns the one that is there then. Of several callers
    /// at once, all get the same answer.
    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError>;

    /// Looks at `limit` decisions that carry a tally and have an [`until`](Decision::until) before `ended_before`, in the
    /// order of `until`, beginning after the place given; each that has a successor is given its
    /// [short form](Decision::shortened). The latest of a streamer stays whole: its successor inherits the tally.
    /// `ended_before` is to be so long ago that no receipt can name such a decision any more.
    async fn shorten(
        &self,
        ended_before: Timestamp,
        after: Option<EndedDecision>,
        limit: u32,
    ) -> Result<Shortening, StorageError>;
}
