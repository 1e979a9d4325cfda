//! The screens in memory, by the tokens that address them.

use std::sync::Arc;

use gametriggers_domain::model::User;
use gametriggers_types::{CampaignId, ScreenToken, Timestamp};
use moka::sync::Cache;
use tokio::time::Instant;

use super::{
    CAPACITY, Memory,
    content::{CachedContent, ContentKind, JoinedCampaigns},
    validity::{LIFETIME, ReadStamp},
};
use crate::screens::ScreenOwner;

/// The screens by token. Two tokens may address the same screen; each token has its own entry.
pub(super) struct Screens {
    by_token: Cache<ScreenToken, Arc<CachedScreen>>,
}

/// The screen that a token addresses. The struct is small, because there are up to [`CAPACITY`] of them.
pub(crate) struct CachedScreen {
    pub(crate) owner: ScreenOwner,
    /// Whether the token is the owner's overlay token. Otherwise it is the token of one of their participations.
    pub(crate) is_overlay_token: bool,
    content: Option<CachedContent>,
    read: ReadStamp,
}

impl Screens {
    pub(super) fn new() -> Self {
        Self { by_token: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFETIME).build() }
    }
}

impl Memory {
    /// The screen that the token addresses, if it is in memory and its owner has not changed.
    pub(crate) fn screen(&self, token: &str) -> Option<Arc<CachedScreen>> {
        let now = Instant::now();
        if !self.validity.is_trusted_at(now) {
            return None;
        }
        let screen = self.screens.by_token.get(token)?;
        let is_valid =
            screen.read.is_young(now) && self.validity.is_unchanged(screen.read, screen.owner.id.object_id());
        is_valid.then_some(screen)
    }

    /// What is on a screen that [`screen`](Self::screen) has just returned, if it is in memory, has not ended at `now`, and
    /// no campaign that it depends on has changed.
    pub(crate) fn content<'a>(&self, screen: &'a CachedScreen, now: Timestamp) -> Option<&'a CachedContent> {
        let content = screen.content.as_ref().filter(|content| now < content.until)?;
        let is_unchanged =
            |campaign: CampaignId| self.validity.is_unchanged(screen.read, campaign.object_id());
        let is_valid = match &content.kind {
            ContentKind::Campaign(displayed) => is_unchanged(displayed.campaign),
            ContentKind::TestAd => true,
            ContentKind::Empty { joined: JoinedCampaigns::All(campaigns), .. } => {
                campaigns.iter().copied().all(is_unchanged)
            }
            ContentKind::Empty { joined: JoinedCampaigns::Unknown, .. } => {
                self.validity.is_everything_unchanged(screen.read)
            }
        };
        is_valid.then_some(content)
    }

    /// Keeps that the token addresses the screen of this user, and what is on the screen. If the user or campaign was
    /// invalidated since the read began, the entry is invalid from the beginning.
    pub(crate) fn keep_screen(
        &self,
        read: ReadStamp,
        token: &ScreenToken,
        user: &User,
        content: Option<CachedContent>,
    ) {
        if self.is_trusted() {
            let is_overlay_token = user.overlay_token.as_ref() == Some(token);
            let screen = CachedScreen { owner: user.into(), is_overlay_token, content, read };
            self.screens.by_token.insert(token.clone(), Arc::new(screen));
        }
    }
}
