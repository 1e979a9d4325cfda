//! The one error of every store.

use std::{error::Error as StdError, fmt};

/// What kind of document an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Entity {
    User,
    Campaign,
    Participation,
    Decision,
    LedgerEntry,
    Rollup,
    Quota,
    JournalEntry,
    Account,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Campaign => "campaign",
            Self::Participation => "participation",
            Self::Decision => "decision",
            Self::LedgerEntry => "ledger entry",
            Self::Rollup => "rollup",
            Self::Quota => "quota",
            Self::JournalEntry => "journal entry",
            Self::Account => "account",
        })
    }
}

/// The source of an error, as the driver gave it.
pub type Source = Box<dyn StdError + Send + Sync>;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Another document holds a value that is unique.
    #[error("another {entity} has the same {field}")]
    AlreadyExists {
        /// What kind of document.
        entity: Entity,
        /// Which field, as the backend names it.
        field: String,
    },
    /// An entry names a document that is not there.
    #[error("there is no {entity} {id}")]
    Missing {
        /// What kind of document.
        entity: Entity,
        /// Its id.
        id: String,
    },
    /// Another writer was faster; nothing was written.
    #[error("another writer was faster")]
    Conflict(#[source] Source),
    /// The store cannot be reached or is overloaded.
    #[error("the store is unavailable")]
    Unavailable {
        /// Whether the write may have happened all the same.
        outcome_unknown: bool,
        /// What the driver said.
        #[source]
        source: Source,
    },
    /// A stored document is not what this version can read.
    #[error("{entity} {id} is corrupt in field {field}")]
    Corrupt {
        /// What kind of document.
        entity: Entity,
        /// Its id.
        id: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: Source,
    },
    /// Anything else; a fault of ours or of the driver.
    #[error("the store failed")]
    Backend(#[source] Source),
}

impl StorageError {
    /// Whether the same call may succeed if it is made again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Unavailable { .. } => true,
            Self::AlreadyExists { .. } | Self::Missing { .. } | Self::Corrupt { .. } | Self::Backend(_) => {
                false
            }
        }
    }

    /// Whether a write may have happened although the call failed.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Unavailable { outcome_unknown: true, .. })
    }
}
