//! A test that every statement finds its rows by an index.
//!
//! SQLite tells the test which statements each method of each repository runs. The test then asks SQLite for the plan
//! of each statement. The test is a part of the crate, and not in the folder `tests`, because the test has to watch the
//! store's own connections.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    path::{Path, PathBuf},
    sync::Mutex,
};

use gametriggers_fixtures::{participation, store_participation};
use gametriggers_persistence::StorageError;
use gametriggers_persistence_contract::{Observer, call_every_method};
use rusqlite::{
    Connection,
    config::DbConfig,
    trace::{TraceEvent, TraceEventCodes},
};
use tempfile::TempDir;

use crate::{SqliteStore, database::lock};

/// The tables that have one row.
const ONE_ROW: [&str; 2] = ["ledger_ids_reach", "ledger_repairs"];
/// The methods whose queries may read whole tables, and why.
const WITHOUT_INDEX: [(&str, &str); 2] =
    [("ledger.reconcile", "recomputes everything"), ("probe.ping", "reads one row, whichever it is")];
/// The steps of plans that may read a range of an index, and why the range is short.
const RANGES: [(&str, &str); 6] = [
    ("SEARCH changes USING INTEGER PRIMARY KEY (rowid>?)", "the newest changes, up to a limit"),
    ("SEARCH decisions USING INDEX decisions_to_shorten (", "decisions still to be shortened, up to a limit"),
    ("SEARCH decisions USING INDEX decisions_by_time (", "the decisions made in a time, up to a limit"),
    ("SEARCH ledger_entries USING INTEGER PRIMARY KEY (rowid>?)", "the entries since the last batch"),
    ("SEARCH ledger_entries USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "one step of a scan"),
    ("SEARCH quotas USING PRIMARY KEY (since_ms<?)", "the oldest quotas, up to a limit"),
];

/// The statements that were run on each file that a test watches.
static RUN: Mutex<BTreeMap<PathBuf, BTreeSet<String>>> = Mutex::new(BTreeMap::new());

/// Returns the connection. If a test watches the file, the connection notes which statements it runs.
pub(crate) fn watched(mut connection: Connection, path: &Path) -> Connection {
    if lock(&RUN).contains_key(path) {
        let path = path.to_owned();
        let note = move |event: TraceEvent<'_>| {
            if let (TraceEvent::Stmt(statement, _), Some(run)) = (event, lock(&RUN).get_mut(&path)) {
                run.insert(statement.sql().into_owned());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    }
    connection
}

/// Judges the plans of the statements that each call runs. `db` explains the statements, and is not a connection of the
/// store.
struct Judge {
    file: PathBuf,
    db: Connection,
    /// All steps of all plans.
    steps: BTreeSet<String>,
    complaints: Vec<String>,
}

impl Judge {
    /// Judges the statements that were run since this function was last called.
    fn judge(&mut self, method: &str) {
        let run = lock(&RUN).get_mut(&self.file).map(mem::take).unwrap();
        for sql in run.iter().filter(|sql| reads_or_writes(sql)) {
            let is_exempt =
                sql.starts_with("SELECT") && WITHOUT_INDEX.iter().any(|(exempt, _)| *exempt == method);
            for step in self.plan(sql) {
                if !(is_exempt || is_right(&step)) {
                    self.complaints.push(format!("{method}: {step}: {sql}"));
                }
                self.steps.insert(step);
            }
        }
    }

    /// The steps of a statement's plan, and those of the triggers that the statement starts.
    fn plan(&self, sql: &str) -> Vec<String> {
        let mut explain = self.db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = explain.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get("detail").unwrap());
        }
        steps
    }
}

impl Observer for Judge {
    async fn call<T>(&mut self, method: &'static str, call: impl Future<Output = Result<T, StorageError>>) {
        self.judge("before the call");
        if let Err(error) = call.await {
            panic!("{method}: {error:?}");
        }
        self.judge(method);
    }
}

/// Whether the statement reads or writes rows. The others begin and end transactions, and set up connections.
fn reads_or_writes(sql: &str) -> bool {
    let others = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"];
    !others.iter().any(|verb| sql.starts_with(verb))
}

/// Whether a step of a plan finds its rows by an index. A step with a condition but without an equality reads a range,
/// which may grow with the table. A step without any condition reads only the first or the last row of an index.
fn is_right(step: &str) -> bool {
    if let Some(table) = step.strip_prefix("SCAN ") {
        return ONE_ROW.contains(&table) || table == "CONSTANT ROW";
    }
    let is_range = step.starts_with("SEARCH ") && step.contains('(') && !step.contains("=?");
    !is_range || RANGES.iter().any(|(range, _)| step.starts_with(range))
}

/// Makes sums and an id of the ledger wrong, so that a repair has something to do.
const FALSIFY: &str = "
    UPDATE participation_counters SET clicks = clicks + 1;
    UPDATE rollups SET clicks = clicks + 1;
    UPDATE campaigns SET remaining_micros = remaining_micros - 1;
    UPDATE accounts SET settled_micros = settled_micros + 1;
    UPDATE ledger_ids SET number = -1 WHERE digest = (SELECT min(digest) FROM ledger_ids);";

#[tokio::test]
async fn every_statement_uses_an_index() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    SqliteStore::open(&file).await.unwrap().migrate().await.unwrap();
    let db = Connection::open(&file).unwrap();
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, true).unwrap();
    // Without this setting, a store leaves more ids out of the index than this test has entries.
    db.execute("UPDATE ledger_ids_reach SET late_max = 4", []).unwrap();
    lock(&RUN).insert(file.clone(), BTreeSet::new());
    let repositories = SqliteStore::open(&file).await.unwrap().repositories();
    let mut judge = Judge { file, db, steps: BTreeSet::new(), complaints: Vec::new() };

    call_every_method(repositories.clone(), &mut judge).await;
    judge.db.execute_batch(FALSIFY).unwrap();
    judge.call("ledger.reconcile", repositories.ledger.reconcile(true)).await;
    let mut changes = repositories.changes.subscribe().await.unwrap();
    store_participation(&repositories, participation(1_000, 1, 2)).await;
    judge.call("changes.next", changes.next()).await;

    assert_eq!(judge.complaints, Vec::<String>::new());
    for (range, _) in RANGES {
        assert!(judge.steps.iter().any(|step| step.starts_with(range)), "no statement needs {range:?}");
    }
}
