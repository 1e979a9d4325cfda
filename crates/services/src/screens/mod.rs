//! Streamers' screens: from a token to what the screen shows, and to whom an event on the screen is credited.
//!
//! A request goes through these steps, one file each:
//! 1. [`resolve`]: the token gives the streamer whose screen it addresses.
//! 2. [`decide`]: the decision in force gives the campaign on the screen. If none is in force, the next decision is made
//!    and stored.
//! 3. [`receipt`]: the server signs what it shows.
//! 4. [`credit`]: an event is credited to the campaign that the screen shows or showed.
//!
//! Decisions are made and ended by what the store says. While nothing changes, a request is answered from
//! [memory](crate::memory).

mod clocks;
mod credit;
mod decide;
pub(crate) mod receipt;
mod resolve;
mod screen;

use std::sync::Arc;

use gametriggers_domain::{eligibility::EmptyReason, selection::ExplorationShare};
use gametriggers_persistence::Repositories;
use gametriggers_types::ScreenToken;

use self::clocks::Clocks;
use crate::{
    Clock, ServiceError,
    memory::{CachedContent, ContentKind, JOINED_MAX, JoinedCampaigns, Memory, Rendering},
    secrets::Secrets,
};

pub(crate) use screen::{Credit, DisplayedCampaign, in_force_until, test_ad_on_screen};

pub use resolve::ScreenOwner;
pub use screen::{OnScreen, Screen, ShownCampaign};

/// Says what is on a screen, and makes the decisions.
#[derive(Clone)]
pub struct OverlayService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    memory: Arc<Memory>,
    clocks: Clocks,
    exploration: ExplorationShare,
}

impl OverlayService {
    pub(crate) fn new(
        storage: Repositories,
        clock: Arc<dyn Clock>,
        secrets: Arc<Secrets>,
        memory: Arc<Memory>,
        exploration: ExplorationShare,
    ) -> Self {
        Self { storage, clock, secrets, memory, clocks: Clocks::new(), exploration }
    }

    /// Returns what is on the screen that the token addresses, in the form that `render` makes. Calls `render` only if that form
    /// is not in memory.
    ///
    /// May make a decision, as [`decide`](Self::decide) does.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`] if the token addresses no screen; [`ServiceError::Storage`]; the errors of `render`.
    pub async fn render<E: From<ServiceError>>(
        &self,
        token: &str,
        render: impl FnOnce(Screen) -> Result<Rendering, E>,
    ) -> Result<Rendering, E> {
        if let Some(screen) = self.memory.screen(token)
            && let Some(content) = self.memory.content(&screen, self.clock.now())
            && let Some(rendering) = &content.rendering
        {
            return Ok(rendering.clone());
        }
        let read = self.memory.begin_read();
        let (screen, until) = self.decide_until(token).await?;
        let kind = self.content_kind(&screen).await?;
        let user = screen.user.clone();
        let rendering = render(screen)?;
        if let Some(token) = ScreenToken::parse(token) {
            let content = CachedContent { kind, until, rendering: Some(rendering.clone()) };
            self.memory.keep_screen(read, &token, &user, Some(content));
        }
        Ok(rendering)
    }

    /// The content of the screen in the form that the memory keeps.
    async fn content_kind(&self, screen: &Screen) -> Result<ContentKind, ServiceError> {
        Ok(match &screen.on_screen {
            OnScreen::Campaign(shown) => ContentKind::Campaign(shown.displayed()),
            OnScreen::Test { .. } => ContentKind::TestAd,
            OnScreen::Empty(reason) => {
                let depends_on_campaigns = *reason == EmptyReason::NoCampaign;
                let joined = if !depends_on_campaigns {
                    JoinedCampaigns::All(Box::default())
                } else if self.memory.is_trusted() {
                    self.storage.participations.list_joined(screen.user.id, JOINED_MAX).await?.into()
                } else {
                    // The memory is not trusted and will probably not keep this screen, so the list of joined campaigns is not
                    // read.
                    JoinedCampaigns::Unknown
                };
                ContentKind::Empty { reason: *reason, joined }
            }
        })
    }
}
