//! What this process knows to be in the store because it was there before, so that a batch need not ask again.
//!
//! It is never believed: statements that rely on it carry its condition, and where they do not meet the documents that
//! they are for, the transaction is begun again without it.

use std::collections::{HashMap, HashSet};

use gametriggers_types::{CampaignId, ParticipationId, Quarter};

use super::rollups::{Open, OpenRollup, RollupKey};

/// How many of each kind are known at most; beyond that, all is forgotten and learnt anew.
const MAX: usize = 200_000;
/// After how many batches without a repetition none is expected in the next.
const UNREPEATED: u32 = 64;

/// What a batch takes for granted.
#[derive(Default)]
pub(crate) struct Known {
    /// Campaigns that have an opening.
    campaigns: HashSet<CampaignId>,
    /// Participations that have one, and the quarter-hours of the rollups that are kept with them.
    participations: HashMap<ParticipationId, Quarter>,
    /// How many batches there were since the last entry that was stored before.
    unrepeated: u32,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.campaigns.is_empty() && self.participations.is_empty()
    }

    /// Whether entries are taken to be new without looking. One that is not is refused by the server, and the batch begun
    /// again.
    pub(super) fn expects_new_entries(&self) -> bool {
        self.unrepeated >= UNREPEATED
    }

    /// Whether the campaign has an opening.
    pub(super) fn has_campaign(&self, id: CampaignId) -> bool {
        self.campaigns.contains(&id)
    }

    /// Whether the participation has an opening, and an event of this quarter-hour can be added to its rollups without reading
    /// any.
    pub(super) fn has_participation(&self, id: ParticipationId, quarter: Quarter) -> bool {
        self.participations.get(&id).is_some_and(|open| quarter <= *open)
    }

    /// The participation's open rollup: as it was read, or else as far as it is known.
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

    /// To be called when a transaction that left these behind is committed.
    pub(super) fn learn(
        &mut self,
        campaigns: impl Iterator<Item = CampaignId>,
        open: Vec<RollupKey>,
        was_repeated: bool,
    ) {
        self.unrepeated = if was_repeated { 0 } else { self.unrepeated.saturating_add(1) };
        if self.campaigns.len().max(self.participations.len()) > MAX {
            (self.campaigns, self.participations) = <_>::default();
        }
        self.campaigns.extend(campaigns);
        self.participations.extend(open);
    }

    /// To be called when a transaction failed: from now on entries are looked up. If what was relied on is not so any more, all
    /// of it is forgotten.
    pub(super) fn doubt(&mut self, is_outdated: bool) {
        self.unrepeated = 0;
        if is_outdated {
            *self = Self::default();
        }
    }
}
