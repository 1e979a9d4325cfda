//! What was on a screen when it was read, and how long that is so.

use bytes::Bytes;
use gametriggers_domain::{decision::Basis, eligibility::EmptyReason};
use gametriggers_types::{CampaignId, DecisionId, ParticipationId, RejectionReason, Timestamp};

/// Campaigns of which an empty screen is known to depend at most. Of a streamer who has joined more it depends on everything.
pub(crate) const JOINED_MAX: u32 = 256;

/// What was on a screen when it was read, and is as long as nothing changes.
pub(crate) struct Content {
    pub(crate) what: Shown,
    /// When it is over by time alone.
    pub(crate) until: Timestamp,
    /// As it is sent, where a page has asked for it.
    pub(crate) rendering: Option<Rendering>,
}

/// What is on a screen.
pub(crate) enum Shown {
    Campaign(Display),
    TestAd,
    Empty { reason: EmptyReason, joined: Joined },
}

/// The campaigns any of which would fill an empty screen if something about it changed.
pub(crate) enum Joined {
    These(Box<[CampaignId]>),
    /// More than are remembered.
    TooMany,
}

impl From<Vec<CampaignId>> for Joined {
    fn from(campaigns: Vec<CampaignId>) -> Self {
        let is_whole = u32::try_from(campaigns.len()).is_ok_and(|count| count < JOINED_MAX);
        if is_whole { Self::These(campaigns.into()) } else { Self::TooMany }
    }
}

/// Whom an event on a screen is credited to, or why to nobody.
pub(crate) type Credit = Result<Display, RejectionReason>;

impl Shown {
    pub(crate) const fn credit(&self) -> Credit {
        match self {
            Self::Campaign(display) => Ok(*display),
            Self::TestAd => Err(RejectionReason::TestAd),
            Self::Empty { reason: EmptyReason::Blackout, .. } => Err(RejectionReason::Blackout),
            Self::Empty { reason: EmptyReason::NoCampaign | EmptyReason::StreamerInactive, .. } => {
                Err(RejectionReason::NothingOnScreen)
            }
        }
    }
}

/// A campaign on a screen, put there by a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Display {
    pub(crate) decision: DecisionId,
    pub(crate) campaign: CampaignId,
    pub(crate) participation: ParticipationId,
    /// What pays for its impressions.
    pub(crate) basis: Basis,
    /// When it began.
    pub(crate) from: Timestamp,
    /// When it ended, or will if nothing ends it before.
    pub(crate) until: Timestamp,
}

/// A screen in the form in which it is sent.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The HTTP entity tag, in quotes: another one for each other body.
    pub entity_tag: Bytes,
    /// What is sent.
    pub body: Bytes,
}
