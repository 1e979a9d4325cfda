//! Copies rows in an SQLite file.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use rusqlite::{Connection, Transaction, params_from_iter, types::ValueRef};

use super::{Kind, Renames, Shape};

/// Copies the rows of document number 0, in all tables that contain its id, to all other numbers.
pub(super) fn multiply(file: &Path, kind: Kind, shape: Shape) -> anyhow::Result<()> {
    let mut connection = open(file)?;
    // Durability does not matter: if filling fails, the store is filled again.
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "cache_size", -400_000)?;
    let transaction = connection.transaction()?;
    let first = kind.renames(shape, 0);
    let mut copies = 0;
    for table in tables(&transaction)? {
        let Some(copying) = Copying::of(&transaction, &table, &first)? else { continue };
        copies += 1;
        let mut insert = transaction.prepare(&copying.sql)?;
        for number in 1..kind.count(shape) {
            let renames = kind.renames(shape, number);
            let all: Vec<_> = texts(&renames).collect();
            let used = copying.used.iter().flat_map(|place| [&all[*place].0, &all[*place].1]);
            insert.execute(params_from_iter(used))?;
        }
    }
    ensure!(copies > 0, "{kind:?}: no row was found to be multiplied");
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// The number of ledger entries whose ids begin with `prefix`.
pub(super) fn count_entries(file: &Path, prefix: &str) -> anyhow::Result<u64> {
    let sql = "SELECT count(*) FROM ledger_entries WHERE substr(id, 1, length(?1)) = ?1";
    let count: i64 = open(file)?.query_row(sql, [prefix], |row| row.get(0))?;
    Ok(count.try_into()?)
}

/// The number of events and the number of paid units, by the counters of all participations.
pub(super) fn sum_counters(file: &Path) -> anyhow::Result<(u64, u64)> {
    // A visit is also a click. A minute of an audience is one event with as many impressions as viewers.
    let sql = "SELECT coalesce(sum(clicks + impressions - viewer_sum + viewer_samples), 0), \
               coalesce(sum(paid_units), 0) FROM participation_counters";
    let (events, paid_units): (i64, i64) =
        open(file)?.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((events.try_into()?, paid_units.try_into()?))
}

fn open(file: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn tables(db: &Transaction<'_>) -> anyhow::Result<Vec<String>> {
    // Triggers write the table `changes`, for copies as for the first row.
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'changes'";
    let names = db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

/// The texts to replace and their replacements, in the same order for all numbers. The document's own id is first.
fn texts(renames: &Renames) -> impl Iterator<Item = (String, String)> + '_ {
    let ids = renames.ids.iter().map(|id| (id.from.to_string(), id.to.to_string()));
    ids.chain(renames.texts.iter().map(|text| (text.from.clone(), text.to.clone())))
}

/// How the rows of document number 0 are copied in one table.
struct Copying {
    /// The statement that inserts a copy.
    sql: String,
    /// The indexes in [`texts`] of the replacements that the statement uses. Each has two parameters: the text to
    /// replace, and its replacement.
    used: Vec<usize>,
}

impl Copying {
    /// The copying for a table; `None` if no row of the table contains the id of number 0.
    fn of(db: &Transaction<'_>, table: &str, first: &Renames) -> anyhow::Result<Option<Self>> {
        let all: Vec<_> = texts(first).map(|(from, _)| from).collect();
        let mut select = db.prepare(&format!("SELECT * FROM {table}"))?;
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let naming: Vec<_> = columns.iter().map(|column| format!("instr({column}, ?1) > 0")).collect();
        let template = format!("template_{table}");
        db.execute(
            &format!("CREATE TEMP TABLE {template} AS SELECT * FROM {table} WHERE {}", naming.join(" OR ")),
            [&all[0]],
        )?;
        select = db.prepare(&format!("SELECT * FROM {template}"))?;
        let mut rows = select.query([])?;
        let Some(row) = rows.next()? else { return Ok(None) };

        let mut used = Vec::new();
        let mut values = Vec::with_capacity(columns.len());
        for (place, column) in columns.iter().enumerate() {
            let mut value = column.clone();
            if let ValueRef::Text(text) = row.get_ref(place)? {
                let text = String::from_utf8_lossy(text);
                for (which, _) in all.iter().enumerate().filter(|(_, from)| text.contains(*from)) {
                    let parameter = used.iter().position(|known| *known == which).unwrap_or_else(|| {
                        used.push(which);
                        used.len() - 1
                    });
                    value = format!("replace({value}, ?{}, ?{})", 2 * parameter + 1, 2 * parameter + 2);
                }
            }
            values.push(value);
        }
        ensure!(rows.next()?.is_none(), "{table} has several rows of one document");
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {template}",
            columns.join(", "),
            values.join(", ")
        );
        Ok(Some(Self { sql, used }))
    }
}
