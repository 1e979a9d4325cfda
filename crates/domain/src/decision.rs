//! What one streamer's screen shows for a while, and the tally of time that each decision carries to the next.

use std::collections::BTreeMap;

use gametriggers_types::{CampaignId, DecisionId, ParticipationId, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{eligibility::EmptyReason, selection::Selection};

/// What pays for the impressions of a decision. It is settled when the decision is made, so that only one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The audience cannot be measured: the display counts one impression.
    Display,
    /// The audience is measured: viewer-minutes count.
    Viewers,
}

impl Basis {
    /// The one that does not pay where this one does.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Display => Self::Viewers,
            Self::Viewers => Self::Display,
        }
    }
}

/// What is on screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// The campaign that was picked.
    Campaign(Selection),
    /// Nothing. It ends the decision before it and holds nothing: whatever becomes eligible follows at once.
    Empty {
        /// Why.
        reason: EmptyReason,
    },
}

/// A stored decision: the first one written under its id is the only one there will ever be.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The streamer, and the decision's number among theirs.
    pub id: DecisionId,
    /// When it was made.
    pub from: Timestamp,
    /// The end of its slot, or of what is known to end before; it ends earlier where a successor begins.
    pub until: Timestamp,
    /// The beginning of its slot.
    pub slot_start: Timestamp,
    /// The version of the selection settings under which it was made.
    pub settings_version: u64,
    /// What pays for its impressions.
    pub basis: Basis,
    /// What is on screen.
    pub content: Content,
    /// Who was shown how long in this broadcast before it.
    pub tally: Tally,
}

impl Decision {
    /// Whether it has ended neither by time nor by settings of a greater version. Whether what it shows may still be
    /// shown, and whether it has a successor, is for the caller to know.
    #[must_use]
    pub fn is_current(&self, now: Timestamp, settings_version: u64) -> bool {
        now < self.until && self.settings_version >= settings_version
    }

    /// The draw, where a campaign is on screen.
    #[must_use]
    pub const fn selection(&self) -> Option<&Selection> {
        match &self.content {
            Content::Campaign(selection) => Some(selection),
            Content::Empty { .. } => None,
        }
    }

    /// The campaign and participation on screen.
    #[must_use]
    pub fn shown(&self) -> Option<(CampaignId, ParticipationId)> {
        self.selection().map(|selection| (selection.picked().campaign, selection.picked().participation))
    }

    /// When it ended or will end, given when its successor, if any, was made.
    #[must_use]
    pub fn actual_end(&self, successor_from: Option<Timestamp>) -> Timestamp {
        successor_from.map_or(self.until, |from| from.min(self.until))
    }
}

/// How long a broadcast may pause: six hours without a decision end it.
const BROADCAST_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// Who was on screen how long in the current broadcast of one streamer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<CampaignId, ScreenTime>);

/// One campaign's time on screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenTime {
    total_ms: i64,
    last: Option<Timestamp>,
    /// It was a candidate of the last decision that had any.
    candidate: bool,
}

impl ScreenTime {
    /// How long it was on screen, or is taken to have been.
    #[must_use]
    pub const fn total(&self) -> SignedDuration {
        SignedDuration::from_millis(self.total_ms)
    }

    /// When it was last on screen.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

impl Tally {
    /// The tally that a decision made at `now` inherits from the streamer's one before: with that one's own time
    /// added, or empty where a broadcast has ended in between.
    #[must_use]
    pub fn inherited(previous: Option<&Decision>, now: Timestamp) -> Self {
        let Some(previous) = previous else {
            return Self::default();
        };
        let end = previous.actual_end(Some(now));
        if now.duration_since(end) >= BROADCAST_ENDS_AFTER {
            return Self::default();
        }
        let mut tally = previous.tally.clone();
        if let Some((campaign, _)) = previous.shown() {
            let time = tally.0.entry(campaign).or_default();
            let millis = end.duration_since(previous.from).as_millis().max(0);
            time.total_ms += i64::try_from(millis).unwrap_or(i64::MAX);
            time.last = Some(end);
        }
        tally
    }

    /// Makes `candidates` the candidates of the next decision.
    ///
    /// One that was none of the last decision's enters with the greater of its own time and the least of those that
    /// were (where none was, with the greatest of the broadcast, as those others may come back): being new gives the
    /// next slot, not a monopoly.
    pub fn admit(&mut self, candidates: &[CampaignId]) {
        let stayed = |campaign: CampaignId| self.0.get(&campaign).filter(|time| time.candidate);
        let least_of_stayed = candidates.iter().copied().filter_map(stayed).map(|time| time.total_ms).min();
        let greatest_of_broadcast = || self.0.values().map(|time| time.total_ms).max();
        let entry_ms = least_of_stayed.or_else(greatest_of_broadcast).unwrap_or(0);
        let entering: Vec<_> = candidates.iter().copied().filter(|&id| stayed(id).is_none()).collect();
        for campaign in entering {
            let time = self.0.entry(campaign).or_default();
            time.total_ms = time.total_ms.max(entry_ms);
        }
        for time in self.0.values_mut() {
            time.candidate = false;
        }
        for &campaign in candidates {
            self.0.entry(campaign).or_default().candidate = true;
        }
    }

    /// The time of one campaign.
    #[must_use]
    pub fn of(&self, campaign: CampaignId) -> ScreenTime {
        self.0.get(&campaign).copied().unwrap_or_default()
    }
}
