//! One SQLite file.

use std::{fs, path::PathBuf, time::Duration};

use rusqlite::{Connection, Row, types};
use serde_json::Value;
use tempfile::TempDir;

use super::{Documents, Everything, Field};

/// The time for which a write waits for other writers.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    pub(super) fn in_a_folder() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn url(&self) -> String {
        format!("sqlite://{}", self.file().display())
    }

    pub(super) fn exists(&self) -> bool {
        self.file().exists()
    }

    pub(super) fn everything(&self) -> Everything {
        let db = self.open();
        // The other tables are SQLite's own.
        let tables =
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite@_%' ESCAPE '@'";
        let mut names = db.prepare(tables).unwrap();
        let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let rows = |table: &str| {
            let mut select = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = select.column_count();
            let cells =
                |row: &Row<'_>| (0..columns).map(|column| row.get::<_, types::Value>(column)).collect();
            let rows = select.query_map([], cells).unwrap();
            let mut rows: Vec<_> =
                rows.map(|row: rusqlite::Result<Vec<_>>| format!("{:?}", row.unwrap())).collect();
            rows.sort();
            rows
        };
        names.iter().map(|table| (table.clone(), rows(table))).collect()
    }

    pub(super) fn entries_in_order(&self) -> Vec<String> {
        let db = self.open();
        let mut select = db.prepare("SELECT id FROM ledger_entries ORDER BY number").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Removes what a repair leaves: the changes, because a repaired campaign changes once more, and the count of repairs.
    pub(super) fn without_record_of_repairs(mut everything: Everything) -> Everything {
        everything.remove("changes");
        everything.remove("ledger_repairs");
        everything
    }

    pub(super) fn set(&self, field: Field, id: Option<&str>, value: &Value) -> usize {
        let (table, column) = (field.documents.table(), field.column);
        let value: types::Value = match value {
            Value::Bool(flag) => (*flag).into(),
            Value::String(text) => text.clone().into(),
            other => other.as_i64().unwrap().into(),
        };
        let all = format!("UPDATE {table} SET {column} = ?1 WHERE {column} IS NOT ?1");
        match id {
            None => self.open().execute(&all, [value]).unwrap(),
            Some(id) => {
                let one = format!("{all} AND {} = ?2", field.documents.id_column());
                self.open().execute(&one, (value, id)).unwrap()
            }
        }
    }

    pub(super) fn make_unreadable(&self, documents: Documents) -> String {
        let table = documents.table();
        self.execute(&format!("ALTER TABLE {table} RENAME TO {table}_elsewhere"));
        format!("no such table: {table}")
    }

    /// Drops the first table that the first migration makes.
    pub(super) fn forget_migrations(&self) {
        self.execute("DROP TABLE users");
    }

    pub(super) fn falsify_migrations(&self) {
        self.execute("UPDATE refinery_schema_history SET checksum = '1'");
    }

    pub(super) fn keeps_tokens_unique(&self) -> bool {
        let sql = "SELECT EXISTS (
            SELECT 1 FROM pragma_index_list('participations') AS list
            WHERE list.\"unique\" AND NOT list.partial AND 'browser_source_token' =
                (SELECT group_concat(info.name) FROM pragma_index_info(list.name) AS info))";
        self.open().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Blocks all other writers until the returned value is dropped.
    pub(super) fn hold_writes(&self) -> Connection {
        let db = self.open();
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        db
    }

    /// Makes the file unreachable, like a network drive that fails.
    pub(super) fn go_away(&self) {
        fs::rename(self.0.path(), self.elsewhere()).unwrap();
    }

    pub(super) fn come_back(&self) {
        fs::rename(self.elsewhere(), self.0.path()).unwrap();
    }

    pub(super) fn index_all_ids_but(&self, late: u32) {
        self.execute(&format!("UPDATE ledger_ids_reach SET late_max = {late}"));
    }

    /// Locks the file, like a backup or a forgotten shell. No other process can write until the returned value is dropped.
    pub(crate) fn locked(&self) -> Connection {
        let other = self.open();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    /// Copies every entry of the ledger as a rejected one, and returns how many there are.
    pub(crate) fn store_entries_twice(&self) -> usize {
        let again = "INSERT INTO ledger_entries (id, participation_id, campaign_id, kind, units, at_ms, paid_units, \
                         unpaid_units, amount_micros, rejection) \
                     SELECT id, participation_id, campaign_id, kind, units, at_ms, 0, 0, 0, 'blackout' FROM ledger_entries";
        self.open().execute(again, []).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("test.db")
    }

    fn elsewhere(&self) -> PathBuf {
        self.0.path().with_extension("away")
    }

    fn execute(&self, sql: &str) {
        self.open().execute(sql, []).unwrap();
    }

    fn open(&self) -> Connection {
        let db = Connection::open(self.file()).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        db
    }
}
