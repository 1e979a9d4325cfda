//! Recomputing the projections of the ledger.
//!
//! What differs is found on one state of the store, outside any transaction: the ledger may be longer than a transaction
//! may last. A repair adds what was missing at that time instead of setting what was right then, so that entries
//! recorded since are kept. Adding the same twice would be wrong: repairs are counted in the ledger, and one that was
//! overtaken by another looks again.

mod repair;
mod survey;

use std::collections::BTreeMap;

use gametriggers_persistence::{Discrepancy, Entity, StorageError};
use gametriggers_types::{CampaignId, ParticipationId, Quarter, UserId};

use crate::MongoStore;

/// The fields of the amounts that a campaign holds.
const BUDGET: &str = "budget";
const REMAINING: &str = "remainingBudget";
/// The fields of the amounts that a streamer's account holds.
const SETTLED: &str = "settled";
const PAID: &str = "paid";
/// How often is looked again before repairs count as failed.
const REPAIRS_MAX: u32 = 5;

/// The differences and, with `repair`, an end to them.
pub(crate) async fn run(store: &MongoStore, repair: bool) -> Result<Vec<Discrepancy>, StorageError> {
    let first = survey::take(store).await?;
    let found = first.discrepancies();
    if !repair {
        return Ok(found);
    }
    let mut survey = first;
    for _ in 0..REPAIRS_MAX {
        if survey.differences.is_empty() {
            return Ok(found);
        }
        repair::run(store, &survey).await?;
        survey = survey::take(store).await?;
    }
    if survey.differences.is_empty() {
        return Ok(found);
    }
    Err(StorageError::Conflict("somebody goes on changing what the ledger repairs".into()))
}

/// Whose field differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Participation(ParticipationId),
    Rollup(ParticipationId, Quarter, CampaignId),
    Campaign(CampaignId),
    /// Of a streamer.
    Account(UserId),
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
    repairs: i64,
}

impl Survey {
    fn discrepancies(&self) -> Vec<Discrepancy> {
        let one = |holder: &Holder, difference: &Difference| {
            let (entity, id) = match holder {
                Holder::Participation(id) => (Entity::Participation, id.to_string()),
                Holder::Campaign(id) => (Entity::Campaign, id.to_string()),
                Holder::Account(id) => (Entity::Account, id.to_string()),
                Holder::Rollup(id, quarter, _) => {
                    (Entity::Rollup, format!("{id}:{}", quarter.start().as_millisecond()))
                }
            };
            let Difference { field, stored, expected } = *difference;
            Discrepancy { entity, id, field, stored, expected }
        };
        let all = self.differences.iter();
        all.flat_map(|(holder, fields)| fields.iter().map(move |field| one(holder, field))).collect()
    }
}
