//! Translates errors of SQLite to the errors that the rest of the system understands.

use gametriggers_domain::batch::Unknown;
use gametriggers_persistence::{Entity, Source, StorageError};
use rusqlite::ErrorCode;

/// An error inside a database call: SQLite's own, or a [`StorageError`].
#[derive(Debug)]
pub(crate) enum DbError {
    Sqlite(rusqlite::Error),
    Storage(StorageError),
}

pub(crate) type DbResult<T> = Result<T, DbError>;

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StorageError> for DbError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl DbError {
    pub(crate) fn corrupt(entity: Entity, id: &str, field: &'static str, source: impl Into<Source>) -> Self {
        Self::Storage(StorageError::Corrupt { entity, id: id.to_owned(), field, source: source.into() })
    }

    /// The [`StorageError`] of a call whose transaction was not committed.
    pub(crate) fn neutral(self) -> StorageError {
        match self {
            Self::Storage(error) => error,
            Self::Sqlite(error) => from_sqlite(error, false),
        }
    }
}

/// The error of an entry that names a participation or a campaign that is not stored.
pub(crate) fn missing(unknown: Unknown) -> StorageError {
    let (entity, id) = match unknown {
        Unknown::Participation(id) => (Entity::Participation, id.to_string()),
        Unknown::Campaign(id) => (Entity::Campaign, id.to_string()),
    };
    StorageError::Missing { entity, id }
}

/// The [`StorageError`] for an error of SQLite. `committing` says that the error occurred during the commit.
pub(crate) fn from_sqlite(error: rusqlite::Error, committing: bool) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StorageError::Unavailable { outcome_unknown: false, source: error.into() }
        }
        Some(
            ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure,
        ) => StorageError::Unavailable { outcome_unknown: committing, source: error.into() },
        Some(ErrorCode::ConstraintViolation) => unique_violation(&error).map_or_else(
            || StorageError::Backend(error.into()),
            |(entity, field)| StorageError::AlreadyExists { entity, field },
        ),
        _ => StorageError::Backend(error.into()),
    }
}

/// The entity and the field that a message such as "UNIQUE constraint failed: users.email" names.
fn unique_violation(error: &rusqlite::Error) -> Option<(Entity, String)> {
    let rusqlite::Error::SqliteFailure(_, Some(message)) = error else { return None };
    let columns = message.strip_prefix("UNIQUE constraint failed: ")?;
    let (table, _) = columns.split_once('.')?;
    let entity = match table {
        "users" => Entity::User,
        "campaigns" => Entity::Campaign,
        "participations" => Entity::Participation,
        "decisions" => Entity::Decision,
        "ledger_entries" => Entity::LedgerEntry,
        "journal" => Entity::JournalEntry,
        _ => return None,
    };
    Some((entity, columns.replace(&format!("{table}."), "")))
}
