//! The production store of GameTriggers: a MongoDB replica set or sharded cluster.
//!
//! Owns the collections, in the form in which the previous system left them, and every command that is sent to them.
//! Writes name their fields and carry their conditions. No write reads a document to write it back. A majority
//! acknowledges writes and has them in its journal. Reads see what a majority has. Knows no other backend. Files with
//! the same name have the same task in every backend.

mod call;
mod campaigns;
mod changes;
mod counters;
mod database;
mod decisions;
mod document;
mod error;
mod insertion;
mod journal;
mod ledger;
mod migrations;
mod participations;
mod reconcile;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use bson::RawDocumentBuf;
use gametriggers_persistence::{Repositories, StorageError, StorageProbe, UnreadableDocuments};
use mongodb::{Client, Collection, Database};
use tokio::sync::Mutex;

pub use migrations::MigrationReport;

use crate::{
    database::{Opened, Primary},
    ledger::Committer,
};

/// The names of the collections.
pub(crate) mod collection {
    pub(crate) const USERS: &str = "users";
    pub(crate) const CAMPAIGNS: &str = "campaigns";
    pub(crate) const PARTICIPATIONS: &str = "campaignparticipations";
    pub(crate) const DECISIONS: &str = "decisions";
    pub(crate) const LEDGER: &str = "ledger";
    pub(crate) const ROLLUPS: &str = "rollups";
    pub(crate) const QUOTAS: &str = "quotas";
    pub(crate) const TURNS: &str = "turns";
    pub(crate) const JOURNAL: &str = "journal";
    pub(crate) const ACCOUNTS: &str = "accounts";
}

/// A store in one MongoDB database.
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) client: Client,
    pub(crate) database: Database,
    /// The application name by which the server recognises the processes of this program.
    pub(crate) app_name: String,
    /// The member that is the primary, as far as the driver knows.
    pub(crate) primary: Primary,
    /// Held by the one transaction of the ledger that this process has open, because several would only block each
    /// other.
    pub(crate) committer: Arc<Mutex<Committer>>,
    pub(crate) unreadable: Arc<UnreadableDocuments>,
}

impl MongoStore {
    /// Connects to the database that the URL names, or to `gametriggers` if the URL names none. Does not touch the
    /// schema: call [`migrate`](Self::migrate) first.
    ///
    /// # Errors
    /// [`StorageError`] if the URL is wrong, if no primary answers within five seconds, or if the server is a
    /// standalone one, which has no transactions; the message then says how to make it a replica set.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        let Opened { client, database, app_name, primary } = database::open(url).await?;
        Ok(Self {
            client,
            database,
            app_name,
            primary,
            committer: Arc::default(),
            unreadable: Arc::default(),
        })
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

    /// The collection with this name. [`document::read`] reads its documents field by field, so that a byte that is not
    /// UTF-8 spoils one field or one document, and not the whole answer of the server.
    pub(crate) fn collection(&self, name: &str) -> Collection<RawDocumentBuf> {
        self.database.collection(name)
    }
}

#[async_trait]
impl StorageProbe for MongoStore {
    async fn ping(&self) -> Result<(), StorageError> {
        migrations::require_newest(&self.database).await
    }
}
