//! Users and their settings.

use async_trait::async_trait;
use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_types::{
    BackgroundColor, BlackoutPeriod, Opacity, OverlayPosition, OverlaySize, RotationInterval, ScreenToken,
    SelectionSettings, StrategyName, TimeZoneName, Timestamp, UserId, Weight,
};

use crate::{Insertion, Insertions, StorageError};

/// A user who is not stored yet.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The user.
    pub user: User,
    /// The password's bcrypt hash, for those who sign in by e-mail. It never leaves the store with the [`User`].
    pub password_hash: Option<String>,
    /// The other fields of an imported document, as a JSON object in MongoDB Extended JSON; kept, not interpreted.
    pub other_fields: String,
}

/// The overlay settings to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct OverlayPatch {
    pub position: Option<OverlayPosition>,
    pub size: Option<OverlaySize>,
    pub opacity: Option<Opacity>,
    pub background_color: Option<BackgroundColor>,
}

/// The selection settings to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SelectionPatch {
    pub strategy: Option<StrategyName>,
    pub interval: Option<RotationInterval>,
    pub payment_rate: Option<Weight>,
    pub performance: Option<Weight>,
    pub fairness: Option<Weight>,
    /// Replaces the list whole.
    pub blackouts: Option<Vec<BlackoutPeriod>>,
    pub time_zone: Option<TimeZoneName>,
}

impl SelectionPatch {
    /// Whether `settings` would be others afterwards.
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
            || other(self.blackouts.as_ref(), &settings.blackouts)
            || other(self.time_zone.as_ref(), &settings.time_zone)
    }
}

/// What became of a [`SelectionPatch`].
#[derive(Debug, Clone, PartialEq)]
pub enum SelectionUpdate {
    /// It is stored; this is the user now.
    Updated(Box<User>),
    /// There is no such user.
    NotFound,
    /// With the weights already stored it would have left all of them 0; nothing was changed.
    AllWeightsZero,
}

/// The store's users.
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// The user of this id.
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StorageError>;

    /// The user whose overlay this token addresses.
    async fn find_by_overlay_token(&self, token: &ScreenToken) -> Result<Option<User>, StorageError>;

    /// Stores a user unless one of this id is there.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] if another user has the e-mail address or the overlay token.
    async fn insert_if_absent(&self, user: &NewUser) -> Result<Insertion, StorageError>;

    /// Stores many users as [`insert_if_absent`](Self::insert_if_absent) would one after the other, for the price of a few
    /// writes. At most a few thousand should be given at once.
    ///
    /// # Errors
    /// [`StorageError`] if the store fails. Then any of them may be stored; given again, they are found to be.
    async fn insert_all_if_absent(&self, users: Vec<NewUser>) -> Result<Insertions, StorageError>;

    /// Gives the user this overlay token unless they have one, and returns the token that they have then; `None` if
    /// there is no such user. Of several callers at once, all get the same answer.
    async fn ensure_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
    ) -> Result<Option<ScreenToken>, StorageError>;

    /// Replaces the overlay token, notes `now` as the moment before which tokens and receipts are void, and forgets when
    /// the overlay was last seen. False if there is no such user.
    async fn regenerate_overlay_token(
        &self,
        id: UserId,
        token: &ScreenToken,
        now: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Changes the overlay settings that the patch names and returns the user; `None` if there is no such user.
    async fn update_overlay(
        &self,
        id: UserId,
        patch: &OverlayPatch,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError>;

    /// Changes the selection settings that the patch names, adds one to their version and returns the user.
    async fn update_selection(
        &self,
        id: UserId,
        patch: &SelectionPatch,
        now: Timestamp,
    ) -> Result<SelectionUpdate, StorageError>;

    /// Notes of each of these users when their overlay was seen; an earlier time than the one noted changes nothing, nor
    /// does an id that is nobody's. After an error some of it may be noted.
    async fn touch_overlays(&self, seen: &[(UserId, Timestamp)]) -> Result<(), StorageError>;

    /// Puts the test ad on the user's screen until it expires. False if there is no such user.
    async fn set_test_campaign(&self, id: UserId, test: &TestCampaign) -> Result<bool, StorageError>;
}
