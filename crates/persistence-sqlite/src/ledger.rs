//! The ledger: records events, prices them, and changes counters and money.

pub(crate) mod entries;
pub(crate) mod ids;
mod quotas;
mod rollups;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gametriggers_domain::{
    batch::{Batch, Charge, Credit, Judged, Unknown},
    ledger::{Counters, Entry, EntryId},
};
use gametriggers_persistence::{
    Discrepancy, Entity, EntryPlace, Ledger, Outcome, Rollup, StorageError, StoredEntry,
};
use gametriggers_types::{CampaignId, Listing, ParticipationId, Timestamp};
use rusqlite::Connection;

use self::ids::Ids;
use crate::{
    SqliteStore, campaigns, counters,
    database::{begin, commit, lock},
    error::{DbResult, missing},
    reconcile,
    row::{EntityRow, text},
};

#[async_trait]
impl Ledger for SqliteStore {
    async fn record(&self, batch: Arc<[Entry]>) -> Result<Vec<Outcome>, StorageError> {
        let ids = self.ids.clone();
        let record = move |connection: &mut Connection| record(connection, &mut lock(&ids), &batch);
        self.database.with_writer_in_any_case(record).await
    }

    async fn find_entry(&self, id: &EntryId) -> Result<Option<StoredEntry>, StorageError> {
        let (id, ids) = (id.clone(), self.ids.clone());
        let find = move |connection: &mut Connection| {
            let db = connection.transaction()?;
            entries::find(&db, Ids::up_to_date(&mut lock(&ids), &db)?, &id)
        };
        self.database.with_writer(find).await
    }

    async fn list_rollups(&self, participation: ParticipationId) -> Result<Vec<Rollup>, StorageError> {
        self.database.read(move |db| rollups::list(db, participation)).await
    }

    async fn scan_paid(
        &self,
        from: Timestamp,
        to: Timestamp,
        after: Option<EntryPlace>,
    ) -> Result<Listing<StoredEntry, EntryPlace>, StorageError> {
        self.database.read(move |db| entries::scan_paid(db, from, to, after)).await
    }

    async fn reconcile(&self, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
        reconcile::run(self, repair).await
    }
}

/// Judges and stores a batch.
fn record(connection: &mut Connection, ids: &mut Option<Ids>, entries: &[Entry]) -> DbResult<Vec<Outcome>> {
    let db = begin(connection)?;
    let judged = judge(&db, Ids::up_to_date(ids, &db)?, entries)?;
    // While the batch is being stored, nothing is known of ids. If storing fails, the next batch reads them again.
    if let Some(mut known) = ids.take() {
        store(&db, &mut known, &judged)?;
        commit(db)?;
        *ids = Some(known);
    }
    Ok(judged.outcomes)
}

/// Judges the entries. Reads each participation, campaign and quota that the new entries name once.
fn judge<'a>(db: &Connection, ids: &Ids, entries: &'a [Entry]) -> DbResult<Judged<'a>> {
    let mut batch = Batch::new(entries);
    for entry in entries {
        if let Some(StoredEntry { entry, verdict }) = entries::find(db, ids, &entry.id)? {
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
    quotas::read(db, &mut batch)?;
    Ok(batch.judge().map_err(missing)?)
}

/// Stores the result. Changes each participation, campaign, rollup and quota once.
fn store(db: &Connection, ids: &mut Ids, judged: &Judged<'_>) -> DbResult<()> {
    entries::insert(db, ids, &judged.entries)?;
    add_credits(db, &judged.credits)?;
    rollups::add(db, &judged.rollups)?;
    quotas::add(db, &judged.quotas, &judged.entries)?;
    take_charges(db, &judged.charges)
}

/// How many units a participation was paid for; `None` if there is no such participation.
fn paid_units(db: &Connection, id: ParticipationId) -> DbResult<Option<u64>> {
    let id = text(id);
    let sql = "SELECT participation_id, paid_units FROM participation_counters WHERE participation_id = ?";
    let mut counted = db.prepare_cached(sql)?;
    let mut rows = counted.query([&id])?;
    if let Some(row) = rows.next()? {
        return EntityRow::new(row, Entity::Participation, "participation_id")?.count("paid_units").map(Some);
    }
    let is_there = db.prepare_cached("SELECT 1 FROM participations WHERE id = ?")?.exists([&id])?;
    Ok(is_there.then_some(0))
}

fn add_credits(db: &Connection, credits: &BTreeMap<ParticipationId, Credit>) -> DbResult<()> {
    credits.iter().try_for_each(|(id, credit)| counters::add(db, &text(id), &credit.added))
}

/// Takes what was spent from the budgets. The condition fails only if the judgement was wrong.
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
