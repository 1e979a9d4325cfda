//! What others change in the store, told as it happens, so that what is kept in memory can be kept true.

use async_trait::async_trait;
use gametriggers_types::UserId;

use crate::StorageError;

/// Something that whoever holds a copy must read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A user who was there has changed or is gone. A new user is not told of, because nobody can hold a copy of them;
    /// nor is [`touch_overlay`](crate::UserRepository::touch_overlay), which happens all the time.
    User(UserId),
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
