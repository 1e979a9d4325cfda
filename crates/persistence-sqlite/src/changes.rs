//! What others change, learnt by asking: SQLite tells no other process of a write.
//!
//! Four times a second, on a connection of its own, one look at the newest number of `user_changes`, which triggers
//! keep. That costs some microseconds, sees every writer of the file, and a change is known a quarter of a second later.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gametriggers_persistence::{Change, ChangeFeed, ChangeStream, Entity, StorageError};
use gametriggers_types::UserId;
use rusqlite::{Connection, Row};

use crate::{
    SqliteStore,
    database::{connect, lock, run_blocking},
    error::DbResult,
    row::EntityRow,
};

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_millis(250);

struct SqliteChangeStream {
    connection: Arc<Mutex<Connection>>,
    /// Changes up to this number were told.
    seen: i64,
    /// Changes that are known and were not told yet, and that there were no others then.
    untold: VecDeque<Option<Change>>,
}

#[async_trait]
impl ChangeFeed for SqliteStore {
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError> {
        let path = self.database.path().to_owned();
        let (connection, seen) = run_blocking(move || {
            let connection = connect(&path)?;
            let seen = newest(&connection)?;
            Ok((connection, seen))
        })
        .await?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Box::new(SqliteChangeStream { connection, seen, untold: VecDeque::new() }))
    }
}

#[async_trait]
impl ChangeStream for SqliteChangeStream {
    async fn next(&mut self) -> Result<Option<Change>, StorageError> {
        if self.untold.is_empty() {
            tokio::time::sleep(INTERVAL).await;
            let (connection, seen) = (self.connection.clone(), self.seen);
            let (last, changes) = run_blocking(move || changes_since(&lock(&connection), seen)).await?;
            self.seen = last;
            self.untold.extend(changes.into_iter().map(Some));
            self.untold.push_back(None);
        }
        Ok(self.untold.pop_front().flatten())
    }
}

/// The changes after the one of this number, and the number of the last.
fn changes_since(db: &Connection, seen: i64) -> DbResult<(i64, VecDeque<Change>)> {
    let newest = newest(db)?;
    if newest < seen {
        // The store was put back to an earlier state, by its own backup command or by hand.
        return Ok((newest, VecDeque::from([Change::Everything])));
    }
    if newest == seen {
        return Ok((seen, VecDeque::new()));
    }
    let mut changed =
        db.prepare_cached("SELECT number, user_id FROM user_changes WHERE number > ? ORDER BY number")?;
    let changed: Vec<_> = changed.query_and_then([seen], from_row)?.collect::<DbResult<_>>()?;
    let last = changed.last().map_or(newest, |(number, _)| *number);
    Ok((last, changed.into_iter().map(|(_, user)| Change::User(user)).collect()))
}

fn newest(db: &Connection) -> DbResult<i64> {
    let sql = "SELECT coalesce(max(number), 0) FROM user_changes";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

fn from_row(row: &Row<'_>) -> DbResult<(i64, UserId)> {
    let row = EntityRow::new(row, Entity::User, "user_id")?;
    Ok((row.get("number")?, row.parse("user_id")?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The trigger names the columns whose change is told. One that is added to the table and not to the trigger would be
    /// changed behind the back of every instance but one.
    #[tokio::test]
    async fn every_column_of_a_user_but_when_they_were_seen_is_told_of() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        SqliteStore::open(&file).await.unwrap().migrate().await.unwrap();
        let db = Connection::open(&file).unwrap();
        let sql = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'user_changed'";
        let trigger: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
        let (_, columns) = trigger.split_once("UPDATE OF").unwrap();
        let (columns, _) = columns.split_once("ON users").unwrap();
        let told: BTreeSet<_> = columns.split(',').map(|column| column.trim().to_owned()).collect();
        let mut all = db.prepare("SELECT name FROM pragma_table_info('users')").unwrap();
        let mut all: BTreeSet<String> =
            all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(all.remove("overlay_last_seen"));
        assert_eq!(told, all);
    }

    /// One that was put back counts on from less: nothing that was read is to be believed.
    #[test]
    fn a_store_put_back_to_an_earlier_state_has_changed_everything() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE user_changes (number INTEGER PRIMARY KEY, user_id TEXT)").unwrap();
        let user = "6864d4187d06a675f2abb714";
        db.execute("INSERT INTO user_changes VALUES (7, ?)", [user]).unwrap();
        let told = |seen| changes_since(&db, seen).unwrap();
        let changed = Change::User(user.parse().unwrap());
        assert_eq!(told(0), (7, VecDeque::from([changed])));
        assert_eq!(told(7), (7, VecDeque::new()));
        assert_eq!(told(8), (7, VecDeque::from([Change::Everything])));
    }
}
