//! How many entries of each quota were paid.

use std::collections::BTreeMap;

use gametriggers_domain::{
    batch::{Batch, QuotaUse},
    ledger::{Entry, Verdict},
    quota::Quota,
};
use gametriggers_types::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::{error::DbResult, row::signed};

/// How many quotas are deleted at most for each quota that is used. It is more than one, so that the table does not
/// grow for ever, and small, so that no batch waits for the deletion of all quotas that are due.
const DELETED_PER_USE: u64 = 2;

/// Tells the batch how many entries were paid of each quota that its new entries name.
pub(super) fn read(db: &Connection, batch: &mut Batch<'_>) -> DbResult<()> {
    let mut find = db.prepare_cached("SELECT used FROM quotas WHERE since_ms = ? AND key = ?")?;
    for (key, since) in batch.quotas() {
        let used: Option<i64> = find.query_row((since.as_millisecond(), key), |row| row.get(0)).optional()?;
        // The stored number starts at 1 and only grows, so it is not negative.
        batch.used(key.to_owned(), used.map_or(0, i64::unsigned_abs));
    }
    Ok(())
}

/// Adds what the batch has used. Deletes some of the quotas that no longer matter at the time of the newest entry.
pub(super) fn add(
    db: &Connection,
    quotas: &BTreeMap<&str, QuotaUse>,
    entries: &[(&Entry, Verdict)],
) -> DbResult<()> {
    let Some(now) = entries.iter().map(|(entry, _)| entry.at).max().filter(|_| !quotas.is_empty()) else {
        return Ok(());
    };
    let sql = "INSERT INTO quotas (since_ms, key, used) VALUES (?, ?, ?)
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

#[cfg(test)]
mod tests {
    use gametriggers_domain::{
        ledger::{EntryId, EntryKind},
        price::Accrual,
    };
    use gametriggers_types::{ObjectId, SignedDuration, VisitSource};
    use rusqlite::params;

    use super::*;

    const SCHEMA: &str = include_str!("../../../../migrations/sqlite/V6__quotas.sql");

    fn hour(number: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(number)
    }

    /// A store with one quota for each hour. As many entries of it are paid as the hour's number says.
    fn used(hours: i64) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE ledger_entries (id TEXT) STRICT").unwrap();
        db.execute_batch(SCHEMA).unwrap();
        for number in 0..hours {
            let row = params![hour(number).as_millisecond(), format!("old:{number}"), number];
            db.execute("INSERT INTO quotas (since_ms, key, used) VALUES (?, ?, ?)", row).unwrap();
        }
        db
    }

    fn oldest_and_count(db: &Connection) -> (i64, i64) {
        let sql = "SELECT min(since_ms) / 3600000, count(*) FROM quotas";
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }

    /// Uses this number of new quotas of one hour.
    fn use_quotas(db: &Connection, number: i64, quotas: u64) {
        let id = ObjectId::from_bytes([0; 12]);
        let kind = EntryKind::Visit(VisitSource::Qr);
        let entry = Entry::new(EntryId::stored("new".to_owned()), kind, id.into(), id.into(), hour(number));
        let verdict = Verdict::Counted(Accrual::unpaid(1, None));
        let keys: Vec<_> = (0..quotas).map(|quota| format!("new:{quota}")).collect();
        let used = QuotaUse { since: hour(number), before: 0, added: 2 };
        let used = keys.iter().map(|key| (key.as_str(), used)).collect();
        add(db, &used, &[(&entry, verdict)]).unwrap();
    }

    #[test]
    fn quotas_that_are_of_no_use_any_more_go_a_few_at_a_time_and_the_others_stay() {
        let db = used(100);
        use_quotas(&db, 99, 1);
        assert_eq!(oldest_and_count(&db), (2, 99), "two for each that is used");
        use_quotas(&db, 99, 10);
        assert_eq!(oldest_and_count(&db), (22, 88));
        use_quotas(&db, 99, 200);
        // Quotas from the 96th hour on still matter.
        assert_eq!(oldest_and_count(&db), (96, 204));
        use_quotas(&db, 100, 0);
        assert_eq!(oldest_and_count(&db), (96, 204), "nothing is used");
    }
}
