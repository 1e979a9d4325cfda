//! The one door through which counters and money change.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gametriggers_domain::{
    batch::{Batch, Charge, Credit, Unknown},
    ledger::{Counters, Entry, EntryId, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Discrepancy, Entity, Ledger, Outcome, Rollup, StorageError, StoredEntry};
use gametriggers_types::{CampaignId, ParticipationId, Quarter, RejectionReason};
use rusqlite::{Connection, Row};

use crate::{
    SqliteStore, campaigns, counters,
    error::DbResult,
    reconcile,
    row::{EntityRow, signed, text},
};

#[async_trait]
impl Ledger for SqliteStore {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        self.database.write(move |db| record(db, &batch)).await
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

/// Judges and stores a batch, within its transaction: each participation, campaign and quarter-hour that it names is read
/// once and changed once.
fn record(db: &Connection, entries: &[Entry]) -> DbResult<Vec<Outcome>> {
    let mut batch = Batch::new(entries);
    for entry in entries {
        if let Some(StoredEntry { entry, verdict }) = find(db, &entry.id)? {
            batch.knows(entry.id, entry.participation, verdict);
        }
    }
    let (participations, campaigns) = batch.named();
    for id in participations {
        let paid_units = paid_units(db, id)?.ok_or_else(|| missing(Unknown::Participation(id)))?;
        batch.holds(id, Counters { paid_units, ..Counters::default() });
    }
    for id in campaigns {
        let (payment, remaining) =
            campaigns::find_purse(db, id)?.ok_or_else(|| missing(Unknown::Campaign(id)))?;
        batch.pays(id, payment, remaining);
    }
    let judged = batch.judge().map_err(missing)?;
    insert_entries(db, &judged.entries)?;
    add_credits(db, &judged.credits)?;
    add_to_rollups(db, &judged.rollups)?;
    take_charges(db, &judged.charges)?;
    Ok(judged.outcomes)
}

fn missing(unknown: Unknown) -> StorageError {
    let (entity, id) = match unknown {
        Unknown::Participation(id) => (Entity::Participation, text(id)),
        Unknown::Campaign(id) => (Entity::Campaign, text(id)),
    };
    StorageError::Missing { entity, id }
}

fn paid_units(db: &Connection, id: ParticipationId) -> DbResult<Option<u64>> {
    let sql = "SELECT id, paid_units FROM participations WHERE id = ?";
    db.prepare_cached(sql)?
        .query_and_then([text(id)], |row| {
            EntityRow::new(row, Entity::Participation, "id")?.count("paid_units")
        })?
        .next()
        .transpose()
}

fn insert_entries(db: &Connection, entries: &[(&Entry, Verdict)]) -> DbResult<()> {
    let mut insert = db.prepare_cached("INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for (entry, verdict) in entries {
        let (accrual, rejection) = match *verdict {
            Verdict::Counted(accrual) => (accrual, None),
            Verdict::Rejected(reason) => (Accrual::default(), Some(reason.as_str())),
        };
        insert.execute((
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
    }
    Ok(())
}

fn add_credits(db: &Connection, credits: &BTreeMap<ParticipationId, Credit>) -> DbResult<()> {
    let mut update =
        db.prepare_cached(&format!("UPDATE participations SET {} WHERE id = ?", counters::ADD))?;
    for (id, credit) in credits {
        update.execute(&*counters::with(&[], &counters::values(&credit.added), &[&text(id)]))?;
    }
    Ok(())
}

fn add_to_rollups(
    db: &Connection,
    rollups: &BTreeMap<(ParticipationId, Quarter), (CampaignId, Counters)>,
) -> DbResult<()> {
    let mut upsert = db.prepare_cached(&format!(
        "INSERT INTO rollups (participation_id, quarter_ms, campaign_id, {}) VALUES (?, ?, ?, {}) \
         ON CONFLICT (participation_id, quarter_ms) DO UPDATE SET {}",
        counters::COLUMNS,
        counters::PLACES,
        counters::ADD
    ))?;
    for ((participation, quarter), (campaign, sums)) in rollups {
        let (participation, quarter) = (text(participation), quarter.start().as_millisecond());
        let (campaign, values) = (text(campaign), counters::values(sums));
        let mut row = counters::with(&[&participation, &quarter, &campaign], &values, &[]);
        row.extend(counters::with(&[], &values, &[]));
        upsert.execute(&*row)?;
    }
    Ok(())
}

/// Takes what was spent; the condition can only fail if the judgement was wrong.
fn take_charges(db: &Connection, charges: &BTreeMap<CampaignId, Charge>) -> DbResult<()> {
    let sql = "UPDATE campaigns SET remaining_micros = remaining_micros - ?1 WHERE id = ?2 AND remaining_micros >= ?1";
    let mut update = db.prepare_cached(sql)?;
    for (campaign, Charge { amount, .. }) in charges {
        if update.execute((amount.micros(), text(campaign)))? != 1 {
            let message = format!("the budget of campaign {campaign} does not cover {amount}");
            return Err(StorageError::Backend(message.into()).into());
        }
    }
    Ok(())
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
