//! The interface between GameTriggers and its stores.
//!
//! Owns one repository trait for each kind of document, the [`Ledger`] and the [`Journal`], and [`StorageError`], the only
//! error type that backends return. Knows no driver and no HTTP. A backend implements every trait in [`Repositories`] and passes
//! `gametriggers-persistence-contract`.
//!
//! Rules for every method:
//! - A document that does not exist gives `None` (or `false`), not an error.
//! - A write names its fields. No method writes a whole document over a stored one, so no token, counter or setting is
//!   lost that the caller did not name.
//! - A method that takes `now` makes it the `updated_at` of the document. So does the [`Journal`] with [`Instruction::at`], for
//!   a campaign. No other method changes `updated_at`.
//! - When a method returns, its write is durable, and every later read of every instance sees it.
//! - Every method except [`Ledger::reconcile`] has a deadline. After the deadline it returns
//!   [`StorageError::Unavailable`], which says whether the write may have happened or may still happen.

mod campaigns;
mod changes;
mod decisions;
mod error;
mod journal;
mod ledger;
mod participations;
mod unreadable;
mod users;

use std::sync::Arc;

use async_trait::async_trait;

pub use campaigns::{CampaignRepository, NewCampaign};
pub use changes::{CHANGES_MAX, Change, ChangeFeed, ChangeStream, Told};
pub use decisions::{DecisionRepository, EndedDecision, MadeDecision, Shortening, StoredDecision};
pub use error::{Entity, Source, StorageError};
pub use gametriggers_domain::ledger::Outcome;
pub use journal::{Instruction, Journal, Posting, Settling};
pub use ledger::{Discrepancy, EntryPlace, Ledger, Rollup, StoredEntry};
pub use participations::{NewParticipation, ParticipationRepository};
pub use unreadable::UnreadableDocuments;
pub use users::{Credentials, NewUser, OverlayPatch, SelectionPatch, SelectionUpdate, UserRepository};

/// All repositories of one store.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Repositories {
    pub users: Arc<dyn UserRepository>,
    pub campaigns: Arc<dyn CampaignRepository>,
    pub participations: Arc<dyn ParticipationRepository>,
    pub decisions: Arc<dyn DecisionRepository>,
    pub ledger: Arc<dyn Ledger>,
    pub journal: Arc<dyn Journal>,
    pub probe: Arc<dyn StorageProbe>,
    pub changes: Arc<dyn ChangeFeed>,
}

/// Checks whether the store is available.
#[async_trait]
pub trait StorageProbe: Send + Sync {
    /// Reads a small value from the store.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the store cannot be reached.
    async fn ping(&self) -> Result<(), StorageError>;
}

/// The results of inserting several documents at once, in their order. An error concerns only its own document: the
/// others are stored.
pub type Insertions = Vec<Result<Insertion, StorageError>>;

/// The result of inserting a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// The document was stored.
    Inserted,
    /// A document with the same id was already stored. It was not changed.
    AlreadyPresent,
}
