//! Recomputing the projections of the ledger.

use std::collections::BTreeMap;

use gametriggers_domain::ledger::{Counters, Verdict};
use gametriggers_persistence::{Discrepancy, Entity};
use gametriggers_types::{Money, Quarter};
use rusqlite::{Connection, ToSql, Transaction};

use crate::{counters, error::DbResult, ledger::entry_from_row, row::EntityRow};

/// What the openings and entries add up to.
#[derive(Default)]
struct Projection {
    participations: BTreeMap<String, Counters>,
    remaining: BTreeMap<String, Money>,
    rollups: BTreeMap<(String, i64), Rollup>,
}

#[derive(Default)]
struct Rollup {
    campaign: String,
    counters: Counters,
}

pub(crate) fn find(db: &Connection) -> DbResult<Vec<Discrepancy>> {
    compare(db, &Projection::recompute(db)?)
}

pub(crate) fn repair(db: &Transaction<'_>) -> DbResult<Vec<Discrepancy>> {
    let projection = Projection::recompute(db)?;
    let found = compare(db, &projection)?;
    if !found.is_empty() {
        projection.store(db)?;
    }
    Ok(found)
}

impl Projection {
    fn recompute(db: &Connection) -> DbResult<Self> {
        let mut projection = Self::default();
        let mut openings = db.prepare("SELECT * FROM participation_openings")?;
        let mut rows = openings.query([])?;
        while let Some(row) = rows.next()? {
            let row = EntityRow::new(row, Entity::LedgerEntry, "participation_id")?;
            projection.participations.insert(row.get("participation_id")?, counters::read(&row)?);
        }
        let mut openings = db.prepare("SELECT campaign_id, remaining_micros FROM campaign_openings")?;
        let mut rows = openings.query([])?;
        while let Some(row) = rows.next()? {
            projection.remaining.insert(row.get(0)?, Money::from_micros(row.get(1)?));
        }
        let mut entries = db.prepare("SELECT * FROM ledger_entries WHERE rejection IS NULL")?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            let stored = entry_from_row(row)?;
            let Verdict::Counted(accrual) = stored.verdict else { continue };
            let added = Counters::of(stored.entry.kind, &stored.verdict);
            let participation = stored.entry.participation.to_string();
            let campaign = stored.entry.campaign.to_string();
            let quarter = Quarter::containing(stored.entry.at).start().as_millisecond();
            // Where there is no opening, the entries alone say nothing of what is held.
            if let Some(sums) = projection.participations.get_mut(&participation) {
                sums.add(&added);
            }
            if let Some(remaining) = projection.remaining.get_mut(&campaign) {
                *remaining -= accrual.amount;
            }
            let rollup = projection.rollups.entry((participation, quarter)).or_default();
            rollup.campaign = campaign;
            rollup.counters.add(&added);
        }
        Ok(projection)
    }

    /// Writes every projection anew; money that was not spent by an entry stays what the opening says.
    fn store(&self, db: &Connection) -> DbResult<()> {
        let mut delete = db.prepare("DELETE FROM participation_counters WHERE participation_id = ?")?;
        let mut is_there = db.prepare("SELECT 1 FROM participations WHERE id = ?")?;
        for (id, sums) in &self.participations {
            delete.execute([id])?;
            if is_there.exists([id])? {
                counters::add(db, id, sums)?;
            }
        }
        let mut update = db.prepare("UPDATE campaigns SET remaining_micros = ? WHERE id = ?")?;
        for (id, remaining) in &self.remaining {
            update.execute((remaining.micros(), id))?;
        }
        db.execute("DELETE FROM rollups", [])?;
        let mut insert =
            db.prepare(&format!("INSERT INTO rollups VALUES (?, ?, ?, {})", counters::PLACES))?;
        for ((participation, quarter), rollup) in &self.rollups {
            let key: [&dyn ToSql; 3] = [quarter, participation, &rollup.campaign];
            insert.execute(&*counters::with(&key, &counters::values(&rollup.counters), &[]))?;
        }
        Ok(())
    }
}

fn compare(db: &Connection, expected: &Projection) -> DbResult<Vec<Discrepancy>> {
    let mut found = Vec::new();
    let mut note = |entity, id: &str, sums: &Counters, row: &rusqlite::Row<'_>| -> DbResult<()> {
        for (field, expected) in counters::named(sums) {
            let stored: i64 = row.get(field)?;
            if stored != expected {
                found.push(Discrepancy { entity, id: id.to_owned(), field, stored, expected });
            }
        }
        Ok(())
    };

    let mut statement = db.prepare("SELECT * FROM participations_with_counters ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: String = row.get("id")?;
        // A row that did not come in through the store is unknown to the ledger, which has no word on it.
        if let Some(sums) = expected.participations.get(&id) {
            note(Entity::Participation, &id, sums, row)?;
        }
    }

    let mut unseen: BTreeMap<_, _> = expected.rollups.iter().collect();
    let mut statement = db.prepare("SELECT * FROM rollups ORDER BY participation_id, quarter_ms")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: (String, i64) = (row.get("participation_id")?, row.get("quarter_ms")?);
        let sums = unseen.remove(&key).map(|rollup| rollup.counters).unwrap_or_default();
        note(Entity::Rollup, &rollup_name(&key), &sums, row)?;
    }
    for (key, rollup) in unseen {
        let id = rollup_name(key);
        for (field, expected) in
            counters::named(&rollup.counters).into_iter().filter(|(_, value)| *value != 0)
        {
            found.push(Discrepancy { entity: Entity::Rollup, id: id.clone(), field, stored: 0, expected });
        }
    }

    let mut statement = db.prepare("SELECT id, remaining_micros FROM campaigns ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, stored): (String, i64) = (row.get(0)?, row.get(1)?);
        let Some(expected) = expected.remaining.get(&id).map(|remaining| remaining.micros()) else {
            continue;
        };
        if stored != expected {
            let field = "remaining_micros";
            found.push(Discrepancy { entity: Entity::Campaign, id, field, stored, expected });
        }
    }
    Ok(found)
}

fn rollup_name((participation, quarter): &(String, i64)) -> String {
    format!("{participation}:{quarter}")
}
