//! What GameTriggers asks of a store.
//!
//! Owns one repository trait per kind of document, the [`Ledger`] and the [`Journal`], and [`StorageError`], the only error a
//! backend may let out. Knows no driver and no HTTP. A backend implements every trait of [`Repositories`] and passes
//! `gametriggers-persistence-contract`.
//!
//! Rules that hold for every method:
//! - What is not there is `None` (or `false`), not an error.
//! - A write names its fields. No method writes a whole document over a stored one, so no token, counter or setting
//!   that a caller did not name can be lost.
//! - When a method returns, its write is durable and seen by every later read of every instance.
//! - Every method but [`Ledger::reconcile`] has a deadline, whatever holds up the store: it returns
//!   [`StorageError::Unavailable`] then, which says whether its write may have happened, or may yet happen, all the same.

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
pub use decisions::{DecisionRepository, EndedDecision, Shortening, StoredDecision};
pub use error::{Entity, Source, StorageError};
pub use gametriggers_domain::ledger::Outcome;
pub use journal::{Instruction, Journal, Posting, Settling};
pub use ledger::{Discrepancy, Ledger, Rollup, StoredEntry};
pub use participations::{NewParticipation, Page, ParticipationRepository};
pub use unreadable::UnreadableDocuments;
pub use users::{NewUser, OverlayPatch, SelectionPatch, SelectionUpdate, UserRepository};

/// Every repository of one store.
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

/// Whether the store is there.
#[async_trait]
pub trait StorageProbe: Send + Sync {
    /// Reads something small from the store.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] while the store cannot be reached.
    async fn ping(&self) -> Result<(), StorageError>;
}

/// What became of each of the documents that were offered for insertion at once, in their order. An error is about its document
/// alone: that one cannot be stored, and the others are.
pub type Insertions = Vec<Result<Insertion, StorageError>>;

/// What became of a document that was offered for insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It is stored now.
    Inserted,
    /// One of its id was there already and stays as it is.
    AlreadyPresent,
}
