//! Finds the streamer whose screen a token addresses.

use gametriggers_domain::model::User;
use gametriggers_persistence::StorageError;
use gametriggers_types::{ScreenToken, Timestamp, UserId};

use super::OverlayService;
use crate::ServiceError;

/// The streamer whose screen a token addresses, with the fields that are needed to credit an event.
#[derive(Debug, Clone, Copy)]
pub struct ScreenOwner {
    /// The streamer.
    pub id: UserId,
    /// When the streamer last replaced their overlay token. Receipts that were signed before are void.
    pub tokens_revoked_at: Option<Timestamp>,
    /// When the overlay was last seen, as of the time at which the streamer was read.
    pub overlay_last_seen: Option<Timestamp>,
}

impl From<&User> for ScreenOwner {
    fn from(user: &User) -> Self {
        let User { id, tokens_revoked_at, overlay_last_seen, .. } = *user;
        Self { id, tokens_revoked_at, overlay_last_seen }
    }
}

impl OverlayService {
    /// The streamer whose screen the token addresses. The token is either the streamer's overlay token, or the browser
    /// source token of one of their participations, unless the streamer has revoked their tokens since they joined.
    ///
    /// The answer may come from memory. Then it may be as old as the entries of the memory.
    ///
    /// # Errors
    /// [`ServiceError::UnknownToken`] if the text is no such token; [`ServiceError::Storage`].
    pub async fn resolve(&self, token: &str) -> Result<ScreenOwner, ServiceError> {
        if let Some(screen) = self.memory.screen(token) {
            return Ok(screen.owner);
        }
        let token = ScreenToken::parse(token).ok_or(ServiceError::UnknownToken)?;
        let read = self.memory.begin_read();
        let user = self.look_up(&token).await?;
        self.memory.keep_screen(read, &token, &user, None);
        Ok(ScreenOwner::from(&user))
    }

    /// Whether this instance has found the owner of the token within the last hour and has not found it unowned since. Never
    /// reads the store.
    #[must_use]
    pub fn has_found(&self, token: &str) -> bool {
        self.memory.has_found(token)
    }

    /// As [`resolve`](Self::resolve), but reads the streamer from the store. Use this to decide, or to judge whether a decision
    /// is in force.
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub(crate) async fn resolve_stored(&self, token: &str) -> Result<User, ServiceError> {
        let token = ScreenToken::parse(token).ok_or(ServiceError::UnknownToken)?;
        if let Some(screen) = self.memory.screen(token.expose()) {
            // If the memory knows whose token it is, one read by id suffices, which saves up to two reads. A token that was valid
            // stays valid until the streamer replaces their tokens.
            let stored = self.storage.users.find_by_id(screen.owner.id).await?;
            let unrevoked = stored.filter(|stored| {
                (stored.overlay_token.as_ref() == Some(&token)) == screen.is_overlay_token
                    && stored.tokens_revoked_at == screen.owner.tokens_revoked_at
            });
            if let Some(user) = unrevoked {
                return Ok(user);
            }
        }
        self.look_up(&token).await
    }

    /// Looks the token up in the store. An unknown token is not kept in memory, because it may become valid at any time.
    async fn look_up(&self, token: &ScreenToken) -> Result<User, ServiceError> {
        let user = match self.storage.users.find_by_overlay_token(token).await? {
            Some(user) => Some(user),
            None => self.streamer_of_participation(token).await?,
        };
        self.memory.note_found(token, user.is_some());
        user.ok_or(ServiceError::UnknownToken)
    }

    async fn streamer_of_participation(&self, token: &ScreenToken) -> Result<Option<User>, StorageError> {
        let Some(participation) = self.storage.participations.find_by_token(token).await? else {
            return Ok(None);
        };
        let user = self.storage.users.find_by_id(participation.streamer_id).await?;
        // Defect O19: a new overlay token revokes the tokens of all participations that were joined before.
        let joined = participation.joined_at;
        Ok(user.filter(|user| user.tokens_revoked_at.is_none_or(|revoked| revoked < joined)))
    }
}
