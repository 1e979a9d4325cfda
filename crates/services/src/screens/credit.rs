//! The campaign that an event on a screen is credited to, as far as the screen tells it. Nothing in this file makes a decision.

use gametriggers_domain::model::User;
use gametriggers_persistence::StorageError;
use gametriggers_types::{CampaignId, DecisionId, ScreenToken, Timestamp};

use super::{Credit, DisplayedCampaign, OverlayService, ScreenOwner};
use crate::memory::{CachedContent, ContentKind, ReadStamp};

impl OverlayService {
    /// Returns the owner of the screen that the token addresses, and the [`Credit`] of an event on it. Reads only the memory.
    /// Returns `None` if the owner is not in memory, and no credit if the content of the screen is not.
    pub(crate) fn owner_and_credit(&self, token: &str) -> Option<(ScreenOwner, Option<Credit>)> {
        let screen = self.memory.screen(token)?;
        let credit = self.memory.content(&screen, self.clock.now()).map(|content| content.kind.credit());
        Some((screen.owner, credit))
    }

    /// Begins a read of the store. [`keep_in_force`](Self::keep_in_force) may keep the result of that read.
    pub(crate) fn begin_read(&self) -> ReadStamp {
        self.memory.begin_read()
    }

    /// Keeps in memory the campaign that is in force on the user's screen, so that the next event need not read the store. The
    /// entry has no rendering, so the next page that asks still reads the store.
    pub(crate) fn keep_in_force(
        &self,
        read: ReadStamp,
        token: &str,
        user: &User,
        displayed: DisplayedCampaign,
        until: Timestamp,
    ) {
        let Some(token) = ScreenToken::parse(token) else { return };
        let content = CachedContent { kind: ContentKind::Campaign(displayed), until, rendering: None };
        self.memory.keep_screen(read, &token, user, Some(content));
    }

    /// Returns the campaign that a decision put on its screen; `None` if there is no such decision or the decision is empty. The
    /// answer may come from memory. Then `until` may be later than the actual end if the decision was ended early a moment ago.
    pub(crate) async fn displayed_by(
        &self,
        id: DecisionId,
    ) -> Result<Option<DisplayedCampaign>, StorageError> {
        if let Some(displayed) = self.memory.displayed(id) {
            return Ok(Some(displayed));
        }
        let read = self.memory.begin_read();
        let Some(stored) = self.storage.decisions.find(id).await? else { return Ok(None) };
        let Some((campaign, participation)) = stored.decision.shown() else { return Ok(None) };
        let until = stored.decision.actual_end(stored.successor_from);
        // A clock that runs ahead may have dated the beginning of the display into the future. The display has begun by now, and
        // it began before its successor did.
        let now = self.clock.now();
        let from = if stored.decision.is_ahead_of(now) { now } else { stored.decision.from }.min(until);
        let basis = stored.decision.basis;
        let displayed = DisplayedCampaign { decision: id, campaign, participation, basis, from, until };
        self.memory.keep_displayed(read, displayed);
        Ok(Some(displayed))
    }

    /// Invalidates all screens in this process's memory that show the campaign.
    pub(crate) fn invalidate_campaign(&self, campaign: CampaignId) {
        self.memory.invalidate_campaign(campaign);
    }
}
