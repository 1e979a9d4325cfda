//! What others change in the store, told as it happens, so that what is kept in memory can be kept true.

use async_trait::async_trait;
use gametriggers_types::{CampaignId, UserId};

use crate::StorageError;

/// How many changes one answer tells at most: a store may be changed faster than it can tell.
pub const CHANGES_MAX: usize = 1_000;

/// Something that whoever holds a copy must read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A user has changed or is gone, or one of their participations is new or its status has been
    /// [changed](crate::ParticipationRepository::transition). [`touch_overlays`](crate::UserRepository::touch_overlays)
    /// is not told of, because it happens all the time; nor are a participation's counters. A new user is not told of
    /// either, because nobody can hold a copy of them.
    User(UserId),
    /// A campaign is new, has changed or is gone, or its money no longer suffices for one unit. That money is spent, which
    /// happens all the time, is not told of.
    Campaign(CampaignId),
    /// The store cannot tell what has changed: it may be anything.
    Everything,
}

/// What a store answers to the question what has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What has changed since the answer before, [`CHANGES_MAX`] at most; the same document may be told of more than once.
    pub changes: Vec<Change>,
    /// Whether nothing else was there when the store was asked. Otherwise others wait to be told.
    pub is_all: bool,
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
    /// Asks what has changed. While the store answers, returns within half a second, and a change is told within a second of
    /// being durable. Others' changes may come as fast as they like: unless there are more than [`CHANGES_MAX`], an answer
    /// [is all](Told::is_all) that was durable when `next` was called.
    ///
    /// # Errors
    /// [`StorageError`] if changes may have been missed. The subscription is over: only a new one may be relied on, and
    /// everything that was read before it is to be read again.
    async fn next(&mut self) -> Result<Told, StorageError>;
}
