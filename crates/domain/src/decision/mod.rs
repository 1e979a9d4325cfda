//! Decisions of what a streamer's screen shows, and what each decision passes to the next: the tally of screen time
//! ([`Tally`]) and the course of the broadcast ([`Broadcast`]).

mod broadcast;
mod next;
mod tally;

pub use broadcast::Broadcast;
pub use next::{Circumstances, empty_decision};
pub use tally::{AWAY_MAX, ScreenTime, Tally};

use gametriggers_types::{CampaignId, DecisionId, ParticipationId, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::basis::Basis;
use crate::selection::Selection;

/// The greatest difference between the clocks of two instances that is tolerated. A decision may begin later than the
/// reader's time. If it begins later by more than this difference, the clock of the instance that made it runs ahead.
/// The reader then makes a new decision, and does not wait until the old one begins.
pub const CLOCKS_AGREE_WITHIN: SignedDuration = SignedDuration::from_mins(2);

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
    /// Nothing. An empty decision ends the decision before it, but does not hold the screen. As soon as a campaign is
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
    /// When the decision was made. The decision begins at this time.
    pub from: Timestamp,
    /// The planned end: the end of the slot, or earlier if the campaign ends or a blackout period begins. A successor
    /// may end the decision earlier.
    pub until: Timestamp,
    /// The start of the decision's slot.
    pub slot_start: Timestamp,
    /// The version of the selection settings under which the decision was made.
    pub settings_version: u64,
    /// What the decision's impressions are paid by.
    pub basis: Basis,
    /// What is on screen.
    pub content: Content,
    /// The screen time of each campaign in this broadcast before this decision.
    pub tally: Tally,
    /// The course of the broadcast, including this decision.
    pub broadcast: Broadcast,
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

    /// When the successor of this decision begins, if the successor is made at `now`. A successor does not begin before
    /// this decision, unless this decision is [ahead](Self::is_ahead_of).
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

    /// When the decision ended or will end. `successor_from` is the beginning of its successor, if there is one. If the
    /// decision was superseded because it was [ahead](Self::is_ahead_of), its end is before its beginning.
    #[must_use]
    pub fn actual_end(&self, successor_from: Option<Timestamp>) -> Timestamp {
        successor_from.map_or(self.until, |from| from.min(self.until))
    }

    /// The short form of a decision. A decision may be shortened when it has a successor and no receipt can name it any
    /// more.
    ///
    /// The short form keeps what was shown from when until when, and how it was drawn: strategy, seed, number of
    /// candidates, and the picked candidate with its probability. It drops the other candidates, the tally and the
    /// course of the broadcast.
    #[must_use]
    pub fn shortened(self) -> Self {
        let content = match self.content {
            Content::Campaign(selection) => Content::Campaign(selection.shortened()),
            empty @ Content::Empty { .. } => empty,
        };
        Self { content, tally: Tally::default(), broadcast: Broadcast::default(), ..self }
    }
}
