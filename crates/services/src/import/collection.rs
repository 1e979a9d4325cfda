//! The differences between the collections of the previous database.

use async_trait::async_trait;
use gametriggers_documents::{Fields, Problem};
use gametriggers_persistence::{Insertions, Repositories, StorageError};

use crate::NoEntropy;

/// A collection of the previous database.
#[async_trait]
pub(super) trait Collection: Send {
    /// The name of the exported file.
    const FILE: &'static str;
    /// What is read from a line.
    type Read: Send + 'static;
    /// What is inserted into the store.
    type New: Send;

    /// Reads a document.
    fn read(fields: &mut Fields) -> Result<Self::Read, Problem>;

    /// Completes what was read with data that is not on the line. Adds notes about missing data.
    async fn settle(
        &mut self,
        storage: &Repositories,
        read: Self::Read,
        notes: &mut Vec<Problem>,
    ) -> Result<Self::New, Obstacle>;

    /// Inserts the documents that are not in the store.
    async fn insert_all(storage: &Repositories, new: Vec<Self::New>) -> Result<Insertions, StorageError>;
}

/// Why a document cannot be inserted.
pub(super) enum Obstacle {
    /// The document itself is wrong.
    Document(Problem),
    /// The store failed.
    Store(StorageError),
    /// The operating system gave no random bytes.
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
