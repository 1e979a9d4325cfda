//! Recomputing the projections of the ledger.
//!
//! What differs is found on one state of the store, by a connection that locks nobody out. A repair goes in short steps,
//! between which others write, and adds what was missing at that time instead of setting what was right then, so that
//! entries recorded since are kept. Adding the same twice would be wrong: repairs are counted in the store, and one that was
//! overtaken by another looks again.

mod index;
mod repair;
mod survey;

use std::collections::BTreeMap;

use gametriggers_persistence::{Discrepancy, Entity, StorageError};

use self::index::{TwiceStored, Unindexed};
use crate::{SqliteStore, database::STEP_WITHIN};

/// The columns of the amounts that a campaign holds.
const BUDGET: &str = "budget_micros";
const REMAINING: &str = "remaining_micros";
/// The columns of the amounts that a streamer's account holds.
const SETTLED: &str = "settled_micros";
const PAID: &str = "paid_micros";
/// How often is looked again before repairs count as failed.
const REPAIRS_MAX: u32 = 5;

/// The differences and, with `repair`, an end to those that can have one.
pub(crate) async fn run(store: &SqliteStore, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
    let database = store.database.within(STEP_WITHIN);
    let mut survey = database.read_at_length(survey::take).await?;
    let found = survey.discrepancies();
    if !repair {
        return Ok(found);
    }
    for _ in 0..REPAIRS_MAX {
        if survey.is_right() {
            return Ok(found);
        }
        repair::run(&database, survey).await?;
        survey = database.read_at_length(survey::take).await?;
    }
    if survey.is_right() {
        return Ok(found);
    }
    Err(StorageError::Conflict("somebody goes on changing what the ledger repairs".into()))
}

/// Whose field differs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Participation(String),
    /// Of a participation and quarter-hour, and paid by a campaign.
    Rollup(String, i64, String),
    Campaign(String),
    /// Of a streamer.
    Account(String),
}

/// A field whose value is not what it should be.
struct Difference {
    field: &'static str,
    stored: i64,
    expected: i64,
}

/// All that differs in one state of the store.
#[derive(Default)]
struct Survey {
    differences: BTreeMap<Holder, Vec<Difference>>,
    unindexed: Vec<Unindexed>,
    /// What no repair ends: entries are never deleted.
    twice: TwiceStored,
    repairs: i64,
}

impl Survey {
    /// Whether there is nothing to repair.
    fn is_right(&self) -> bool {
        self.differences.is_empty() && self.unindexed.is_empty()
    }

    fn note(&mut self, holder: &Holder, field: &'static str, stored: i64, expected: i64) {
        if stored != expected {
            self.differences.entry(holder.clone()).or_default().push(Difference { field, stored, expected });
        }
    }

    fn discrepancies(&self) -> Vec<Discrepancy> {
        let one = |holder: &Holder, difference: &Difference| {
            let (entity, id) = match holder {
                Holder::Participation(id) => (Entity::Participation, id.clone()),
                Holder::Campaign(id) => (Entity::Campaign, id.clone()),
                Holder::Account(id) => (Entity::Account, id.clone()),
                Holder::Rollup(id, quarter, _) => (Entity::Rollup, format!("{id}:{quarter}")),
            };
            let Difference { field, stored, expected } = *difference;
            Discrepancy { entity, id, field, stored, expected }
        };
        let all = self.differences.iter();
        let sums = all.flat_map(|(holder, fields)| fields.iter().map(move |field| one(holder, field)));
        let of_ids = self.unindexed.iter().map(Unindexed::discrepancy).chain(self.twice.discrepancies());
        sums.chain(of_ids).collect()
    }
}
