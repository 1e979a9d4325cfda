//! What happens while another process holds the store's lock, as a backup or a forgotten shell does.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot set its stage fails, and says where

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use gametriggers_fixtures::{start, store_user, test_campaign, user, user_id};
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_persistence_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

/// What a call may take, and what a busy machine may add.
const IN_TIME: Duration = Duration::from_secs(8);

struct Stage {
    folder: TempDir,
    store: SqliteStore,
}

impl Stage {
    async fn set() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("test.db")).await.unwrap();
        store.migrate().await.unwrap();
        store_user(&store.repositories(), user(1)).await;
        Self { folder, store }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    fn repositories(&self) -> Repositories {
        self.store.repositories()
    }

    /// Holds the lock until it is dropped.
    fn locked(&self) -> Connection {
        let other = Connection::open(self.file()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    async fn title(&self) -> Option<String> {
        let user = self.repositories().users.find_by_id(user_id(1)).await.unwrap().unwrap();
        user.test_campaign.map(|test| test.title)
    }
}

async fn change(repositories: Repositories, title: &str) -> Result<bool, StorageError> {
    let test = test_campaign(title, start());
    repositories.users.set_test_campaign(user_id(1), &test).await
}

fn assert_not_written(answer: &Result<bool, StorageError>) {
    let Err(StorageError::Unavailable { outcome_unknown: false, .. }) = answer else {
        panic!("{answer:?}");
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_lock_is_held_changes_are_refused_in_time_and_reads_go_on() {
    let stage = Stage::set().await;
    let other = stage.locked();
    let began = Instant::now();
    let mut changes = JoinSet::new();
    for number in 0..20 {
        let repositories = stage.repositories();
        changes.spawn(async move { change(repositories, &number.to_string()).await });
    }
    assert_eq!(stage.title().await, None, "nobody waits for the lock to read");
    assert!(changes.try_join_next().is_none(), "none is done or given up yet");
    for answer in changes.join_all().await {
        assert_not_written(&answer);
    }
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());

    other.execute_batch("ROLLBACK").unwrap();
    assert!(change(stage.repositories(), "after").await.unwrap(), "nothing is to be started anew");
    assert_eq!(stage.title().await.as_deref(), Some("after"), "nothing of what was refused is written later");
}

/// Those that do not wait leave the others their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_came_before_the_lock_was_released_is_made_if_there_is_time() {
    let stage = Stage::set().await;
    let other = stage.locked();
    let impatient = stage.store.answering_within(Duration::from_millis(50)).repositories();
    assert_not_written(&change(impatient, "impatient").await);
    let patient = tokio::spawn(change(stage.repositories(), "patient"));
    other.execute_batch("ROLLBACK").unwrap();
    assert!(patient.await.unwrap().unwrap());
    assert_eq!(stage.title().await.as_deref(), Some("patient"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_full_refuses_at_once() {
    const ASKED: usize = 1_200;
    let stage = Stage::set().await;
    let other = stage.locked();
    let mut changes = JoinSet::new();
    for number in 0..ASKED {
        let repositories = stage.repositories();
        changes.spawn(async move { change(repositories, &number.to_string()).await });
    }
    let refused = changes.join_next().await.unwrap().unwrap();
    let Err(StorageError::Unavailable { source, .. }) = &refused else { panic!("{refused:?}") };
    assert!(source.to_string().contains("keeps up"), "not by its deadline: {source}");
    other.execute_batch("ROLLBACK").unwrap();
    let made = changes.join_all().await.iter().filter(|answer| answer.is_ok()).count();
    assert!((1_024..=1_025).contains(&made), "as many as may wait, and the one that was begun: {made}");
}

/// Who looks holds up nobody, and is held up by nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconcile_needs_no_lock_where_there_is_nothing_to_repair() {
    let stage = Stage::set().await;
    let _other = stage.locked();
    let ledger = stage.repositories().ledger;
    for repair in [false, true] {
        assert_eq!(ledger.reconcile(repair).await.unwrap(), []);
    }
}

/// Between two steps of a repair others have their turn: it changes a hundred rows at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_of_many_rows_is_made_in_short_steps() {
    let stage = Stage::set().await;
    let db = Connection::open(stage.file()).unwrap();
    let stray = "WITH RECURSIVE number (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM number WHERE value < 250) \
         INSERT INTO rollups (quarter_ms, participation_id, campaign_id, impressions, clicks, chat_clicks, qr_scans, \
             link_clicks, visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples) \
         SELECT value * 900000, '686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
         FROM number";
    assert_eq!(db.execute(stray, []).unwrap(), 250);
    let repaired = stage.repositories().ledger.reconcile(true).await.unwrap();
    assert_eq!(repaired.len(), 250);
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count FROM ledger_repairs"), 3, "steps");
    assert_eq!(count("SELECT count(*) FROM rollups"), 0, "no entry stands behind any");
}

/// A process that waits for a migration by another one waits on its own.
#[tokio::test]
async fn while_another_process_migrates_nobody_else_waits() {
    let stage = Stage::set().await;
    let lock = std::fs::File::open(stage.folder.path().join("test.db.migration-lock")).unwrap();
    lock.lock().unwrap();
    let migrating = stage.store.clone();
    let migrating = tokio::spawn(async move { migrating.migrate().await });
    yield_now().await;
    for number in 0..5 {
        let changed = timeout(IN_TIME, change(stage.repositories(), &number.to_string())).await;
        assert!(changed.expect("it waits for nobody").unwrap());
    }
    assert!(!migrating.is_finished());
    lock.unlock().unwrap();
    assert_eq!(migrating.await.unwrap().unwrap().migrations, [""; 0]);
}
