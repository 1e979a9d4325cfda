//! What others change in the store, told as it happens, so that what is kept in memory can be kept true.

use async_trait::async_trait;
use gametriggers_types::{CampaignId, UserId};

use crate::StorageError;

/// Something that whoever holds a copy must read again. What is new is not told of, because nobody can hold a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A user has changed or is gone, or the status of one of their participations has been
    /// [changed](crate::ParticipationRepository::transition). [`touch_overlays`](crate::UserRepository::touch_overlays)
    /// is not told of, because it happens all the time; nor are a participation's counters.
    User(UserId),
    /// A campaign has changed or is gone, or its money no longer suffices for one unit. That money is spent, which
    /// happens all the time, is not told of.
    Campaign(CampaignId),
    /// The store cannot tell what has changed: it may be anything.
    Everything,
}

/// Where to learn of changes, whoever makes them: this process, another one, or somebody by hand.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Begins to listen. Every change that becomes durable after the return is told.
    ///
    /// # Errors
    /// [`StorageError`] if the store cannot be listened to.
    async fn subscribe(&self) -> Result<Box<dyn ChangeStream>, StorageError>;
}

/// A subscription; it ends when it is dropped.
#[async_trait]
pub trait ChangeStream: Send {
    /// The next change; `None` if the store has just said that there is none, or none left. While the store answers,
    /// returns within half a second, and a change is told within a second of being durable.
    ///
    /// # Errors
    /// [`StorageError`] if changes may have been missed. The subscription is over: only a new one may be relied on, and
    /// everything that was read before it is to be read again.
    async fn next(&mut self) -> Result<Option<Change>, StorageError>;
}
