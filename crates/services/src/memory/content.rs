//! The content of a screen, as the memory keeps it.

use bytes::Bytes;
use gametriggers_domain::eligibility::EmptyReason;
use gametriggers_types::{CampaignId, RejectionReason, Timestamp};

use crate::screens::{Credit, DisplayedCampaign};

/// The memory keeps the joined campaigns of an empty screen only if there are fewer than this. Otherwise every
/// change in the store makes the screen in memory invalid.
pub(crate) const JOINED_MAX: u32 = 256;

/// The content of a screen at the time when it was read.
pub(crate) struct CachedContent {
    pub(crate) kind: ContentKind,
    /// The time at which the content ends although nothing changes in the store.
    pub(crate) until: Timestamp,
    /// The content in the form that pages get; `None` if no page has asked for it yet.
    pub(crate) rendering: Option<Rendering>,
}

/// The kinds of content.
pub(crate) enum ContentKind {
    Campaign(DisplayedCampaign),
    TestAd,
    Empty { reason: EmptyReason, joined: JoinedCampaigns },
}

/// The campaigns that the streamer of an empty screen has joined. A change of one of them may fill the screen. The list
/// is empty if no change of a campaign can fill the screen, for example during a blackout.
pub(crate) enum JoinedCampaigns {
    /// All joined campaigns.
    All(Box<[CampaignId]>),
    /// The joined campaigns were [too many](JOINED_MAX) to keep, or were not read.
    Unknown,
}

impl From<Vec<CampaignId>> for JoinedCampaigns {
    /// Takes a list that was read with the limit [`JOINED_MAX`]. A list of that length may lack campaigns.
    fn from(campaigns: Vec<CampaignId>) -> Self {
        let is_whole = u32::try_from(campaigns.len()).is_ok_and(|count| count < JOINED_MAX);
        if is_whole { Self::All(campaigns.into()) } else { Self::Unknown }
    }
}

impl ContentKind {
    /// The campaign that an event on the screen is credited to, or the reason why there is none.
    pub(crate) const fn credit(&self) -> Credit {
        match self {
            Self::Campaign(displayed) => Ok(*displayed),
            Self::TestAd => Err(RejectionReason::TestAd),
            Self::Empty { reason: EmptyReason::Blackout, .. } => Err(RejectionReason::Blackout),
            Self::Empty { reason: EmptyReason::NoCampaign | EmptyReason::StreamerInactive, .. } => {
                Err(RejectionReason::NothingOnScreen)
            }
        }
    }
}

/// A screen in the form in which the caller of [`render`](crate::OverlayService::render) sends it. The services keep both
/// parts and never look into them.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The version of the body, in whatever form the caller needs it. Two bodies that differ have different versions.
    pub version: Bytes,
    /// What is sent.
    pub body: Bytes,
}
