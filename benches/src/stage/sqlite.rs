//! Multiplying the rows of an SQLite file.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use rusqlite::{Connection, Transaction, params_from_iter, types::ValueRef};

use super::{Kind, Renames, Shape};

/// Makes the rows of all numbers from those of number 0, wherever its id stands.
pub(super) fn multiply(file: &Path, kind: Kind, shape: Shape) -> anyhow::Result<()> {
    let mut connection = open(file)?;
    // Whoever loses a store that is only being filled fills another.
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

/// How many entries of the ledger have ids that begin so.
pub(super) fn count_entries(file: &Path, prefix: &str) -> anyhow::Result<u64> {
    let sql = "SELECT count(*) FROM ledger_entries WHERE substr(id, 1, length(?1)) = ?1";
    let count: i64 = open(file)?.query_row(sql, [prefix], |row| row.get(0))?;
    Ok(count.try_into()?)
}

fn open(file: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn tables(db: &Transaction<'_>) -> anyhow::Result<Vec<String>> {
    // What has changed is written down by triggers, for each copy as for the first.
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'changes'";
    let names = db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(names)
}

/// The texts to replace and what replaces them, in one order for all numbers; the document's own id first.
fn texts(renames: &Renames) -> impl Iterator<Item = (String, String)> + '_ {
    let ids = renames.ids.iter().map(|id| (id.from.to_string(), id.to.to_string()));
    ids.chain(renames.texts.iter().map(|text| (text.from.clone(), text.to.clone())))
}

/// How one table's rows of number 0 are copied.
struct Copying {
    /// Inserts one copy of each.
    sql: String,
    /// The places in [`texts`] of what it replaces, in the order of its parameters: what is replaced, then by what.
    used: Vec<usize>,
}

impl Copying {
    /// `None` where the table has no row with the id of number 0.
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
