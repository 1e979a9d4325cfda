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

/// The store's decisions. They are never changed and never deleted.
#[async_trait]
pub trait DecisionRepository: Send + Sync {
    /// The streamer's decision of the greatest ordinal.
    async fn find_latest(&self, streamer: UserId) -> Result<Option<Decision>, StorageError>;

    /// The decision of this id.
    async fn find(&self, id: DecisionId) -> Result<Option<StoredDecision>, StorageError>;

    /// Stores the decision if none is there under its id, and returns the one that is there then. Of several callers
    /// at once, all get the same answer.
    async fn insert_first(&self, decision: &Decision) -> Result<Decision, StorageError>;
}
