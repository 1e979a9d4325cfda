//! Repairing: adding what a survey found to be missing.

use gametriggers_persistence::StorageError;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{Difference, Holder, Survey, index::Unindexed};
use crate::{counters, database::Database, error::DbResult};

/// Rows repaired in one transaction, during which nobody else writes.
const PER_TRANSACTION: usize = 100;

/// Repairs what differs, unless another repair comes between.
pub(super) async fn run(database: &Database, survey: Survey) -> Result<(), StorageError> {
    let mut repairs = survey.repairs;
    let mut differences = survey.differences.into_iter().peekable();
    while differences.peek().is_some() {
        let chunk: Vec<_> = differences.by_ref().take(PER_TRANSACTION).collect();
        let count = repairs;
        let is_first = database.write(move |db| repair_sums(db, &chunk, count)).await?;
        if !is_first {
            return Ok(());
        }
        repairs += 1;
    }
    let mut unindexed = survey.unindexed.into_iter().peekable();
    while unindexed.peek().is_some() {
        let chunk: Vec<_> = unindexed.by_ref().take(PER_TRANSACTION).collect();
        database.write(move |db| chunk.iter().try_for_each(|entry| index(db, entry))).await?;
    }
    Ok(())
}

/// One transaction of a repair. False, and nothing is changed, if there were not as many `repairs` before.
fn repair_sums(db: &Connection, chunk: &[(Holder, Vec<Difference>)], repairs: i64) -> DbResult<bool> {
    let counted = "UPDATE ledger_repairs SET count = count + 1 WHERE count = ?";
    if db.prepare_cached(counted)?.execute([repairs])? == 0 {
        return Ok(false);
    }
    for (holder, differences) in chunk {
        match holder {
            Holder::Participation(id) => repair_participation(db, id, differences)?,
            Holder::Rollup(id, quarter, campaign) => repair_rollup(db, id, *quarter, campaign, differences)?,
            Holder::Campaign(id) => correct(db, "campaigns", "id = ?", &[id], differences)?,
            Holder::Account(id) => repair_account(db, id, differences)?,
        }
    }
    Ok(true)
}

/// One that is gone has no counters. One that holds nothing has no row of them.
fn repair_participation(db: &Connection, id: &String, differences: &[Difference]) -> DbResult<()> {
    let columns = counters::COLUMNS;
    let add = format!(
        "INSERT INTO participation_counters (participation_id, {columns}) SELECT id, {} FROM participations WHERE id = ? \
         ON CONFLICT (participation_id) DO NOTHING",
        zeros()
    );
    db.prepare_cached(&add)?.execute([id])?;
    correct(db, "participation_counters", "participation_id = ?", &[id], differences)?;
    let delete = format!(
        "DELETE FROM participation_counters WHERE participation_id = ? AND ({columns}) = ({})",
        zeros()
    );
    db.prepare_cached(&delete)?.execute([id])?;
    Ok(())
}

/// One that holds nothing is none: no entry stands behind it.
fn repair_rollup(
    db: &Connection,
    participation: &String,
    quarter: i64,
    campaign: &String,
    differences: &[Difference],
) -> DbResult<()> {
    let columns = counters::COLUMNS;
    let add = format!(
        "INSERT INTO rollups (quarter_ms, participation_id, campaign_id, {columns}) VALUES (?, ?, ?, {}) \
         ON CONFLICT (quarter_ms, participation_id) DO NOTHING",
        zeros()
    );
    db.prepare_cached(&add)?.execute((quarter, participation, campaign))?;
    let of_key = "quarter_ms = ? AND participation_id = ?";
    correct(db, "rollups", of_key, &[&quarter, participation], differences)?;
    let delete = format!("DELETE FROM rollups WHERE {of_key} AND ({columns}) = ({})", zeros());
    db.prepare_cached(&delete)?.execute((quarter, participation))?;
    Ok(())
}

fn repair_account(db: &Connection, streamer: &String, differences: &[Difference]) -> DbResult<()> {
    let add = "INSERT INTO accounts (streamer_id, settled_micros, paid_micros) VALUES (?, 0, 0) \
               ON CONFLICT (streamer_id) DO NOTHING";
    db.prepare_cached(add)?.execute([streamer])?;
    correct(db, "accounts", "streamer_id = ?", &[streamer], differences)
}

/// Adds what the fields of one row lack.
fn correct(
    db: &Connection,
    table: &str,
    condition: &str,
    key: &[&dyn ToSql],
    differences: &[Difference],
) -> DbResult<()> {
    let mut sets = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for &Difference { field, stored, expected } in differences {
        // A peak cannot be added to. If it has been raised since, it is looked at again.
        let lacking = if field == counters::PEAK { 0 } else { expected.saturating_sub(stored) };
        sets.push(format!("{field} = CASE {field} WHEN ? THEN ? ELSE {field} + ? END"));
        values.extend([stored, expected, lacking].map(|value| -> Box<dyn ToSql> { Box::new(value) }));
    }
    let sql = format!("UPDATE {table} SET {} WHERE {condition}", sets.join(", "));
    let values = values.iter().map(AsRef::as_ref).chain(key.iter().copied());
    db.prepare(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Indexes an entry unless that was done meanwhile.
fn index(db: &Connection, Unindexed { digest, number, indexed, .. }: &Unindexed) -> DbResult<()> {
    match indexed {
        None => {
            let sql = "INSERT INTO ledger_ids (digest, number) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING";
            db.prepare_cached(sql)?.execute((digest, number))?;
        }
        Some(indexed) => {
            let sql = "UPDATE ledger_ids SET number = ? WHERE digest = ? AND number = ?";
            db.prepare_cached(sql)?.execute((number, digest, indexed))?;
        }
    }
    Ok(())
}

fn zeros() -> String {
    counters::PLACES.replace('?', "0")
}
