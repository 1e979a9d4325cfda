//! What one streamer's screen shows for a while, and the tally of time that each decision carries to the next.

use std::collections::BTreeMap;

use gametriggers_types::{CampaignId, DecisionId, ParticipationId, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    eligibility::EmptyReason,
    selection::{LONGEST_WAIT, Selection},
};

/// How far the clocks of instances may be apart. A decision that begins later than this after whoever reads it was made
/// by a clock that runs ahead: it is superseded instead of holding the screen until then.
pub const CLOCKS_AGREE_WITHIN: SignedDuration = SignedDuration::from_mins(2);

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

/// A stored decision: the first one written under its id is the only one there will ever be. When it is old, it may be
/// [shortened](Self::shortened).
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
    /// Whether it has begun, to the precision of clocks, and has ended neither by time nor by settings of a greater
    /// version. Whether what it shows may still be shown, and whether it has a successor, is for the caller to know.
    #[must_use]
    pub fn is_current(&self, now: Timestamp, settings_version: u64) -> bool {
        !self.is_ahead_of(now) && now < self.until && self.settings_version >= settings_version
    }

    /// Whether it begins so far in the future that the clock of whoever made it runs ahead of the one that reads `now`.
    #[must_use]
    pub fn is_ahead_of(&self, now: Timestamp) -> bool {
        self.from.duration_since(now) > CLOCKS_AGREE_WITHIN
    }

    /// When the decision that follows this one begins, if it is made at `now`: not before this one, unless this one is
    /// [ahead](Self::is_ahead_of).
    #[must_use]
    pub fn successor_from(&self, now: Timestamp) -> Timestamp {
        if self.is_ahead_of(now) { now } else { self.from.max(now) }
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

    /// When it ended or will end, given when its successor, if any, was made. That is before its beginning where it was
    /// superseded for being [ahead](Self::is_ahead_of).
    #[must_use]
    pub fn actual_end(&self, successor_from: Option<Timestamp>) -> Timestamp {
        successor_from.map_or(self.until, |from| from.min(self.until))
    }

    /// The short form, in which a decision may be kept when no receipt can name it any more and it has a successor. It
    /// says what was shown from when until when, and how that was drawn: strategy, seed, number of candidates, and the
    /// pick with its probability. The shares of the others and the tally are gone.
    #[must_use]
    pub fn shortened(self) -> Self {
        let content = match self.content {
            Content::Campaign(selection) => Content::Campaign(selection.shortened()),
            empty @ Content::Empty { .. } => empty,
        };
        Self { content, tally: Tally::default(), ..self }
    }
}

/// How long a broadcast may pause: six hours without a decision end it.
const BROADCAST_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// Of how many campaigns that are no candidates the time is kept at most.
pub const AWAY_MAX: usize = 32;

/// Who was on screen how long in the current broadcast of one streamer: the candidates of the last decision that had any,
/// and at most [`AWAY_MAX`] others whose time would make a difference if they came back.
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
    /// added, or empty where a broadcast has ended in between. Nothing was on screen later than `now`, nor for less than
    /// no time, whatever a clock said.
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
        for time in tally.0.values_mut() {
            time.last = time.last.map(|last| last.min(now));
        }
        tally
    }

    /// Makes `candidates` the candidates of the next decision, which is made at `now`, and forgets what would make no
    /// difference.
    ///
    /// One that was none of the last decision's enters with the greater of its own time and the least of those that
    /// were (where none was, with the greatest of the broadcast, as those others may come back): being new gives the
    /// next slot, not a monopoly.
    pub fn admit(&mut self, candidates: &[CampaignId], now: Timestamp) {
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
        self.forget(now);
    }

    /// Forgets campaigns that are no candidates: those that would come back with the same time if nothing were known of
    /// them, and the others beyond [`AWAY_MAX`], those with the least time first.
    ///
    /// Who comes back enters with the least time of the candidates at least, and that never shrinks in a broadcast. So
    /// an own time that is not greater makes no difference, now or later; and who is forgotten all the same comes back
    /// level with the least, which is no monopoly. When a campaign was last on screen is of use to `weighted` for
    /// [`LONGEST_WAIT`]; to `fair-rotation`, one that is forgotten was shown longest ago.
    fn forget(&mut self, now: Timestamp) {
        let candidates = self.0.values().filter(|time| time.candidate);
        let Some(least_ms) = candidates.map(|time| time.total_ms).min() else { return };
        self.0.retain(|_, time| {
            let waits = time.last.is_some_and(|last| now.duration_since(last) < LONGEST_WAIT);
            time.candidate || time.total_ms > least_ms || waits
        });
        let away = self.0.iter().filter(|(_, time)| !time.candidate);
        let mut away: Vec<_> = away.map(|(&campaign, time)| (time.total_ms, time.last, campaign)).collect();
        if let Some(too_many @ 1..) = away.len().checked_sub(AWAY_MAX) {
            away.sort_unstable();
            for (_, _, campaign) in away.drain(..too_many) {
                self.0.remove(&campaign);
            }
        }
    }

    /// How many campaigns it says something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it says nothing of any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time of one campaign.
    #[must_use]
    pub fn of(&self, campaign: CampaignId) -> ScreenTime {
        self.0.get(&campaign).copied().unwrap_or_default()
    }
}
