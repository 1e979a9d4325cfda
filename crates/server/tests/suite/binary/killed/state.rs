//! The state of the store while no server runs.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use gametriggers_domain::{
    ledger::{Counters, EntryId},
    model::{Campaign, Participation},
};
use gametriggers_persistence::{Discrepancy, Repositories, StoredEntry};
use gametriggers_types::{DecisionId, ParticipationId};

use super::{log::Log, stage::Stage};

/// The number of concurrent reads.
const AT_ONCE: usize = 16;

#[derive(Debug, Clone)]
pub(super) struct State {
    /// The entries of the sent clicks and of the displays of all decisions.
    pub(super) entries: BTreeMap<EntryId, StoredEntry>,
    /// The participation that each decision shows.
    pub(super) decisions: BTreeMap<DecisionId, Option<ParticipationId>>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) participations: Vec<Participation>,
    /// The sum of the rollups of all quarter-hours.
    pub(super) rollups: BTreeMap<ParticipationId, Counters>,
    pub(super) discrepancies: Vec<Discrepancy>,
}

impl State {
    pub(super) async fn read(storage: &Repositories, stage: &Stage, log: &Log) -> Self {
        loop {
            let before = participations(storage, stage).await;
            let all = Self::read_once(storage, stage, log).await;
            // A store may still be committing after the client that asked for the commit is dead.
            if all.participations == before {
                return all;
            }
        }
    }

    async fn read_once(storage: &Repositories, stage: &Stage, log: &Log) -> Self {
        let decisions = decisions(storage, stage).await;
        let displays = decisions.keys().map(|decision| EntryId::display(*decision));
        let find = async |id: EntryId| {
            let found = storage.ledger.find_entry(&id).await.unwrap();
            found.map(|entry| (id, entry))
        };
        let ids = stream::iter(log.events.keys().cloned().chain(displays));
        let entries = ids.map(find).buffer_unordered(AT_ONCE).filter_map(async |entry| entry).collect().await;

        let mut campaigns = Vec::new();
        for campaign in &stage.campaigns {
            campaigns.push(storage.campaigns.find_by_id(campaign.id).await.unwrap().unwrap());
        }
        let mut rollups = BTreeMap::new();
        for participation in stage.participations() {
            let sum: &mut Counters = rollups.entry(participation.id).or_default();
            for rollup in storage.ledger.list_rollups(participation.id).await.unwrap() {
                sum.add(&rollup.counters);
            }
        }
        let discrepancies = storage.ledger.reconcile(false).await.unwrap();
        let participations = participations(storage, stage).await;
        Self { entries, decisions, campaigns, participations, rollups, discrepancies }
    }
}

async fn participations(storage: &Repositories, stage: &Stage) -> Vec<Participation> {
    let mut participations = Vec::new();
    for joined in stage.participations() {
        participations.push(storage.participations.find_by_id(joined.id).await.unwrap().unwrap());
    }
    participations
}

async fn decisions(storage: &Repositories, stage: &Stage) -> BTreeMap<DecisionId, Option<ParticipationId>> {
    let mut decisions = BTreeMap::new();
    for streamer in &stage.streamers {
        let latest = storage.decisions.find_latest(streamer.id).await.unwrap();
        let latest = latest.map_or(0, |decision| decision.id.ordinal);
        for ordinal in 1..=latest {
            let id = DecisionId { streamer: streamer.id, ordinal };
            let stored = storage.decisions.find(id).await.unwrap();
            let stored =
                stored.unwrap_or_else(|| panic!("there is a decision after {id}, which is not stored"));
            decisions.insert(id, stored.decision.shown().map(|(_, participation)| participation));
        }
    }
    decisions
}
