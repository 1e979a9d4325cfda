//! The rows of the ledger: entries with their verdicts.

use gametriggers_domain::{
    ledger::{Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Entity, EntryPlace, StorageError, StoredEntry};
use gametriggers_types::{Listing, Timestamp, UnpaidReason};
use rusqlite::{Connection, Row};

use super::ids::Ids;
use crate::{
    error::DbResult,
    row::{EntityRow, signed, text},
};

/// Inserts entries with their verdicts, and indexes some of the ids that are not in the index yet.
pub(super) fn insert(db: &Connection, ids: &mut Ids, entries: &[(&Entry, Verdict)]) -> DbResult<()> {
    let sql = "INSERT INTO ledger_entries (number, id, participation_id, campaign_id, kind, units, at_ms, paid_units, \
         unpaid_units, amount_micros, rejection, unpaid_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for (entry, verdict) in entries {
        let (accrual, rejection) = match *verdict {
            Verdict::Counted(accrual) => (accrual, None),
            Verdict::Rejected(reason) => (Accrual::default(), Some(reason.as_str())),
        };
        insert.execute((
            ids.add(&entry.id),
            entry.id.as_str(),
            text(entry.participation),
            text(entry.campaign),
            text(entry.kind),
            signed(entry.units),
            entry.at.as_millisecond(),
            signed(accrual.paid),
            signed(accrual.unpaid),
            accrual.amount.micros(),
            rejection,
            accrual.reason.map(UnpaidReason::as_str),
        ))?;
    }
    ids.index(db, entries.len())
}

/// Finds an entry by its id. `ids` has to be up to date.
///
/// # Errors
/// If the store cannot be read, or the index of ids leads to another entry.
pub(super) fn find(db: &Connection, ids: &Ids, id: &EntryId) -> DbResult<Option<StoredEntry>> {
    let Some(number) = ids.find(db, id)? else { return Ok(None) };
    let mut read = db.prepare_cached("SELECT * FROM ledger_entries WHERE number = ?")?;
    let stored = read.query_and_then([number], entry_from_row)?.next().transpose()?;
    match stored {
        Some(stored) if stored.entry.id == *id => Ok(Some(stored)),
        _ => {
            let message = format!("the index of ids says that entry {number} is {id}, and it is not");
            Err(StorageError::Backend(message.into()).into())
        }
    }
}

/// How many entries one step of a scan looks at.
const SCAN_STEP: i64 = 10_000;

/// One step of a scan of the entries that earned money in this time. The place is the number of the last entry that was looked
/// at.
pub(super) fn scan_paid(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    after: Option<EntryPlace>,
) -> DbResult<Listing<StoredEntry, EntryPlace>> {
    let unknown =
        |EntryPlace(place)| StorageError::Backend(format!("`{place}` is no place in the ledger").into());
    let after = after.map(|place| place.0.parse::<i64>().map_err(|_| unknown(place))).transpose()?;
    let after = after.unwrap_or(0);
    let last: Option<i64> =
        db.prepare_cached("SELECT max(number) FROM ledger_entries")?.query_row([], |row| row.get(0))?;
    let until = after.saturating_add(SCAN_STEP);
    let sql = "SELECT * FROM ledger_entries WHERE number > ? AND number <= ? \
               AND amount_micros > 0 AND at_ms >= ? AND at_ms < ? ORDER BY number";
    let mut statement = db.prepare_cached(sql)?;
    let time = (from.as_millisecond(), to.as_millisecond());
    let found = statement.query_and_then((after, until, time.0, time.1), entry_from_row)?;
    let goes_on = last.is_some_and(|last| until < last);
    Ok(Listing {
        items: found.collect::<DbResult<_>>()?,
        next: goes_on.then(|| EntryPlace(until.to_string())),
    })
}

/// Reads an entry with its verdict from a row of `ledger_entries`.
pub(crate) fn entry_from_row(row: &Row<'_>) -> DbResult<StoredEntry> {
    let row = EntityRow::new(row, Entity::LedgerEntry, "id")?;
    let verdict = match row.optional("rejection")? {
        Some(reason) => Verdict::Rejected(reason),
        None => Verdict::Counted(Accrual {
            paid: row.count("paid_units")?,
            unpaid: row.count("unpaid_units")?,
            amount: row.money("amount_micros")?,
            reason: row.optional("unpaid_reason")?,
        }),
    };
    let id = EntryId::stored(row.get("id")?);
    let (participation, campaign) = (row.parse("participation_id")?, row.parse("campaign_id")?);
    let entry = Entry::new(id, row.parse("kind")?, participation, campaign, row.time("at_ms")?);
    let entry = Entry { units: row.count("units")?, ..entry };
    Ok(StoredEntry { entry: entry.submitted(&verdict), verdict })
}
