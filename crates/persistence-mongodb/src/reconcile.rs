//! Recomputes the values that follow from the entries of the ledger and the journal (counters, budgets, accounts and
//! rollups), and repairs those that differ.
//!
//! A survey finds the differences in one state of the store. It runs outside any transaction, because reading the
//! ledger may take longer than a transaction may last. A repair then adds each difference to the stored value. It does
//! not set the expected value, because the store may have recorded more entries since the survey, and these must still
//! count. (Only a peak is set, if it has not changed since the survey.)
//!
//! If two repairs added the same difference, the value would be wrong. Therefore the ledger counts repairs. A repair
//! stops as soon as the ledger has counted a repair of somebody else since the survey. A new survey then follows.

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
/// How many repairs are tried, each followed by a new survey, before the call fails.
const REPAIRS_MAX: u32 = 5;

/// Returns the differences of the first survey. With `repair`, also removes them.
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

/// The document whose field differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Participation(ParticipationId),
    Rollup(ParticipationId, Quarter, CampaignId),
    Campaign(CampaignId),
    /// The account of this streamer.
    Account(UserId),
}

/// A field whose stored value is not the expected one.
struct Difference {
    field: &'static str,
    stored: i64,
    expected: i64,
}

/// All differences in one state of the store.
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
