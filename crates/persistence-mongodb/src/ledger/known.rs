//! What this process remembers about the store, so that a batch need not read it again.
//!
//! This memory may be wrong, so statements that rely on it carry it as a condition. If they do not match the documents
//! that they are for, the transaction is begun again without the memory.

use std::collections::{HashMap, HashSet};

use gametriggers_types::{CampaignId, ParticipationId, Quarter};

use super::rollups::{Open, OpenRollup, RollupKey};

/// How many campaigns or participations are remembered. Beyond this number, all are forgotten and learnt again.
const MAX: usize = 200_000;
/// After how many batches without a repeated entry the next batch expects none. The same number holds for quotas.
const UNREPEATED: u32 = 64;

/// What a batch relies on without reading it.
#[derive(Default)]
pub(crate) struct Known {
    /// Campaigns that have an opening.
    campaigns: HashSet<CampaignId>,
    /// Participations that have an opening, and the quarter-hours of their open rollups.
    participations: HashMap<ParticipationId, Quarter>,
    /// The number of batches since the last entry that was stored before.
    unrepeated: u32,
    /// The number of batches since the last quota that was used before.
    unused: u32,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.campaigns.is_empty() && self.participations.is_empty()
    }

    /// Whether a batch takes its entries for new without looking. If one is not new, the server refuses it, and the
    /// batch is begun again.
    pub(super) fn expects_new_entries(&self) -> bool {
        self.unrepeated >= UNREPEATED
    }

    /// Whether a batch takes its quotas for unused without looking. If one is used, the server refuses it, and the batch is
    /// begun again.
    pub(super) fn expects_new_quotas(&self) -> bool {
        self.unused >= UNREPEATED
    }

    /// Whether the campaign has an opening.
    pub(super) fn has_campaign(&self, id: CampaignId) -> bool {
        self.campaigns.contains(&id)
    }

    /// Whether the participation has an opening, and an event of this quarter-hour can be added to its rollups without
    /// reading any of them.
    pub(super) fn has_participation(&self, id: ParticipationId, quarter: Quarter) -> bool {
        self.participations.get(&id).is_some_and(|open| quarter <= *open)
    }

    /// The participation's open rollup, as it was read, or otherwise as it is remembered.
    pub(super) fn open_rollup_of(
        &self,
        id: ParticipationId,
        read: &HashMap<ParticipationId, Option<OpenRollup>>,
    ) -> Open {
        match (read.get(&id), self.participations.get(&id)) {
            (None, Some(quarter)) => Open::Remembered(*quarter),
            (read, _) => Open::Read(read.copied().flatten()),
        }
    }

    /// Must be called after a commit, with what the transaction left behind. `was_repeated` says whether one of its
    /// entries was stored before, and `was_used` whether one of its quotas was used before.
    pub(super) fn learn(
        &mut self,
        campaigns: impl Iterator<Item = CampaignId>,
        open: Vec<RollupKey>,
        was_repeated: bool,
        was_used: bool,
    ) {
        self.unrepeated = if was_repeated { 0 } else { self.unrepeated.saturating_add(1) };
        self.unused = if was_used { 0 } else { self.unused.saturating_add(1) };
        if self.campaigns.len().max(self.participations.len()) > MAX {
            (self.campaigns, self.participations) = <_>::default();
        }
        self.campaigns.extend(campaigns);
        self.participations.extend(open);
    }

    /// Must be called after a transaction that failed. The next batches look their entries and quotas up. If what the transaction
    /// relied on is outdated, everything is forgotten.
    pub(super) fn doubt(&mut self, is_outdated: bool) {
        (self.unrepeated, self.unused) = (0, 0);
        if is_outdated {
            *self = Self::default();
        }
    }
}
