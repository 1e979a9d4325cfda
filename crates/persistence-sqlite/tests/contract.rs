//! The contract of every store, kept by this one.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

use std::path::PathBuf;

use async_trait::async_trait;
use gametriggers_persistence::{Entity, Repositories};
use gametriggers_persistence_contract::{Fixture, Unreadable, contract_tests};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_types::{CampaignId, DecisionId, ObjectId, ParticipationId, UserId};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// What a row may hold, past the rules of the program, that no version can read: a word that is none of an enumeration, a
/// number out of its range, text that is not UTF-8, and what is not JSON.
const OF_PARTICIPATIONS: [&str; 5] = [
    "UPDATE participations SET joined_at = 9223372036854775807 WHERE id = ?",
    "UPDATE participations SET browser_source_token = '' WHERE id = ?",
    "UPDATE participations SET browser_source_url = CAST(x'fffe' AS TEXT) WHERE id = ?",
    "UPDATE participations SET tracking_url = CAST(x'61ff' AS TEXT) WHERE id = ?",
    "INSERT INTO participation_counters (participation_id, impressions, clicks, chat_clicks, qr_scans, link_clicks, \
         visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples) \
     VALUES (?, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
];
const OF_CAMPAIGNS: [&str; 7] = [
    "UPDATE campaigns SET media_type = 'hologram' WHERE id = ?",
    "UPDATE campaigns SET payment_type = '' WHERE id = ?",
    "UPDATE campaigns SET expected_impressions = -1 WHERE id = ?",
    "UPDATE campaigns SET start_date = -9223372036854775808 WHERE id = ?",
    "UPDATE campaigns SET categories = '[\"gaming\"' WHERE id = ?",
    "UPDATE campaigns SET title = CAST(x'ff' AS TEXT) WHERE id = ?",
    "UPDATE campaigns SET brand_id = 'nobody' WHERE id = ?",
];

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

    async fn falsify_budget(&self, id: CampaignId) {
        self.falsify("UPDATE campaigns SET budget_micros = 1 WHERE id = ?", &id.to_string());
    }

    async fn falsify_account(&self, streamer: UserId) {
        self.falsify("UPDATE accounts SET settled_micros = 1 WHERE streamer_id = ?", &streamer.to_string());
    }

    async fn delete_account(&self, streamer: UserId) {
        self.falsify("DELETE FROM accounts WHERE streamer_id = ?", &streamer.to_string());
    }

    async fn falsify_rollups(&self, id: ParticipationId) {
        self.falsify("UPDATE rollups SET clicks = 999 WHERE participation_id = ?", &id.to_string());
    }

    async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool {
        let (sql, id) = match what {
            Unreadable::Participation(id) => (OF_PARTICIPATIONS.get(way), id.to_string()),
            Unreadable::Campaign(id) => (OF_CAMPAIGNS.get(way), id.to_string()),
        };
        let Some(sql) = sql else { return false };
        self.falsify(sql, &id);
        true
    }

    async fn falsify_decision(&self, id: DecisionId) {
        let sql =
            format!("UPDATE decisions SET basis = 'none' WHERE ordinal = {} AND streamer_id = ?", id.ordinal);
        self.falsify(&sql, &id.streamer.to_string());
    }

    async fn other_field(&self, entity: Entity, id: ObjectId, name: &str) -> Option<Value> {
        let table = match entity {
            Entity::User => "users",
            Entity::Campaign => "campaigns",
            _ => "participations",
        };
        let sql = format!("SELECT other_fields FROM {table} WHERE id = ?");
        let db = Connection::open(self.file()).unwrap();
        let text: String = db.query_row(&sql, [id.to_string()], |row| row.get(0)).unwrap();
        let mut other: Value = serde_json::from_str(&text).unwrap();
        let field = other.get_mut(name)?.take();
        // A long, which the text may say in either form of Extended JSON.
        let long = field.get("$numberLong").and_then(|long| long.as_str()?.parse::<i64>().ok());
        Some(long.map_or(field, Value::from))
    }
}

contract_tests!(SqliteFixture);

/// The laws of the ledger once more, where most ids are in the index: by itself, a store leaves more ids out of it than a test
/// has entries.
mod indexed {
    use super::*;

    const LATE_IDS: u32 = 4;

    struct IndexedFixture(SqliteFixture);

    #[async_trait]
    impl Fixture for IndexedFixture {
        async fn create() -> Self {
            let fixture = SqliteFixture::create().await;
            let db = Connection::open(fixture.file()).unwrap();
            assert_eq!(db.execute("UPDATE ledger_ids_reach SET late_max = ?", [LATE_IDS]).unwrap(), 1);
            Self(fixture)
        }

        fn repositories(&self) -> Repositories {
            self.0.repositories()
        }

        async fn reopen(&self) -> Repositories {
            self.0.reopen().await
        }

        async fn falsify_participation(&self, id: ParticipationId) {
            self.0.falsify_participation(id).await;
        }

        async fn falsify_campaign(&self, id: CampaignId) {
            self.0.falsify_campaign(id).await;
        }

        async fn falsify_budget(&self, id: CampaignId) {
            self.0.falsify_budget(id).await;
        }

        async fn falsify_account(&self, streamer: UserId) {
            self.0.falsify_account(streamer).await;
        }

        async fn delete_account(&self, streamer: UserId) {
            self.0.delete_account(streamer).await;
        }

        async fn falsify_rollups(&self, id: ParticipationId) {
            self.0.falsify_rollups(id).await;
        }

        async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool {
            self.0.make_unreadable(what, way).await
        }

        async fn falsify_decision(&self, id: DecisionId) {
            self.0.falsify_decision(id).await;
        }

        async fn other_field(&self, entity: Entity, id: ObjectId, name: &str) -> Option<Value> {
            self.0.other_field(entity, id, name).await
        }
    }

    mod ledger {
        gametriggers_persistence_contract::ledger!(super::IndexedFixture);
    }

    mod idempotency {
        gametriggers_persistence_contract::idempotency!(super::IndexedFixture);
    }

    mod money {
        gametriggers_persistence_contract::money!(super::IndexedFixture);
    }

    mod reconcile {
        gametriggers_persistence_contract::reconcile!(super::IndexedFixture);
    }
}
