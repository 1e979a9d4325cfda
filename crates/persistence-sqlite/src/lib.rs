//! The embedded store of GameTriggers: one SQLite file, nothing to install.
//!
//! Owns the SQL. The file has a write-ahead log and `synchronous=FULL`, so an answer is durable. One connection writes,
//! by `BEGIN IMMEDIATE`; other connections read. Only the connection that writes finds entries by their ids, because it
//! knows the newest ones. Several processes may share the file. Each call is answered in time, whatever holds up the
//! store. Nobody but their owner may read the files. Knows no other backend. Files with the same name have the same
//! task in every backend.

mod campaigns;
mod changes;
mod counters;
mod database;
mod decisions;
mod error;
#[cfg(test)]
mod explain;
mod files;
mod insertion;
mod journal;
mod ledger;
mod migrations;
mod participations;
mod reconcile;
mod row;
mod users;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gametriggers_persistence::{Repositories, StorageError, StorageProbe, UnreadableDocuments};

pub use migrations::MigrationReport;

use crate::{
    database::{Database, STEP_WITHIN},
    ledger::ids::Ids,
};

/// A store in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    database: Database,
    /// The ids of the ledger's entries, as the thread that writes knows them. `None` before its first use.
    ids: Arc<Mutex<Option<Ids>>>,
    unreadable: Arc<UnreadableDocuments>,
}

impl SqliteStore {
    /// Opens the file. Makes the file and its folder if they are missing. Does not touch the schema: call
    /// [`migrate`](Self::migrate) first.
    ///
    /// # Errors
    /// [`StorageError`] if the file cannot be opened or is no database.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(path).await?, ids: Arc::default(), unreadable: Arc::default() })
    }

    /// The same store for a command: its calls may wait for a minute instead of five seconds.
    #[must_use]
    pub fn patient(&self) -> Self {
        self.answering_within(STEP_WITHIN)
    }

    /// The same store with another limit: each call is answered within this time from the moment of the call.
    #[must_use]
    pub fn answering_within(&self, within: Duration) -> Self {
        Self { database: self.database.within(within), ..self.clone() }
    }

    /// Applies the migrations that are missing, one process at a time.
    ///
    /// # Errors
    /// [`StorageError`] if a migration fails, or if an applied migration differs from this version's.
    pub async fn migrate(&self) -> Result<MigrationReport, StorageError> {
        migrations::apply(&self.database).await
    }

    /// What [`migrate`](Self::migrate) would do.
    ///
    /// # Errors
    /// [`StorageError`] if the store cannot be read, or if an applied migration differs from this version's.
    pub async fn pending_migrations(&self) -> Result<MigrationReport, StorageError> {
        migrations::pending(&self.database).await
    }

    /// What [`migrate`](Self::migrate) would do to a store that does not exist yet.
    #[must_use]
    pub fn migrations_of_new() -> MigrationReport {
        migrations::all()
    }

    /// The store as the rest of the system sees it.
    #[must_use]
    pub fn repositories(&self) -> Repositories {
        let this = Arc::new(self.clone());
        Repositories {
            users: this.clone(),
            campaigns: this.clone(),
            participations: this.clone(),
            decisions: this.clone(),
            ledger: this.clone(),
            journal: this.clone(),
            probe: this.clone(),
            changes: this,
        }
    }
}

#[async_trait]
impl StorageProbe for SqliteStore {
    async fn ping(&self) -> Result<(), StorageError> {
        self.database
            .read(|db| {
                Ok(db.query_row("SELECT 1 FROM users LIMIT 1", [], |_| Ok(())).or_else(none_is_fine)?)
            })
            .await
    }
}

/// An empty table is as good an answer as a row.
fn none_is_fine(error: rusqlite::Error) -> rusqlite::Result<()> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(()) } else { Err(error) }
}
