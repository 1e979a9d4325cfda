//! Rollups: the sums of entries by participation and quarter-hour.

use std::collections::BTreeMap;

use gametriggers_domain::ledger::Counters;
use gametriggers_persistence::{Entity, Rollup};
use gametriggers_types::{CampaignId, ParticipationId, Quarter};
use rusqlite::{Connection, Row, ToSql};

use crate::{
    counters,
    error::DbResult,
    row::{EntityRow, text},
};

/// The rollups of a participation, the oldest first.
pub(super) fn list(db: &Connection, participation: ParticipationId) -> DbResult<Vec<Rollup>> {
    db.prepare_cached("SELECT * FROM rollups WHERE participation_id = ? ORDER BY quarter_ms")?
        .query_and_then([text(participation)], from_row)?
        .collect()
}

/// Adds to the rollups of these participations and quarter-hours, and inserts those that are missing.
pub(super) fn add(
    db: &Connection,
    rollups: &BTreeMap<(ParticipationId, Quarter), (CampaignId, Counters)>,
) -> DbResult<()> {
    let mut upsert = db.prepare_cached(&format!(
        "INSERT INTO rollups (quarter_ms, participation_id, campaign_id, {}) VALUES (?, ?, ?, {}) \
         ON CONFLICT (quarter_ms, participation_id) DO UPDATE SET {}",
        counters::COLUMNS,
        counters::PLACES,
        counters::ADD
    ))?;
    for ((participation, quarter), (campaign, sums)) in rollups {
        let (participation, quarter) = (text(participation), quarter.start().as_millisecond());
        let key: [&dyn ToSql; 3] = [&quarter, &participation, &text(campaign)];
        upsert.execute(&*counters::with(&key, &counters::values(sums), &[]))?;
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> DbResult<Rollup> {
    let row = EntityRow::new(row, Entity::Rollup, "participation_id")?;
    Ok(Rollup {
        quarter: Quarter::containing(row.time("quarter_ms")?),
        campaign: row.parse("campaign_id")?,
        counters: counters::read(&row)?,
    })
}
