//! The contract of every store, kept by this one.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

use std::path::PathBuf;

use async_trait::async_trait;
use gametriggers_persistence::Repositories;
use gametriggers_persistence_contract::{Fixture, contract_tests};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_types::{CampaignId, ParticipationId};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database file in a folder of its own that is deleted in the end.
struct SqliteFixture {
    store: SqliteStore,
    folder: TempDir,
}

impl SqliteFixture {
    fn file(&self) -> PathBuf {
        file_in(&self.folder)
    }

    /// Changes exactly one kind of row by SQL, past every rule.
    fn falsify(&self, sql: &str, id: &str) {
        let changed = Connection::open(self.file()).unwrap().execute(sql, [id]).unwrap();
        assert_ne!(changed, 0, "nothing to falsify");
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("gametriggers.db")
}

#[async_trait]
impl Fixture for SqliteFixture {
    async fn create() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&file_in(&folder)).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, folder }
    }

    fn repositories(&self) -> Repositories {
        self.store.repositories()
    }

    async fn reopen(&self) -> Repositories {
        SqliteStore::open(&self.file()).await.unwrap().repositories()
    }

    async fn falsify_participation(&self, id: ParticipationId) {
        let sql =
            "UPDATE participation_counters SET clicks = 999, earnings_micros = 1 WHERE participation_id = ?";
        self.falsify(sql, &id.to_string());
    }

    async fn falsify_campaign(&self, id: CampaignId) {
        self.falsify("UPDATE campaigns SET remaining_micros = 1 WHERE id = ?", &id.to_string());
    }

    async fn falsify_rollups(&self, id: ParticipationId) {
        self.falsify("UPDATE rollups SET clicks = 999 WHERE participation_id = ?", &id.to_string());
    }
}

contract_tests!(SqliteFixture);
