//! How far quotas were used.

use std::collections::BTreeMap;

use gametriggers_domain::{
    batch::{Batch, QuotaUse},
    ledger::{Entry, Verdict},
    quota::Quota,
};
use gametriggers_types::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::{error::DbResult, row::signed};

/// How many quotas are deleted for each that is used, at most: more than one, so that they become no more and more, and few,
/// so that no batch waits for all that are due.
const DELETED_PER_USE: u64 = 2;

/// Tells the batch how far the quotas of its new entries were used.
pub(super) fn read(db: &Connection, batch: &mut Batch<'_>) -> DbResult<()> {
    let mut find = db.prepare_cached("SELECT used FROM quotas WHERE since_ms = ? AND key = ?")?;
    for (key, since) in batch.quotas() {
        let used: Option<i64> = find.query_row((since.as_millisecond(), key), |row| row.get(0)).optional()?;
        // It counts up from 1.
        batch.used(key.to_owned(), used.map_or(0, i64::unsigned_abs));
    }
    Ok(())
}

/// Adds what was used, and deletes some of the quotas that are of no use any more at the time of the newest entry.
pub(super) fn add(
    db: &Connection,
    quotas: &BTreeMap<&str, QuotaUse>,
    entries: &[(&Entry, Verdict)],
) -> DbResult<()> {
    let Some(now) = entries.iter().map(|(entry, _)| entry.at).max().filter(|_| !quotas.is_empty()) else {
        return Ok(());
    };
    let sql = "INSERT INTO quotas VALUES (?, ?, ?)
               ON CONFLICT (since_ms, key) DO UPDATE SET used = used + excluded.used";
    let mut upsert = db.prepare_cached(sql)?;
    for (key, QuotaUse { since, added, .. }) in quotas {
        upsert.execute((since.as_millisecond(), key, signed(*added)))?;
    }
    let useless = now.saturating_sub(Quota::MATTERS_FOR).unwrap_or(Timestamp::MIN);
    let sql = "DELETE FROM quotas WHERE (since_ms, key) IN (
                   SELECT since_ms, key FROM quotas WHERE since_ms < ? ORDER BY since_ms, key LIMIT ?)";
    let at_most = signed((quotas.len() as u64).saturating_mul(DELETED_PER_USE));
    db.prepare_cached(sql)?.execute((useless.as_millisecond(), at_most))?;
    Ok(())
}
