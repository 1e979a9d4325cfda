//! Decisions of what a streamer's screen shows, and the tally of screen time that each decision passes to the next.

use std::collections::BTreeMap;

use gametriggers_types::{CampaignId, DecisionId, ParticipationId, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::selection::{LONGEST_WAIT, Selection};

/// The greatest difference between the clocks of two instances that is tolerated. If a decision begins later than this
/// after the reader's time, the clock that made it runs ahead. The reader then makes a new decision instead of waiting
/// until the old one begins.
pub const CLOCKS_AGREE_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// What the impressions of a decision are paid by. It is fixed when the decision is made, so that impressions are not
/// paid twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The audience cannot be measured: the display counts as one impression.
    Display,
    /// The audience is measured: viewer-minutes are counted.
    Viewers,
}

impl Basis {
    /// The other basis, which does not pay for this decision.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Display => Self::Viewers,
            Self::Viewers => Self::Display,
        }
    }
}

/// Why a streamer's screen is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyReason {
    /// A blackout period of the streamer is in force.
    Blackout,
    /// There is no eligible campaign.
    NoCampaign,
    /// The account is deactivated, or the user is not a streamer.
    StreamerInactive,
}

/// What is on screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// The campaign that was picked.
    Campaign(Selection),
    /// Nothing. An empty decision ends the one before it but does not hold the screen: as soon as a campaign is
    /// eligible, a new decision follows.
    Empty {
        /// Why the screen is empty.
        reason: EmptyReason,
    },
}

/// A stored decision. The first decision stored under an id is the only one there will ever be. An old decision may be
/// [shortened](Self::shortened).
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The streamer, and the decision's number among the streamer's decisions.
    pub id: DecisionId,
    /// When it was made.
    pub from: Timestamp,
    /// The planned end: the end of the slot, or earlier if the campaign ends or a blackout period begins. A successor
    /// may end the decision earlier.
    pub until: Timestamp,
    /// The start of its slot.
    pub slot_start: Timestamp,
    /// The version of the selection settings under which it was made.
    pub settings_version: u64,
    /// What its impressions are paid by.
    pub basis: Basis,
    /// What is on screen.
    pub content: Content,
    /// The screen time of each campaign in this broadcast before this decision.
    pub tally: Tally,
}

impl Decision {
    /// Whether the decision has begun (to the precision of the clocks) and has ended neither by time nor by newer
    /// settings. The caller has to check that the campaign may still be shown and that there is no successor.
    #[must_use]
    pub fn is_current(&self, now: Timestamp, settings_version: u64) -> bool {
        !self.is_ahead_of(now) && now < self.until && self.settings_version >= settings_version
    }

    /// Whether the decision begins so far after `now` that the clock that made it must run ahead.
    #[must_use]
    pub fn is_ahead_of(&self, now: Timestamp) -> bool {
        self.from.duration_since(now) > CLOCKS_AGREE_WITHIN
    }

    /// When the successor of this decision begins if it is made at `now`. It does not begin before this decision,
    /// unless this one is [ahead](Self::is_ahead_of).
    #[must_use]
    pub fn successor_from(&self, now: Timestamp) -> Timestamp {
        if self.is_ahead_of(now) { now } else { self.from.max(now) }
    }

    /// The draw; `None` if the screen is empty.
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

    /// When the decision ended or will end, given the beginning of its successor, if it has one. The end is before the
    /// beginning if the decision was superseded because it was [ahead](Self::is_ahead_of).
    #[must_use]
    pub fn actual_end(&self, successor_from: Option<Timestamp>) -> Timestamp {
        successor_from.map_or(self.until, |from| from.min(self.until))
    }

    /// The short form of a decision. A decision may be shortened when it has a successor and no receipt can name it any
    /// more.
    ///
    /// The short form keeps what was shown from when until when, and how it was drawn: strategy, seed, number of
    /// candidates, and the picked candidate with its probability. It drops the other candidates and the tally.
    #[must_use]
    pub fn shortened(self) -> Self {
        let content = match self.content {
            Content::Campaign(selection) => Content::Campaign(selection.shortened()),
            empty @ Content::Empty { .. } => empty,
        };
        Self { content, tally: Tally::default(), ..self }
    }
}

/// A broadcast ends after six hours without a decision.
const BROADCAST_ENDS_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// The greatest number of campaigns in a tally that are not candidates.
pub const AWAY_MAX: usize = 32;

/// The screen time of each campaign in a streamer's current broadcast. It holds the candidates of the latest decision
/// with candidates, and at most [`AWAY_MAX`] other campaigns whose time would matter if they came back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<CampaignId, ScreenTime>);

/// One campaign's time on screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScreenTime {
    total_ms: i64,
    last: Option<Timestamp>,
    /// Whether the campaign was a candidate of the latest decision with candidates.
    candidate: bool,
}

impl ScreenTime {
    /// How long the campaign was on screen. May include time that [`Tally::admit`] credited.
    #[must_use]
    pub const fn total(&self) -> SignedDuration {
        SignedDuration::from_millis(self.total_ms)
    }

    /// When the campaign was last on screen.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

impl Tally {
    /// The tally for a decision made at `now`: the tally of the streamer's previous decision plus that decision's own
    /// screen time. Empty if the broadcast has ended in between.
    ///
    /// Clocks may be wrong, so a time on screen is never negative and never ends after `now`.
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

    /// Marks `candidates` as the candidates of the next decision, made at `now`, and forgets campaigns whose time no
    /// longer matters.
    ///
    /// A campaign that was not a candidate of the previous decision enters with at least the least time of the
    /// candidates that stayed. If none stayed, it enters with at least the greatest time of the broadcast, because the
    /// others may come back. So a new campaign gets the next slot, but not every slot until it has caught up.
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

    /// Forgets campaigns that are not candidates: those whose stored time makes no difference, and then those with the
    /// least time until at most [`AWAY_MAX`] are left.
    ///
    /// A campaign that comes back enters with at least the least time of the candidates, and that least time never
    /// shrinks during a broadcast. So a stored time that is not greater makes no difference, now or later. A campaign
    /// with a greater time that is forgotten comes back level with the candidate that has the least, which does not
    /// monopolise the screen.
    ///
    /// `weighted` needs the time of the last display for [`LONGEST_WAIT`], so campaigns shown more recently are kept.
    /// `fair-rotation` treats a forgotten campaign as shown longest ago.
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

    /// The number of campaigns in the tally.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the tally has no campaigns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The screen time of a campaign; zero if the tally does not have it.
    #[must_use]
    pub fn of(&self, campaign: CampaignId) -> ScreenTime {
        self.0.get(&campaign).copied().unwrap_or_default()
    }
}
