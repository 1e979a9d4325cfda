//! A streamer's profile and settings.

use std::sync::Arc;

use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_persistence::{OverlayPatch, Repositories, SelectionPatch, SelectionUpdate};
use gametriggers_types::{MediaType, ScreenToken, SignedDuration, Timestamp, UserId, WebUrl};

use crate::{Clock, ServiceError, entropy, error::require_streamer, memory::Memory};

/// An overlay that was seen less than this ago is active. It is the time of four missed pings.
pub const OVERLAY_ACTIVE_WITHIN: SignedDuration = SignedDuration::from_secs(120);
/// How long a test ad stays on screen.
pub const TEST_AD_LASTS: SignedDuration = SignedDuration::from_secs(10);

/// Whether a streamer's overlay is loaded somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverlayStatus {
    /// Seen within [`OVERLAY_ACTIVE_WITHIN`].
    pub active: bool,
    /// When it was last seen.
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

    /// The caller's account, with the role that is stored. The role in the bearer token does not count (defect A15).
    ///
    /// # Errors
    /// [`ServiceError::UnknownUser`], [`ServiceError::AccountInactive`], [`ServiceError::Storage`].
    pub async fn account(&self, id: UserId) -> Result<User, ServiceError> {
        let user = self.storage.users.find_by_id(id).await?.ok_or(ServiceError::UnknownUser(id))?;
        if user.is_active { Ok(user) } else { Err(ServiceError::AccountInactive) }
    }

    /// The caller's profile. A streamer who has no overlay token yet is given one.
    ///
    /// # Errors
    /// As [`account`](Self::account); [`ServiceError::Entropy`].
    pub async fn profile(&self, id: UserId) -> Result<User, ServiceError> {
        let mut user = self.account(id).await?;
        // Defect O28: two first requests at once made two tokens, and only one of them worked.
        if user.role.is_streamer() && user.overlay_token.is_none() {
            let token = entropy::new_token()?;
            let _invalidate = self.memory.invalidate_on_drop(id);
            user.overlay_token = self.storage.users.ensure_overlay_token(id, &token).await?;
        }
        Ok(user)
    }

    /// The caller's profile, if they are a streamer; `what` completes "only streamers can …".
    ///
    /// # Errors
    /// As [`profile`](Self::profile); [`ServiceError::NotStreamer`].
    pub async fn streamer(&self, id: UserId, what: &'static str) -> Result<User, ServiceError> {
        let user = self.profile(id).await?;
        require_streamer(&user, what)?;
        Ok(user)
    }

    /// Changes the overlay settings that the patch names.
    ///
    /// # Errors
    /// As [`streamer`](Self::streamer).
    pub async fn update_overlay(&self, id: UserId, patch: &OverlayPatch) -> Result<User, ServiceError> {
        let user = self.streamer(id, "update overlay settings").await?;
        if *patch == OverlayPatch::default() {
            return Ok(user);
        }
        let _invalidate = self.memory.invalidate_on_drop(id);
        let updated = self.storage.users.update_overlay(id, patch, self.clock.now()).await?;
        updated.ok_or(ServiceError::UnknownUser(id))
    }

    /// Changes the selection settings that the patch names. If any of them changes, the decision in force ends.
    ///
    /// # Errors
    /// As [`streamer`](Self::streamer); [`ServiceError::AllWeightsZero`].
    pub async fn update_selection(&self, id: UserId, patch: &SelectionPatch) -> Result<User, ServiceError> {
        let user = self.streamer(id, "update campaign selection settings").await?;
        // Settings that change nothing end no decision: the next decision would be one more display to pay.
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

    /// Makes the overlay token anew. The old overlay token is void then, and so are the tokens of all participations so far
    /// and all receipts.
    ///
    /// # Errors
    /// As [`streamer`](Self::streamer).
    pub async fn regenerate_overlay_token(&self, id: UserId) -> Result<ScreenToken, ServiceError> {
        self.streamer(id, "regenerate overlay tokens").await?;
        let token = entropy::new_token()?;
        let _invalidate = self.memory.invalidate_on_drop(id);
        let found = self.storage.users.regenerate_overlay_token(id, &token, self.clock.now()).await?;
        if found { Ok(token) } else { Err(ServiceError::UnknownUser(id)) }
    }

    /// Whether the caller's overlay is loaded somewhere. If an overlay token is given, it must be the caller's.
    ///
    /// # Errors
    /// As [`streamer`](Self::streamer); [`ServiceError::NotYourToken`].
    pub async fn overlay_status(
        &self,
        id: UserId,
        overlay_token: Option<&str>,
    ) -> Result<OverlayStatus, ServiceError> {
        let user = self.streamer(id, "check overlay status").await?;
        require_own_token(&user, overlay_token)?;
        Ok(self.status_of(&user))
    }

    /// Puts a test ad on the caller's screen for [`TEST_AD_LASTS`]. Returns false and does nothing if no overlay is active.
    ///
    /// # Errors
    /// As [`overlay_status`](Self::overlay_status).
    pub async fn show_test_ad(
        &self,
        id: UserId,
        overlay_token: Option<&str>,
        ad: TestAd,
    ) -> Result<bool, ServiceError> {
        let user = self.streamer(id, "test the overlay").await?;
        require_own_token(&user, overlay_token)?;
        if !self.status_of(&user).active {
            return Ok(false);
        }
        let expires_at = self.clock.now().saturating_add(TEST_AD_LASTS).unwrap_or(Timestamp::MAX);
        let TestAd { title, media_url, media_type } = ad;
        let test = TestCampaign { title, media_url, media_type, expires_at };
        let _invalidate = self.memory.invalidate_on_drop(id);
        Ok(self.storage.users.set_test_campaign(id, &test).await?)
    }

    fn status_of(&self, user: &User) -> OverlayStatus {
        let now = self.clock.now();
        let fresh = |seen: Timestamp| now.duration_since(seen) < OVERLAY_ACTIVE_WITHIN;
        OverlayStatus { active: user.overlay_last_seen.is_some_and(fresh), last_seen: user.overlay_last_seen }
    }
}

fn require_own_token(user: &User, given: Option<&str>) -> Result<(), ServiceError> {
    let own = user.overlay_token.as_ref().map(ScreenToken::expose);
    if given.is_none() || given == own { Ok(()) } else { Err(ServiceError::NotYourToken) }
}
