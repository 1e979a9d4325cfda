//! The production store of GameTriggers: a MongoDB replica set or sharded cluster.
//!
//! Owns the collections, in the form in which the previous system left them, and every command sent to them. Writes
//! name their fields and carry their conditions; none reads a document to write it back. Writes are acknowledged by a
//! majority and journalled, reads see what a majority has. Knows no other backend; what every backend has
//! is in files of the same names in each.

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
    ledger::known::Known,
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
    pub(crate) const JOURNAL: &str = "journal";
    pub(crate) const ACCOUNTS: &str = "accounts";
}

/// A store in one MongoDB database.
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) client: Client,
    pub(crate) database: Database,
    /// How the server knows the processes of this program.
    pub(crate) app_name: String,
    /// The member that is the primary, as far as is known.
    pub(crate) primary: Primary,
    /// Held, with what it has learnt, by the one transaction of the ledger that this process has open: several would only get
    /// in each other's way.
    pub(crate) committer: Arc<Mutex<Known>>,
    pub(crate) unreadable: Arc<UnreadableDocuments>,
}

impl MongoStore {
    /// Connects to the database that the URL names, `gametriggers` where it names none. The schema is not touched:
    /// [`migrate`](Self::migrate) first.
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
    /// [`StorageError`] if a migration fails, or if one that was applied is not the one of this version.
    pub async fn migrate(&self) -> Result<MigrationReport, StorageError> {
        migrations::apply(&self.database).await
    }

    /// What [`migrate`](Self::migrate) would do.
    ///
    /// # Errors
    /// [`StorageError`] if the store cannot be read.
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

    /// Its documents are taken apart by [`document::read`], field by field: a byte that is not UTF-8 harms one field, or one
    /// document, and not the whole answer of the server.
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
