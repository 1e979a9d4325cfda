//! A streamer's profile and settings.

use std::sync::Arc;

use gametriggers_domain::{
    access::{self, Actor, Inactive},
    model::{TestCampaign, User},
};
use gametriggers_persistence::{OverlayPatch, Repositories, SelectionPatch, SelectionUpdate};
use gametriggers_types::{MediaType, ScreenToken, SessionId, SignedDuration, Timestamp, UserId, WebUrl};

use crate::{Clock, ServiceError, entropy, error::denied, memory::Memory};

/// An overlay is active if it was seen less than this time ago. Four pings fit into this time.
pub const OVERLAY_ACTIVE_WITHIN: SignedDuration = SignedDuration::from_secs(120);
/// How long a test ad stays on screen.
pub const TEST_AD_LASTS: SignedDuration = SignedDuration::from_secs(10);

/// Whether a streamer's overlay is loaded in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverlayStatus {
    /// Whether the overlay was seen within [`OVERLAY_ACTIVE_WITHIN`].
    pub active: bool,
    /// When the overlay was last seen.
    pub last_seen: Option<Timestamp>,
}

/// A test ad that a streamer wants to see.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct TestAd {
    pub title: String,
    pub media_url: WebUrl,
    pub media_type: MediaType,
}

/// Reads and changes a streamer's profile and settings.
#[derive(Clone)]
pub struct StreamerService {
    storage: Repositories,
    clock: Arc<dyn Clock>,
    memory: Arc<Memory>,
}

impl StreamerService {
    pub(crate) fn new(storage: Repositories, clock: Arc<dyn Clock>, memory: Arc<Memory>) -> Self {
        Self { storage, clock, memory }
    }

    /// Loads the account of a bearer token and makes it the actor of the request. `session` is the session of the token, if the
    /// token names one.
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`] if the account is gone, [`ServiceError::AccountInactive`] if it is deactivated,
    /// [`ServiceError::Storage`].
    pub async fn actor(&self, id: UserId, session: Option<SessionId>) -> Result<Actor, ServiceError> {
        let user = self.storage.users.find_by_id(id).await?.ok_or(ServiceError::UnknownUser(id))?;
        Actor::new(user, session).map_err(|Inactive| ServiceError::AccountInactive)
    }

    /// The actor's profile. A streamer without an overlay token gets one.
    ///
    /// # Errors
    /// [`ServiceError::Entropy`], [`ServiceError::Storage`].
    pub async fn profile(&self, actor: &Actor) -> Result<User, ServiceError> {
        let mut user = actor.user().clone();
        // Defect O28: two concurrent first requests made two tokens, and only one of them worked.
        if user.role.is_streamer() && user.overlay_token.is_none() {
            let token = entropy::new_token()?;
            let _invalidate = self.memory.invalidate_on_drop(user.id);
            user.overlay_token = self.storage.users.ensure_overlay_token(user.id, &token).await?;
        }
        Ok(user)
    }

    /// The actor's profile, for their overlay settings and token.
    ///
    /// # Errors
    /// As [`profile`](Self::profile); [`ServiceError::NotStreamer`].
    pub async fn overlay_settings(&self, actor: &Actor) -> Result<User, ServiceError> {
        self.own_overlay(actor, "access overlay settings").await
    }

    /// The actor's profile, for the settings by which campaigns are selected.
    ///
    /// # Errors
    /// As [`profile`](Self::profile); [`ServiceError::NotStreamer`].
    pub async fn selection_settings(&self, actor: &Actor) -> Result<User, ServiceError> {
        self.own_selection(actor, "access campaign selection settings").await
    }

    /// Changes the overlay settings that the patch names, and returns the actor's new profile.
    ///
    /// # Errors
    /// As [`overlay_settings`](Self::overlay_settings).
    pub async fn update_overlay(&self, actor: &Actor, patch: &OverlayPatch) -> Result<User, ServiceError> {
        let user = self.own_overlay(actor, "update overlay settings").await?;
        let id = user.id;
        if *patch == OverlayPatch::default() {
            return Ok(user);
        }
        let _invalidate = self.memory.invalidate_on_drop(id);
        let updated = self.storage.users.update_overlay(id, patch, self.clock.now()).await?;
        updated.ok_or(ServiceError::UnknownUser(id))
    }

    /// Changes the selection settings that the patch names, and returns the actor's new profile. If any of the settings changes,
    /// the decision in force ends.
    ///
    /// # Errors
    /// As [`selection_settings`](Self::selection_settings); [`ServiceError::AllWeightsZero`].
    pub async fn update_selection(
        &self,
        actor: &Actor,
        patch: &SelectionPatch,
    ) -> Result<User, ServiceError> {
        let user = self.own_selection(actor, "update campaign selection settings").await?;
        let id = user.id;
        // A patch that changes nothing must not end a decision, because the next decision would be one more paid display.
        if !patch.changes(&user.selection) {
            return Ok(user);
        }
        let _invalidate = self.memory.invalidate_on_drop(id);
        match self.storage.users.update_selection(id, patch, self.clock.now()).await? {
            SelectionUpdate::Updated(user) => Ok(*user),
            SelectionUpdate::NotFound => Err(ServiceError::UnknownUser(id)),
            SelectionUpdate::AllWeightsZero => Err(ServiceError::AllWeightsZero),
        }
    }

    /// Replaces the overlay token. This revokes the old overlay token, the tokens of all earlier participations, and all
    /// receipts.
    ///
    /// # Errors
    /// As [`overlay_settings`](Self::overlay_settings).
    pub async fn regenerate_overlay_token(&self, actor: &Actor) -> Result<ScreenToken, ServiceError> {
        let id = self.own_overlay(actor, "regenerate overlay tokens").await?.id;
        let token = entropy::new_token()?;
        let _invalidate = self.memory.invalidate_on_drop(id);
        let found = self.storage.users.regenerate_overlay_token(id, &token, self.clock.now()).await?;
        if found { Ok(token) } else { Err(ServiceError::UnknownUser(id)) }
    }

    /// Whether the actor's overlay is loaded in a browser. If `overlay_token` is given, it must be the actor's.
    ///
    /// # Errors
    /// As [`overlay_settings`](Self::overlay_settings); [`ServiceError::NotYourToken`].
    pub async fn overlay_status(
        &self,
        actor: &Actor,
        overlay_token: Option<&str>,
    ) -> Result<OverlayStatus, ServiceError> {
        let user = self.named_overlay(actor, overlay_token, "check overlay status").await?;
        Ok(self.status_of(&user))
    }

    /// Puts a test ad on the actor's screen for [`TEST_AD_LASTS`]. Returns false and does nothing if no overlay is active.
    ///
    /// # Errors
    /// As [`overlay_status`](Self::overlay_status).
    pub async fn show_test_ad(
        &self,
        actor: &Actor,
        overlay_token: Option<&str>,
        ad: TestAd,
    ) -> Result<bool, ServiceError> {
        let user = self.named_overlay(actor, overlay_token, "test the overlay").await?;
        if !self.status_of(&user).active {
            return Ok(false);
        }
        let expires_at = self.clock.now().saturating_add(TEST_AD_LASTS).unwrap_or(Timestamp::MAX);
        let TestAd { title, media_url, media_type } = ad;
        let test = TestCampaign { title, media_url, media_type, expires_at };
        let _invalidate = self.memory.invalidate_on_drop(user.id);
        Ok(self.storage.users.set_test_campaign(user.id, &test).await?)
    }

    /// Returns the profile of an actor who may manage their overlay. `action` completes "only streamers can …".
    async fn own_overlay(&self, actor: &Actor, action: &'static str) -> Result<User, ServiceError> {
        access::manage_own_overlay(actor).map_err(denied(action))?;
        self.profile(actor).await
    }

    /// As [`own_overlay`](Self::own_overlay), and checks the overlay token if the request names one.
    async fn named_overlay(
        &self,
        actor: &Actor,
        overlay_token: Option<&str>,
        action: &'static str,
    ) -> Result<User, ServiceError> {
        let user = self.own_overlay(actor, action).await?;
        access::name_own_overlay(user.overlay_token.as_ref(), overlay_token).map_err(denied(action))?;
        Ok(user)
    }

    /// Returns the profile of an actor who may manage how campaigns are selected. `action` completes "only streamers can …".
    async fn own_selection(&self, actor: &Actor, action: &'static str) -> Result<User, ServiceError> {
        access::manage_own_selection(actor).map_err(denied(action))?;
        self.profile(actor).await
    }

    fn status_of(&self, user: &User) -> OverlayStatus {
        let now = self.clock.now();
        let fresh = |seen: Timestamp| now.duration_since(seen) < OVERLAY_ACTIVE_WITHIN;
        OverlayStatus { active: user.overlay_last_seen.is_some_and(fresh), last_seen: user.overlay_last_seen }
    }
}
