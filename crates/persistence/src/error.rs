//! The error type of all stores.

use std::{error::Error as StdError, fmt};

/// The kind of document that an error is about.
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

/// The driver's error.
pub type Source = Box<dyn StdError + Send + Sync>;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Another document has the same value in a unique field.
    #[error("another {entity} has the same {field}")]
    AlreadyExists {
        /// The kind of document.
        entity: Entity,
        /// The field, as the backend names it.
        field: String,
    },
    /// An entry names a document that does not exist.
    #[error("there is no {entity} {id}")]
    Missing {
        /// The kind of document.
        entity: Entity,
        /// Its id.
        id: String,
    },
    /// Another writer changed the same data first. Nothing was written.
    #[error("another writer was faster")]
    Conflict(#[source] Source),
    /// The store cannot be reached, or is overloaded.
    #[error("the store is unavailable")]
    Unavailable {
        /// Whether the write may have happened nevertheless.
        outcome_unknown: bool,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// This version cannot read a stored document.
    #[error("{entity} {id} is corrupt in field {field}")]
    Corrupt {
        /// The kind of document.
        entity: Entity,
        /// Its id.
        id: String,
        /// The field that cannot be read.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: Source,
    },
    /// Any other error; a bug in this program or in the driver.
    #[error("the store failed")]
    Backend(#[source] Source),
}

impl StorageError {
    /// Whether the same call may succeed when it is repeated.
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
