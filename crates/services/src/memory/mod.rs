//! What this process keeps in memory of the store, so that most requests need not read the store.
//!
//! Four kinds of things are kept, one file each:
//! - [`screens`]: by its token, whose screen it is and what is on the screen;
//! - [`tokens`]: which tokens were found to be somebody's;
//! - [`displays`]: by its id, which campaign a decision put on the screen;
//! - [`links`]: by its participation, where a tracking link leads.
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

/// Entries of each kind at most. Beyond that, the entries that are used least are dropped.
const CAPACITY: u64 = 100_000;

/// What this process keeps in memory of the store.
pub(crate) struct Memory {
    screens: Screens,
    tokens: FoundTokens,
    displays: Displays,
    links: Links,
    validity: Validity,
}

/// Invalidates what was read of a user when it is dropped: after this process has changed the user, whether or not the
/// change succeeded.
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

    /// Begins a read of the store. To be called before the store is read for one of the `keep_…` methods.
    pub(crate) fn begin_read(&self) -> ReadStamp {
        self.validity.begin_read()
    }

    /// Whether the memory is in use: the store has told all its changes within the last two seconds.
    pub(crate) fn is_trusted(&self) -> bool {
        self.validity.is_trusted()
    }

    /// Announces that this process changes the user. The caller holds the answer until the change has ended.
    pub(crate) fn invalidate_on_drop(&self, user: UserId) -> InvalidateOnDrop<'_> {
        InvalidateOnDrop { memory: self, user }
    }

    /// Invalidates everything that depends on the campaign and was read before now.
    pub(crate) fn invalidate_campaign(&self, campaign: CampaignId) {
        self.validity.invalidate(campaign.object_id());
    }

    /// Takes over what the store told in answer to a question that was asked at `asked`.
    fn take_over(&self, asked: Instant, told: &Told) {
        self.validity.take_over(asked, told);
    }

    /// Stops the use of all entries until the store tells its changes again.
    fn distrust(&self) {
        self.validity.distrust();
    }
}
