//! The one door through which counters and money change.

use async_trait::async_trait;
use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Discrepancy, Entity, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{Money, ParticipationId, Quarter, RejectionReason};
use rusqlite::{Connection, Row};

use crate::{
    SqliteStore, campaigns, counters,
    error::DbResult,
    participations, reconcile,
    row::{EntityRow, signed, text},
};

#[async_trait]
impl Ledger for SqliteStore {
    async fn record(&self, batch: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        let batch = batch.to_vec();
        self.database.write(move |db| batch.iter().map(|entry| record_one(db, entry)).collect()).await
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        let id = id.clone();
        self.database.read(move |db| find(db, &id)).await
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        self.database
            .read(move |db| {
                db.prepare_cached("SELECT * FROM rollups WHERE participation_id = ? ORDER BY quarter_ms")?
                    .query_and_then([text(participation)], rollup_from_row)?
                    .collect()
            })
            .await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        if repair {
            self.database.write(reconcile::repair).await
        } else {
            self.database.read(reconcile::find).await
        }
    }
}

/// Judges and stores one entry. Runs inside the batch's transaction, so that money and counters read here are what the
/// entries before it left.
fn record_one(db: &Connection, entry: &Entry) -> DbResult<Outcome> {
    if let Some(stored) = find(db, &entry.id)? {
        return Ok(Outcome::Duplicate { participation: stored.entry.participation, verdict: stored.verdict });
    }
    let missing = |entity, id: String| StorageError::Missing { entity, id };
    let participation = participations::find(db, entry.participation)?
        .ok_or_else(|| missing(Entity::Participation, text(entry.participation)))?;
    let campaign = campaigns::find(db, entry.campaign)?
        .ok_or_else(|| missing(Entity::Campaign, text(entry.campaign)))?;
    let verdict =
        entry.judge(&campaign.payment, participation.counters.paid_units, campaign.remaining_budget);
    insert_entry(db, entry, &verdict)?;
    match verdict {
        Verdict::Counted(accrual) => {
            credit(db, entry, &verdict)?;
            charge(db, entry, accrual.amount)?;
            Ok(Outcome::Counted(accrual))
        }
        Verdict::Rejected(reason) => Ok(Outcome::Rejected(reason)),
    }
}

fn insert_entry(db: &Connection, entry: &Entry, verdict: &Verdict) -> DbResult<()> {
    let (accrual, rejection) = match *verdict {
        Verdict::Counted(accrual) => (accrual, None),
        Verdict::Rejected(reason) => (Accrual::default(), Some(reason.as_str())),
    };
    db.prepare_cached("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute((
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
    ))?;
    Ok(())
}

/// Adds the entry to its participation's counters and to the rollup of its quarter-hour.
fn credit(db: &Connection, entry: &Entry, verdict: &Verdict) -> DbResult<()> {
    let participation = text(entry.participation);
    let values = counters::values(&Counters::of(entry.kind, verdict));
    db.prepare_cached(&format!("UPDATE participations SET {} WHERE id = ?", counters::ADD))?
        .execute(&*counters::with(&[], &values, &[&participation]))?;
    let quarter = Quarter::containing(entry.at).start().as_millisecond();
    let campaign = text(entry.campaign);
    let sql = format!(
        "INSERT INTO rollups (participation_id, quarter_ms, campaign_id, {}) VALUES (?, ?, ?, {}) \
         ON CONFLICT (participation_id, quarter_ms) DO UPDATE SET {}",
        counters::COLUMNS,
        counters::PLACES,
        counters::ADD
    );
    let mut row = counters::with(&[&participation, &quarter, &campaign], &values, &[]);
    row.extend(counters::with(&[], &values, &[]));
    db.prepare_cached(&sql)?.execute(&*row)?;
    Ok(())
}

/// Takes the price from the campaign; the condition can only fail if the judgement above was wrong.
fn charge(db: &Connection, entry: &Entry, amount: Money) -> DbResult<()> {
    if amount == Money::ZERO {
        return Ok(());
    }
    let sql = "UPDATE campaigns SET remaining_micros = remaining_micros - ?1 WHERE id = ?2 AND remaining_micros >= ?1";
    let changed = db.prepare_cached(sql)?.execute((amount.micros(), text(entry.campaign)))?;
    if changed == 1 {
        Ok(())
    } else {
        let message = format!("the budget of campaign {} does not cover {amount}", entry.campaign);
        Err(StorageError::Backend(message.into()).into())
    }
}

fn find(db: &Connection, id: &EntryId) -> DbResult<Option<StoredEntry>> {
    db.prepare_cached("SELECT * FROM ledger_entries WHERE id = ?")?
        .query_and_then([id.as_str()], entry_from_row)?
        .next()
        .transpose()
}

pub(crate) fn entry_from_row(row: &Row<'_>) -> DbResult<StoredEntry> {
    let row = EntityRow::new(row, Entity::LedgerEntry, "id")?;
    let rejection: Option<String> = row.get("rejection")?;
    let rejection = rejection.map(|reason| row.check("rejection", reason.parse())).transpose()?;
    let accrual = Accrual {
        paid: row.count("paid_units")?,
        unpaid: row.count("unpaid_units")?,
        amount: row.money("amount_micros")?,
    };
    Ok(StoredEntry {
        entry: Entry {
            id: EntryId::stored(row.get("id")?),
            participation: row.parse("participation_id")?,
            campaign: row.parse("campaign_id")?,
            kind: row.parse("kind")?,
            units: row.count("units")?,
            at: row.time("at_ms")?,
            // Want of money is the ledger's own verdict; every other reason was submitted with the entry.
            rejected: rejection.filter(|reason| *reason != RejectionReason::BudgetExhausted),
        },
        verdict: rejection.map_or(Verdict::Counted(accrual), Verdict::Rejected),
    })
}

fn rollup_from_row(row: &Row<'_>) -> DbResult<Rollup> {
    let row = EntityRow::new(row, Entity::Rollup, "participation_id")?;
    Ok(Rollup {
        quarter: Quarter::containing(row.time("quarter_ms")?),
        campaign: row.parse("campaign_id")?,
        counters: counters::read(&row)?,
    })
}
