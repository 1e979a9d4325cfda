//! What is different from one collection of the previous database to the other.

use async_trait::async_trait;
use gametriggers_documents::{Fields, Problem};
use gametriggers_persistence::{Insertions, Repositories, StorageError};

use crate::NoEntropy;

/// A collection of the previous database.
#[async_trait]
pub(super) trait Collection: Send {
    /// The file that it is exported to.
    const FILE: &'static str;
    /// What a line holds.
    type Read: Send + 'static;
    /// What the store takes.
    type New: Send;

    /// Reads a document.
    fn read(fields: &mut Fields) -> Result<Self::Read, Problem>;

    /// Adds what the line does not hold, with notes on what is missing.
    async fn settle(
        &mut self,
        storage: &Repositories,
        read: Self::Read,
        notes: &mut Vec<Problem>,
    ) -> Result<Self::New, Obstacle>;

    /// Offers the documents to the store.
    async fn insert_all(storage: &Repositories, new: Vec<Self::New>) -> Result<Insertions, StorageError>;
}

/// What keeps a document from being offered to the store.
pub(super) enum Obstacle {
    /// Itself.
    Document(Problem),
    /// The store.
    Store(StorageError),
    /// There are no random bytes.
    NoEntropy(NoEntropy),
}

impl From<Problem> for Obstacle {
    fn from(problem: Problem) -> Self {
        Self::Document(problem)
    }
}

impl From<StorageError> for Obstacle {
    fn from(error: StorageError) -> Self {
        Self::Store(error)
    }
}

impl From<NoEntropy> for Obstacle {
    fn from(error: NoEntropy) -> Self {
        Self::NoEntropy(error)
    }
}
