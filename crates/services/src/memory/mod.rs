//! A copy of parts of the store in memory, so that most requests need not read the store.
//!
//! There are four kinds of entries, one file each:
//! - [`screens`]: the owner and the content of a screen, by token;
//! - [`tokens`]: the tokens that were found to be valid;
//! - [`displays`]: the campaign that a decision put on the screen, by decision;
//! - [`links`]: the target of a tracking link, by participation.
//!
//! [`Validity`] decides whether an entry may be used. [`Follower`] asks the store what has changed, and tells the memory.
//! Unless a `Follower` runs, no entry is ever used, and the store is read for each request.

mod content;
mod displays;
mod follower;
mod links;
mod screens;
#[cfg(test)]
mod tests;
mod tokens;
mod validity;

use gametriggers_persistence::Told;
use gametriggers_types::{CampaignId, UserId};
use tokio::time::Instant;

use self::{displays::Displays, links::Links, screens::Screens, tokens::FoundTokens, validity::Validity};

pub(crate) use content::{CachedContent, ContentKind, JOINED_MAX, JoinedCampaigns};
pub(crate) use follower::Follower;
pub(crate) use validity::ReadStamp;

pub use content::Rendering;

/// The greatest number of entries of each kind. Beyond it, the least used entries are dropped.
const CAPACITY: u64 = 100_000;

/// The copy of parts of the store in memory.
pub(crate) struct Memory {
    screens: Screens,
    tokens: FoundTokens,
    displays: Displays,
    links: Links,
    validity: Validity,
}

/// Invalidates all entries of a user when it is dropped. It is dropped after this process has changed the user, whether or not
/// the change succeeded.
#[must_use]
pub(crate) struct InvalidateOnDrop<'a> {
    memory: &'a Memory,
    user: UserId,
}

impl Drop for InvalidateOnDrop<'_> {
    fn drop(&mut self) {
        self.memory.validity.invalidate(self.user.object_id());
    }
}

impl Memory {
    /// An empty memory, which is not trusted yet.
    pub(crate) fn new() -> Self {
        Self {
            screens: Screens::new(),
            tokens: FoundTokens::new(),
            displays: Displays::new(),
            links: Links::new(),
            validity: Validity::new(),
        }
    }

    /// Begins a read of the store. Call this before you read the store for one of the `keep_…` methods.
    pub(crate) fn begin_read(&self) -> ReadStamp {
        self.validity.begin_read()
    }

    /// Whether the memory may be used: the store has told all its changes within the last two seconds.
    pub(crate) fn is_trusted(&self) -> bool {
        self.validity.is_trusted()
    }

    /// Announces that this process changes the user. The caller keeps the returned guard until the change has ended.
    pub(crate) fn invalidate_on_drop(&self, user: UserId) -> InvalidateOnDrop<'_> {
        InvalidateOnDrop { memory: self, user }
    }

    /// Invalidates everything that was read before now and depends on the campaign.
    pub(crate) fn invalidate_campaign(&self, campaign: CampaignId) {
        self.validity.invalidate(campaign.object_id());
    }

    /// Applies the store's answer to a question that was asked at `asked`.
    fn take_over(&self, asked: Instant, told: &Told) {
        self.validity.take_over(asked, told);
    }

    /// Stops the use of all entries until the store tells its changes again.
    fn distrust(&self) {
        self.validity.distrust();
    }
}
