//! Entries by their ids: what `reconcile` finds out about them, and what a repair can do.

#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

use std::sync::Arc;

use gametriggers_domain::ledger::{Entry, EntryKind};
use gametriggers_fixtures::{campaign, entry, participation, store_campaign, store_participation};
use gametriggers_persistence::{Discrepancy, Entity, Ledger, Outcome};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_types::ClickKind;
use rusqlite::Connection;
use tempfile::TempDir;

/// A store in which ten clicks were recorded.
struct Stage {
    db: Connection,
    ledger: Arc<dyn Ledger>,
    _folder: TempDir,
}

impl Stage {
    /// With at most so many ids out of the index.
    async fn set(late_ids: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let store = SqliteStore::open(&file).await.unwrap();
        store.migrate().await.unwrap();
        let db = Connection::open(&file).unwrap();
        db.execute("UPDATE ledger_ids_reach SET late_max = ?", [late_ids]).unwrap();
        let storage = store.repositories();
        store_campaign(&storage, campaign(1)).await;
        store_participation(&storage, participation(1, 1, 1)).await;
        let stage = Self { db, ledger: storage.ledger, _folder: folder };
        for number in 1..=10 {
            assert!(matches!(stage.record(number).await, Outcome::Counted(_)));
        }
        stage
    }

    /// Records the click that is, or would be, the entry of this number.
    async fn record(&self, number: i64) -> Outcome {
        self.ledger.record([click(number)].into()).await.unwrap()[0]
    }

    fn change(&self, sql: &str) {
        assert_eq!(self.db.execute(sql, []).unwrap(), 1, "{sql}");
    }

    fn count(&self, sql: &str) -> i64 {
        self.db.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn click(number: i64) -> Entry {
    entry(&format!("click {number}"), &participation(1, 1, 1), EntryKind::Click(ClickKind::Overlay))
}

fn difference(number: i64, field: &'static str, stored: i64, expected: i64) -> Discrepancy {
    let (entity, id) = (Entity::LedgerEntry, click(number).id.to_string());
    Discrepancy { entity, id, field, stored, expected }
}

/// As it would be after the worst of all faults of this program, or where somebody has put two stores together by hand.
#[tokio::test]
async fn an_id_that_is_stored_twice_is_named_and_no_entry_is_deleted() {
    for late_ids in [0, 5, 100] {
        let stage = Stage::set(late_ids).await;
        for (original, number) in [(2, 11), (9, 12), (2, 13)] {
            stage.change(&format!(
                "INSERT INTO ledger_entries (number, id, participation_id, campaign_id, kind, units, at_ms, paid_units, \
                     unpaid_units, amount_micros, rejection) \
                 SELECT {number}, id, participation_id, campaign_id, kind, units, at_ms, 0, 0, 0, 'blackout' \
                 FROM ledger_entries WHERE number = {original}"
            ));
        }
        let times = [(2, 3), (9, 2)].map(|(id, times)| difference(id, Discrepancy::TIMES_STORED, times, 1));
        for repair in [false, true, false] {
            assert_eq!(stage.ledger.reconcile(repair).await.unwrap(), times, "{late_ids}, {repair}");
        }
        assert!(times.iter().all(|difference| !difference.is_repairable()));
        assert_eq!(stage.count("SELECT count(*) FROM ledger_entries"), 13);
    }
}

/// Otherwise a repetition of it would count again.
#[tokio::test]
async fn an_entry_that_its_id_does_not_lead_to_is_found_and_indexed_again() {
    let stage = Stage::set(0).await;
    assert!((7..=10).contains(&stage.count("SELECT number FROM ledger_ids_reach")));
    stage.change("DELETE FROM ledger_ids WHERE number = 3");
    stage.change("UPDATE ledger_ids SET number = 99 WHERE number = 7");
    let by_id = [difference(3, "number by its id", 0, 3), difference(7, "number by its id", 99, 7)];
    for repair in [false, true] {
        assert_eq!(stage.ledger.reconcile(repair).await.unwrap(), by_id, "{repair}");
    }
    assert_eq!(stage.ledger.reconcile(false).await.unwrap(), []);
    for number in 1..=10 {
        let outcome = stage.record(number).await;
        assert!(matches!(outcome, Outcome::Duplicate { .. }), "{number}: {outcome:?}");
    }
}

/// It is wrong with one event of the past, and every later one counts.
#[tokio::test]
async fn an_entry_that_cannot_be_read_holds_up_no_other() {
    let stage = Stage::set(5).await;
    stage.change("UPDATE ledger_entries SET id = CAST(x'ff00fe' AS TEXT), kind = 'dance' WHERE number = 10");
    for number in 11..=20 {
        assert!(matches!(stage.record(number).await, Outcome::Counted(_)), "{number}");
    }
    let error = stage.ledger.reconcile(false).await.unwrap_err();
    assert!(error.to_string().starts_with("ledger entry "), "{error}");
}
