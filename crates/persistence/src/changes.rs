//! The feed of changes in the store, by which copies in memory are kept current.

use async_trait::async_trait;
use gametriggers_types::{CampaignId, UserId};

use crate::StorageError;

/// The greatest number of changes in one answer. The store may change faster than a feed can report.
pub const CHANGES_MAX: usize = 1_000;

/// A change after which copies of the changed data must be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A user has changed or is gone; or one of their participations is new, or its status was
    /// [changed](crate::ParticipationRepository::transition).
    ///
    /// Not reported: [`touch_overlays`](crate::UserRepository::touch_overlays) and a participation's counters, because
    /// they change all the time; and new users, because nobody can have a copy of them.
    User(UserId),
    /// A campaign is new, has changed or is gone, or its money no longer suffices for one unit. Money being spent is
    /// not reported, because it happens all the time.
    Campaign(CampaignId),
    /// The store does not know what has changed. All copies must be read again.
    Everything,
}

/// The answer of a [`ChangeStream`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The changes since the previous answer, at most [`CHANGES_MAX`]. A document may be named more than once.
    pub changes: Vec<Change>,
    /// Whether these were all changes that the store had when it was asked. If not, ask again for the others.
    pub is_all: bool,
}

/// Reports changes, whoever makes them: this process, another process, or a person with a database tool.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Subscribes to changes. Every change that becomes durable after this returns is reported.
    ///
    /// # Errors
    /// [`StorageError`] if the store cannot be listened to.
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError>;
}

/// A subscription. It ends when it is dropped.
#[async_trait]
pub trait ChangeStream: Send {
    /// Asks for the changes since the previous call.
    ///
    /// If the store is available, the call returns within half a second, and a change is reported within a second after
    /// it is durable. If there are at most [`CHANGES_MAX`] changes, the answer [has all](Told::is_all) that were
    /// durable when `next` was called, even if others keep changing the store.
    ///
    /// # Errors
    /// [`StorageError`] if changes may have been missed. The subscription is then over. The caller needs a new one and
    /// must read again everything that was read before it.
    async fn next(&mut self) -> Result<Told, StorageError>;
}
