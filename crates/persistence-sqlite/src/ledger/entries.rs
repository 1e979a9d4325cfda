//! The rows of the ledger: entries with their verdicts.

use gametriggers_domain::{
    ledger::{Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Entity, PaidEntry, StorageError, StoredEntry};
use gametriggers_types::{Listing, PageLimit, Timestamp, UnpaidReason};
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

/// A page of the entries that earned money in this time. An index holds just these entries.
pub(super) fn paid(
    db: &Connection,
    from: Timestamp,
    to: Timestamp,
    after: Option<PaidEntry>,
    limit: PageLimit,
) -> DbResult<Listing<StoredEntry, PaidEntry>> {
    let sql = "SELECT * FROM ledger_entries WHERE amount_micros > 0 AND at_ms >= ? AND at_ms < ? \
               AND (at_ms, id) > (?, ?) ORDER BY at_ms, id LIMIT ?";
    let (at, id) = after.map_or_else(
        || (i64::MIN, String::new()),
        |after| (after.at.as_millisecond(), after.id.as_str().to_owned()),
    );
    let least = from.as_millisecond().max(at);
    // One row more than the page has shows whether the list goes on.
    let one_more = limit.get() + 1;
    let mut list = db.prepare_cached(sql)?;
    let found = list.query_and_then((least, to.as_millisecond(), at, id, one_more), entry_from_row)?;
    Ok(page(found.collect::<DbResult<_>>()?, limit))
}

/// The page, of one entry more than the page has.
fn page(mut items: Vec<StoredEntry>, limit: PageLimit) -> Listing<StoredEntry, PaidEntry> {
    let goes_on = items.len() > limit.get() as usize;
    items.truncate(limit.get() as usize);
    let place = |last: &StoredEntry| PaidEntry { at: last.entry.at, id: last.entry.id.clone() };
    let next = items.last().filter(|_| goes_on).map(place);
    Listing { items, next }
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
