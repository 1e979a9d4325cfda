//! The log of what the clients have sent and how they were answered, and the ledger afterwards.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use gametriggers_domain::{
    ledger::EntryId,
    model::{Campaign, Participation},
};
use gametriggers_persistence::{StorageError, StoredEntry};
use gametriggers_types::ParticipationId;

use super::{super::clients::Event, stage::Stage};
use crate::support::TestStore;

/// The number of concurrent reads.
const AT_ONCE: usize = 16;
/// How often a read is tried.
const ATTEMPTS: usize = 10;

/// A viewer who follows the link of one participation. Only the servers know the ids of visits.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) joined: ParticipationId,
    /// The hours in which the viewer followed the link. A visit counts once in an hour.
    pub(super) hours: BTreeSet<i64>,
    /// Whether the viewer was led on by a server that was not killed later. Such a server records the visit before it ends.
    pub(super) is_acknowledged: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// Displays and clicks.
    pub(super) events: BTreeMap<EntryId, Event>,
    pub(super) visitors: Vec<Visitor>,
}

/// What the store holds after all servers have ended.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) campaign: Campaign,
    pub(super) participations: Vec<Participation>,
    /// All entries of the ledger, in the order in which they were recorded.
    pub(super) entries: Vec<StoredEntry>,
}

impl Ending {
    pub(super) async fn read(store: &TestStore, stage: &Stage) -> Self {
        let storage = store.repositories().await;
        let find = async |id| {
            let id = EntryId::stored(id);
            let found = patiently(async || storage.ledger.find_entry(&id).await).await;
            found.unwrap_or_else(|| panic!("{id} is stored and is not found"))
        };
        let ids = stream::iter(store.entries_in_order().await);
        let entries = ids.map(find).buffered(AT_ONCE).collect().await;
        let find = async |id| patiently(async || storage.participations.find_by_id(id).await).await.unwrap();
        let joined = stream::iter(stage.streamers.iter().map(|streamer| streamer.joined));
        let participations = joined.map(find).buffered(AT_ONCE).collect().await;
        let campaign =
            patiently(async || storage.campaigns.find_by_id(stage.campaign.id).await).await.unwrap();
        Self { campaign, participations, entries }
    }
}

/// Reads again if the store has not answered in time, because a busy machine may let this process wait for minutes.
async fn patiently<T>(read: impl AsyncFn() -> Result<T, StorageError>) -> T {
    let mut attempt = 1;
    loop {
        match read().await {
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => attempt += 1,
            found => return found.unwrap(),
        }
    }
}
