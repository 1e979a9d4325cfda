//! The repository of users and their settings.

use std::fmt;

use async_trait::async_trait;
use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_types::{
    BackgroundColor, Opacity, OverlayPosition, OverlaySize, RotationInterval, ScreenToken, SelectionSettings,
    SlotsBetween, SlotsInARow, StrategyName, StrategyParameters, TimeZoneName, Timestamp, UserId,
    WeeklyPeriod, Weight,
};

use crate::{Insertion, Insertions, StorageError};

/// A user that is not stored yet. `Debug` hides the hash.
#[derive(Clone)]
pub struct NewUser {
    /// The user.
    pub user: User,
    /// The bcrypt hash of the password; only users who sign in by e-mail have one. Only
    /// [`find_credentials`](UserRepository::find_credentials) returns the hash.
    pub password_hash: Option<String>,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON. They are kept but not
    /// interpreted.
    pub other_fields: String,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password_hash, other_fields } = self;
        let hash = password_hash.as_ref().map(|_| "..");
        f.debug_struct("NewUser")
            .field("user", user)
            .field("password_hash", &hash)
            .field("other_fields", other_fields)
            .finish()
    }
}

/// A user and the secret by which they sign in. `Debug` hides the hash.
#[derive(Clone, PartialEq)]
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The bcrypt hash of the password, as it was [inserted](NewUser::password_hash); `None` if the user has no
    /// password.
    pub password_hash: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.password_hash.as_ref().map(|_| "..");
        f.debug_struct("Credentials").field("user", &self.user).field("password_hash", &hash).finish()
    }
}

/// Changes of overlay settings. `None` keeps a setting.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct OverlayPatch {
    pub position: Option<OverlayPosition>,
    pub size: Option<OverlaySize>,
    pub opacity: Option<Opacity>,
    pub background_color: Option<BackgroundColor>,
}

/// Changes of selection settings. `None` keeps a setting.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SelectionPatch {
    pub strategy: Option<StrategyName>,
    pub interval: Option<RotationInterval>,
    pub payment_rate: Option<Weight>,
    pub performance: Option<Weight>,
    pub fairness: Option<Weight>,
    /// The values that are set. Others stay.
    pub parameters: StrategyParameters,
    pub in_a_row: Option<SlotsInARow>,
    pub between: Option<SlotsBetween>,
    /// Replaces the whole list.
    pub blackouts: Option<Vec<WeeklyPeriod>>,
    pub time_zone: Option<TimeZoneName>,
}

impl SelectionPatch {
    /// Whether the patch would change any of `settings`.
    #[must_use]
    pub fn changes(&self, settings: &SelectionSettings) -> bool {
        fn other<T: PartialEq>(named: Option<&T>, stored: &T) -> bool {
            named.is_some_and(|named| named != stored)
        }
        other(self.strategy.as_ref(), &settings.strategy)
            || other(self.interval.as_ref(), &settings.interval)
            || other(self.payment_rate.as_ref(), &settings.weights.payment_rate())
            || other(self.performance.as_ref(), &settings.weights.performance())
            || other(self.fairness.as_ref(), &settings.weights.fairness())
            || settings.parameters.would_change_by(&self.parameters)
            || other(self.in_a_row.as_ref(), &settings.spacing.in_a_row)
            || other(self.between.as_ref(), &settings.spacing.between)
            || other(self.blackouts.as_ref(), &settings.blackouts)
            || other(self.time_zone.as_ref(), &settings.time_zone)
    }
}

/// The result of a [`SelectionPatch`].
#[derive(Debug, Clone, PartialEq)]
pub enum SelectionUpdate {
    /// The patch is stored. Contains the user after the change.
    Updated(Box<User>),
    /// There is no such user.
    NotFound,
    /// Together with the stored weights, the patch would make all weights 0. Nothing was changed.
    AllWeightsZero,
}

/// The store's users.
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// The user with this id.
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StorageError>;

    /// The user with this overlay token.
    async fn find_by_overlay_token(&self, token: &ScreenToken) -> Result<Option<User>, StorageError>;

    /// The user with this e-mail address, with the password hash. Addresses are compared as the unique index compares
    /// them: byte by byte, so case matters.
    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, StorageError>;

    /// Stores a user unless one with the same id is stored.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another user has the same e-mail address or overlay token.
    async fn insert_if_absent(&self, user: &NewUser) -> Result<Insertion, StorageError>;

    /// Stores many users with a few writes. The result is the same as calling
    /// [`insert_if_absent`](Self::insert_if_absent) for one after the other. Pass at most a few thousand at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Some of the users may be stored then. The same call can be repeated: it
    /// reports them as already present.
    async fn insert_all_if_absent(&self, users: Vec<NewUser>) -> Result<Insertions, StorageError>;

    /// Gives the user this overlay token unless they have one. Returns the user's token; `None` if the user does not
    /// exist. If several callers do so at once, all get the same token.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another user has this token.
    async fn ensure_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
    ) -> Result<Option<ScreenToken>, StorageError>;

    /// Replaces the overlay token, stores `now` as the time before which tokens and receipts are void, and clears the
    /// time when the overlay was last seen. Returns false if the user does not exist.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another user has this token.
    async fn regenerate_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Changes the settings in the patch and returns the user; `None` if the user does not exist.
    async fn update_overlay(
        &self,
        id: UserId,
        patch: &OverlayPatch,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError>;

    /// Changes the settings in the patch, increases their version by one and returns the user.
    async fn update_selection(
        &self,
        id: UserId,
        patch: &SelectionPatch,
        now: Timestamp,
    ) -> Result<SelectionUpdate, StorageError>;

    /// Stores for each of these users when their overlay was last seen. Times before the stored time and ids without a
    /// user are ignored. After an error, some of the times may be stored.
    async fn touch_overlays(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StorageError>;

    /// Puts the test ad on the user's screen until it expires. Returns false if the user does not exist.
    async fn set_test_campaign(&self, id: UserId, test: &TestCampaign) -> Result<bool, StorageError>;
}
