//! Finds out by polling what others change, because SQLite tells no other process of a write.
//!
//! Triggers number each change in the table `changes`. Four times a second, the stream reads the newest number on a
//! connection of its own. A read takes some microseconds and sees the writes of every process. A change is known a
//! quarter of a second later. The changes that one read finds are reported even if more changes come meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gametriggers_persistence::{CHANGES_MAX, Change, ChangeFeed, ChangeStream, Entity, StorageError, Told};
use rusqlite::{Connection, Row};

use crate::{
    SqliteStore,
    database::{connect, lock, run_blocking},
    error::DbResult,
    row::EntityRow,
};

/// The pause between two reads.
const INTERVAL: Duration = Duration::from_millis(250);

struct SqliteChangeStream {
    connection: Arc<Mutex<Connection>>,
    /// The number of the last change that was reported.
    seen: i64,
    /// Whether more changes wait to be reported.
    has_more: bool,
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
        Ok(Box::new(SqliteChangeStream { connection, seen, has_more: false }))
    }
}

#[async_trait]
impl ChangeStream for SqliteChangeStream {
    async fn next(&mut self) -> Result<Told, StorageError> {
        if !self.has_more {
            tokio::time::sleep(INTERVAL).await;
        }
        let (connection, seen) = (self.connection.clone(), self.seen);
        let (last, told) = run_blocking(move || changes_since(&lock(&connection), seen, CHANGES_MAX)).await?;
        (self.seen, self.has_more) = (last, !told.is_all);
        Ok(told)
    }
}

/// The first changes after number `seen`, at most `most`, and the number of the last one.
fn changes_since(db: &Connection, seen: i64, most: usize) -> DbResult<(i64, Told)> {
    let newest = newest(db)?;
    if newest < seen {
        // An earlier state of the store was restored, by SQLite's backup command or by hand.
        return Ok((newest, Told { changes: vec![Change::Everything], is_all: true }));
    }
    if newest == seen {
        return Ok((seen, Told { changes: Vec::new(), is_all: true }));
    }
    let mut changed =
        db.prepare_cached("SELECT number, entity, id FROM changes WHERE number > ? ORDER BY number LIMIT ?")?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let changed: Vec<_> = changed.query_and_then((seen, limit), from_row)?.collect::<DbResult<_>>()?;
    let last = changed.last().map_or(newest, |(number, _)| *number);
    let is_all = changed.len() < most;
    Ok((last, Told { changes: changed.into_iter().map(|(_, change)| change).collect(), is_all }))
}

fn newest(db: &Connection) -> DbResult<i64> {
    let sql = "SELECT coalesce(max(number), 0) FROM changes";
    Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Reads a change. It is [`Change::Everything`] if this version does not know the entity or cannot read its id.
fn from_row(row: &Row<'_>) -> DbResult<(i64, Change)> {
    let entity: String = row.get("entity")?;
    let change = match entity.as_str() {
        "user" => EntityRow::new(row, Entity::User, "id").and_then(|it| it.parse("id")).map(Change::User),
        "campaign" => {
            EntityRow::new(row, Entity::Campaign, "id").and_then(|it| it.parse("id")).map(Change::Campaign)
        }
        _ => Ok(Change::Everything),
    };
    Ok((row.get("number")?, change.unwrap_or(Change::Everything)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The triggers name the columns whose changes are reported. If a column were added to the table and not to the
    /// trigger, only the instance that changes it would know of the change.
    #[tokio::test]
    async fn every_column_is_told_of_but_those_that_change_all_the_time() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        SqliteStore::open(&file).await.unwrap().migrate().await.unwrap();
        let db = Connection::open(&file).unwrap();
        for (table, trigger, untold) in [
            ("users", "user_changed", "overlay_last_seen"),
            ("campaigns", "campaign_changed", "remaining_micros"),
        ] {
            let sql = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?";
            let sql: String = db.query_row(sql, [trigger], |row| row.get(0)).unwrap();
            let (_, columns) = sql.split_once("UPDATE OF").unwrap();
            let (columns, _) = columns.split_once(&format!("ON {table}")).unwrap();
            let told: BTreeSet<_> = columns.split(',').map(|column| column.trim().to_owned()).collect();
            let mut all = db.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
            let mut all: BTreeSet<String> =
                all.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert!(all.remove(untold));
            assert_eq!(told, all);
        }
    }

    /// If somebody has edited a row by hand, its changes must not stop the reports of all other changes.
    #[test]
    fn a_change_of_something_that_cannot_be_read_may_be_of_anything() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE changes (number INTEGER PRIMARY KEY, entity TEXT, id TEXT);
             INSERT INTO changes (entity, id) VALUES
                 ('user', 'nobody'), ('campaign', CAST(x'ff' AS TEXT)), ('user', '6864d4187d06a675f2abb714')",
        )
        .unwrap();
        let (last, told) = changes_since(&db, 0, 10).unwrap();
        let user = Change::User("6864d4187d06a675f2abb714".parse().unwrap());
        assert_eq!((last, told.changes), (3, vec![Change::Everything, Change::Everything, user]));
    }

    /// A restored store goes on counting from a smaller number, so nothing that was read before can be trusted.
    #[test]
    fn a_store_put_back_to_an_earlier_state_has_changed_everything() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE changes (number INTEGER PRIMARY KEY, entity TEXT, id TEXT)").unwrap();
        let user = "6864d4187d06a675f2abb714";
        db.execute("INSERT INTO changes (number, entity, id) VALUES (7, 'user', ?)", [user]).unwrap();
        let told = |seen| changes_since(&db, seen, 2).unwrap();
        let all = |changes| Told { changes, is_all: true };
        let changed = Change::User(user.parse().unwrap());
        assert_eq!(told(0), (7, all(vec![changed])));
        assert_eq!(told(7), (7, all(vec![])));
        assert_eq!(told(8), (7, all(vec![Change::Everything])));
    }

    /// However much has changed at once, an answer stays within its limit, and no change is left out.
    #[test]
    fn what_is_too_much_for_one_answer_is_told_by_the_next() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE changes (number INTEGER PRIMARY KEY, entity TEXT, id TEXT)").unwrap();
        let campaign = |number: u8| format!("6864d4187d06a675f2abb7{number:02}");
        for number in 1..=5 {
            let sql = "INSERT INTO changes (number, entity, id) VALUES (?, 'campaign', ?)";
            db.execute(sql, (number, campaign(number))).unwrap();
        }
        let (mut seen, mut answers) = (0, Vec::new());
        loop {
            let (last, told) = changes_since(&db, seen, 2).unwrap();
            seen = last;
            answers.push(told.changes);
            if told.is_all {
                break;
            }
        }
        let change = |number| Change::Campaign(campaign(number).parse().unwrap());
        assert_eq!(answers, [vec![change(1), change(2)], vec![change(3), change(4)], vec![change(5)]]);
    }
}
