//! Surveys one state of the store: what the ledger and the journal add up to, and which stored values differ from it.

use std::collections::BTreeMap;

use gametriggers_domain::{
    journal::{Account, Movement},
    ledger::{Counters, Verdict},
};
use gametriggers_persistence::Entity;
use gametriggers_types::{Money, Quarter};
use rusqlite::Connection;

use super::{BUDGET, Holder, PAID, REMAINING, SETTLED, Survey, index::IndexCheck};
use crate::{counters, error::DbResult, journal, ledger::entries::entry_from_row, row::EntityRow};

/// What the openings, the entries and the journal add up to.
#[derive(Default)]
struct Projection {
    participations: BTreeMap<String, Counters>,
    remaining: BTreeMap<String, Money>,
    /// The budgets of campaigns whose budget was changed.
    budgets: BTreeMap<String, Money>,
    accounts: BTreeMap<String, Account>,
    rollups: BTreeMap<(String, i64), Rollup>,
}

#[derive(Default)]
struct Rollup {
    campaign: String,
    counters: Counters,
}

pub(super) fn take(db: &Connection) -> DbResult<Survey> {
    let repairs = db.query_row("SELECT count FROM ledger_repairs", [], |row| row.get(0))?;
    let mut survey = Survey { repairs, ..Survey::default() };
    let expected = Projection::recompute(db, &mut survey)?;
    compare_participations(db, &expected, &mut survey)?;
    compare_rollups(db, &expected, &mut survey)?;
    compare_campaigns(db, &expected, &mut survey)?;
    compare_accounts(db, &expected, &mut survey)?;
    Ok(survey)
}

impl Projection {
    fn recompute(db: &Connection, survey: &mut Survey) -> DbResult<Self> {
        let mut projection = Self::default();
        let mut openings = db.prepare("SELECT * FROM participation_openings")?;
        let mut rows = openings.query([])?;
        while let Some(row) = rows.next()? {
            let row = EntityRow::new(row, Entity::LedgerEntry, "id")?;
            projection.participations.insert(row.get("participation_id")?, counters::read(&row)?);
        }
        let mut openings = db.prepare("SELECT * FROM campaign_openings")?;
        let mut rows = openings.query([])?;
        while let Some(row) = rows.next()? {
            let row = EntityRow::new(row, Entity::LedgerEntry, "id")?;
            projection.remaining.insert(row.get("campaign_id")?, row.money(REMAINING)?);
        }
        projection.add_journal(db)?;
        let mut index = IndexCheck::begin(db)?;
        let mut entries = db.prepare("SELECT number, id, * FROM ledger_entries ORDER BY number")?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            index.look_at(row, survey)?;
            let stored = entry_from_row(row)?;
            let Verdict::Counted(accrual) = stored.verdict else { continue };
            let added = Counters::of(stored.entry.kind, &stored.verdict);
            let participation = stored.entry.participation.to_string();
            let campaign = stored.entry.campaign.to_string();
            let quarter = Quarter::containing(stored.entry.at).start().as_millisecond();
            // Without an opening, the entries alone do not say what a participation or a campaign holds.
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

    fn add_journal(&mut self, db: &Connection) -> DbResult<()> {
        let mut entries = db.prepare("SELECT * FROM journal ORDER BY number")?;
        let mut rows = entries.query([])?;
        while let Some(row) = rows.next()? {
            let movement = journal::from_row(row)?.movement;
            if let Movement::Budget { campaign, after, .. } = movement {
                self.budgets.insert(campaign.to_string(), after);
            }
            if let Some((campaign, change)) = movement.change_of_remaining()
                && let Some(remaining) = self.remaining.get_mut(&campaign.to_string())
            {
                *remaining += change;
            }
            if let Some((streamer, change)) = movement.change_of_account() {
                self.accounts.entry(streamer.to_string()).or_default().add(&change);
            }
        }
        Ok(())
    }
}

fn compare_participations(db: &Connection, expected: &Projection, survey: &mut Survey) -> DbResult<()> {
    let mut statement = db.prepare("SELECT * FROM participations_with_counters ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let row = EntityRow::new(row, Entity::Participation, "id")?;
        let id: String = row.get("id")?;
        // The ledger knows nothing about a row that was not inserted through the store.
        if let Some(sums) = expected.participations.get(&id) {
            compare(&row, sums, &Holder::Participation(id), survey)?;
        }
    }
    Ok(())
}

fn compare_rollups(db: &Connection, expected: &Projection, survey: &mut Survey) -> DbResult<()> {
    let mut unseen: BTreeMap<_, _> = expected.rollups.iter().collect();
    let mut statement = db.prepare("SELECT * FROM rollups")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let row = EntityRow::new(row, Entity::Rollup, "participation_id")?;
        let key: (String, i64) = (row.get("participation_id")?, row.get("quarter_ms")?);
        let sums = unseen.remove(&key).map(|rollup| rollup.counters).unwrap_or_default();
        compare(&row, &sums, &Holder::Rollup(key.0, key.1, row.get("campaign_id")?), survey)?;
    }
    for ((participation, quarter), rollup) in unseen {
        let holder = Holder::Rollup(participation.clone(), *quarter, rollup.campaign.clone());
        for (field, expected) in counters::named(&rollup.counters) {
            survey.note(&holder, field, 0, expected);
        }
    }
    Ok(())
}

fn compare_campaigns(db: &Connection, expected: &Projection, survey: &mut Survey) -> DbResult<()> {
    let mut statement = db.prepare("SELECT id, budget_micros, remaining_micros FROM campaigns")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let row = EntityRow::new(row, Entity::Campaign, "id")?;
        let id: String = row.get("id")?;
        let (budget, remaining) = (expected.budgets.get(&id), expected.remaining.get(&id));
        let holder = Holder::Campaign(id);
        for (field, expected) in [(BUDGET, budget), (REMAINING, remaining)] {
            if let Some(expected) = expected {
                survey.note(&holder, field, row.get(field)?, expected.micros());
            }
        }
    }
    Ok(())
}

fn compare_accounts(db: &Connection, expected: &Projection, survey: &mut Survey) -> DbResult<()> {
    let mut unseen: BTreeMap<_, _> = expected.accounts.iter().collect();
    let mut statement = db.prepare("SELECT * FROM accounts")?;
    let mut rows = statement.query([])?;
    let mut note = |id: &str, stored: (i64, i64), expected: &Account| {
        let holder = Holder::Account(id.to_owned());
        survey.note(&holder, SETTLED, stored.0, expected.settled.micros());
        survey.note(&holder, PAID, stored.1, expected.paid.micros());
    };
    while let Some(row) = rows.next()? {
        let row = EntityRow::new(row, Entity::Account, "streamer_id")?;
        let id: String = row.get("streamer_id")?;
        let sums = unseen.remove(&id).copied().unwrap_or_default();
        note(&id, (row.get(SETTLED)?, row.get(PAID)?), &sums);
    }
    for (id, sums) in unseen {
        note(id, (0, 0), sums);
    }
    Ok(())
}

fn compare(row: &EntityRow<'_, '_>, sums: &Counters, holder: &Holder, survey: &mut Survey) -> DbResult<()> {
    for (field, expected) in counters::named(sums) {
        survey.note(holder, field, row.get(field)?, expected);
    }
    Ok(())
}
