//! The embedded store of GameTriggers: one SQLite file, nothing to install.
//!
//! Owns the SQL. Write-ahead log, `synchronous=FULL` (an answer is durable), writes by `BEGIN IMMEDIATE` on one
//! connection, reads on others (but an entry, by its id, on the one that writes and knows the newest). Several processes
//! may share the file. Knows no other backend; what every backend has is in files of the same names in each.

mod campaigns;
mod changes;
mod counters;
mod database;
mod decisions;
mod error;
mod insertion;
mod ledger;
mod migrations;
mod participations;
mod reconcile;
mod row;
mod users;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use gametriggers_persistence::{Repositories, StorageError, StorageProbe};

pub use migrations::MigrationReport;

use crate::{database::Database, ledger::Ids};

/// A store in one SQLite file.
#[derive(Clone)]
pub struct SqliteStore {
    database: Database,
    /// What the writing thread knows of the ids of the ledger's entries, from its first batch on.
    ids: Arc<Mutex<Option<Ids>>>,
}

impl SqliteStore {
    /// Opens the file, and makes it and its folder where they are missing. The schema is not touched:
    /// [`migrate`](Self::migrate) first.
    ///
    /// # Errors
    /// [`StorageError`] if the file cannot be opened or is no database.
    pub async fn open(path: &Path) -> Result<Self, StorageError> {
        Ok(Self { database: Database::open(path).await?, ids: Arc::default() })
    }

    /// Applies the migrations that are missing, one process at a time.
    ///
    /// # Errors
    /// [`StorageError`] if a migration fails, or if one that was applied is not the one of this version.
    pub async fn migrate(&self) -> Result<MigrationReport, StorageError> {
        migrations::apply(&self.database).await
    }

    /// What [`migrate`](Self::migrate) would do.
    ///
    /// # Errors
    /// [`StorageError`] if the store cannot be read, or if a migration that was applied is not the one of this version.
    pub async fn pending_migrations(&self) -> Result<MigrationReport, StorageError> {
        migrations::pending(&self.database).await
    }

    /// What [`migrate`](Self::migrate) would do to a store that is not there yet.
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

/// An empty table answers as well as a full one.
fn none_is_fine(error: rusqlite::Error) -> rusqlite::Result<()> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(()) } else { Err(error) }
}
