//! The contract suite: the laws that every storage backend of GameTriggers passes.
//!
//! This crate owns the trait [`Fixture`], which a backend implements, and one file of laws per family. The laws use the traits of
//! `gametriggers-persistence` and the rules of `gametriggers-domain`. They never know which backend they test. No program depends
//! on this crate; only tests do.
//!
//! Every law writes through one client. It then opens a second client and reads every field through that one, as a second
//! instance or a restarted server would. Contention is no error: where a law makes many calls at once, each call must be
//! answered. Times are whole milliseconds, because every backend can store those.
//!
//! # How a new backend opts in
//!
//! Write this into `tests/contract.rs` of the backend, with `tokio`, `async-trait` and this crate as dependencies:
//!
//! ```text
//! struct MyFixture { store: MyStore, _guard: TempDir }
//!
//! #[async_trait]
//! impl Fixture for MyFixture { /* an empty store of its own, migrated */ }
//!
//! gametriggers_persistence_contract::contract_tests!(MyFixture);
//! ```
//!
//! The macro makes one `#[tokio::test]` per law, for example `ledger::an_empty_batch_has_no_outcomes`, each with a store of its
//! own. If a test run asks for a backend whose server is absent, [`Fixture::create`] panics. No law skips itself.
//!
//! # How a law is added
//!
//! Write a private `async fn` in the file of its family. Its doc comment states the law in one sentence. Add its name to the list
//! at the head of the file. Only that list calls the function, so a law that is missing from the list is dead code, which is an
//! error in this crate. Add a new file to the list at the end of this file, for the same reason.

// This crate is test code in the form of a library: a law that does not hold panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
#![deny(dead_code)]

mod campaigns;
mod changes;
mod decisions;
mod idempotency;
mod insertions;
mod journal;
mod ledger;
mod lists;
mod money;
mod overlay;
mod participations;
mod probe;
mod quotas;
mod reconcile;
mod selection;
mod stage;
mod support;
mod times;
mod tokens;
mod traffic;
mod users;

use async_trait::async_trait;
use gametriggers_persistence::{Entity, Repositories};
use gametriggers_types::{CampaignId, DecisionId, ObjectId, ParticipationId, UserId};
use serde_json::Value;

/// An empty, migrated store for one law. The value keeps the store alive and cleans it up when it is dropped.
#[async_trait]
pub trait Fixture: Send + Sync + Sized {
    /// Makes a store that no other law uses.
    async fn create() -> Self;

    /// Returns the client that [`create`](Self::create) opened.
    fn repositories(&self) -> Repositories;

    /// Opens a new client of the same store. It shares nothing with earlier clients, like another instance or a restarted server.
    async fn reopen(&self) -> Repositories;

    /// Sets the participation's clicks to 999 and its earnings to one micro-unit, without the ledger.
    async fn falsify_participation(&self, id: ParticipationId);

    /// Sets the remaining budget of the campaign to one micro-unit, without the ledger.
    async fn falsify_campaign(&self, id: CampaignId);

    /// Sets the budget of the campaign to one micro-unit, without the journal.
    async fn falsify_budget(&self, id: CampaignId);

    /// Sets the sum of the streamer's settlements to one micro-unit, without the journal.
    async fn falsify_account(&self, streamer: UserId);

    /// Deletes the streamer's account, without the journal.
    async fn delete_account(&self, streamer: UserId);

    /// Sets the clicks of each rollup of the participation to 999, without the ledger.
    async fn falsify_rollups(&self, id: ParticipationId);

    /// Writes an unreadable value into a field of this participation or campaign, never into a key. The ways to do so are
    /// numbered from 0. Returns false and changes nothing if there is no way of this number.
    async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool;

    /// Gives the decision a basis that does not exist.
    async fn falsify_decision(&self, id: DecisionId);

    /// Returns the stored value that the previous system kept in this document under this name. The name is one that no
    /// repository returns: `password` of a user, or a field of an imported document that this version does not use.
    async fn kept_beside(&self, entity: Entity, id: ObjectId, name: &str) -> Option<Value>;
}

/// The document that [`Fixture::make_unreadable`] changes.
#[derive(Debug, Clone, Copy)]
pub enum Unreadable {
    /// The participation with this id.
    Participation(ParticipationId),
    /// The campaign with this id.
    Campaign(CampaignId),
}

/// Lists the laws of a file. For each law it makes a public function that creates a store and runs the law. It also makes a
/// macro, named as the file, that makes a test of each law.
macro_rules! laws {
    ($d:tt $file:ident: $($case:ident),+ $(,)?) => {
        #[allow(missing_docs)] // each is documented where it is written
        pub mod cases {
            use crate::Fixture;

            $(pub async fn $case<F: Fixture>() {
                super::$case(&F::create().await).await;
            })+
        }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $file {
            ($d fixture:ty) => {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    $crate::cases::$file::$case::<$d fixture>().await;
                })+
            };
        }
    };
}
use laws;

/// Lists the files of laws.
macro_rules! files {
    ($d:tt $($file:ident),+ $(,)?) => {
        #[doc(hidden)]
        pub mod cases {
            $(pub use crate::$file::cases as $file;)+
        }

        /// Makes a test of every law for the backend of this [`Fixture`], in one module per file of laws.
        #[macro_export]
        macro_rules! contract_tests {
            ($d fixture:ident) => {
                $(mod $file {
                    $crate::$file!(super::$d fixture);
                })+
            };
        }
    };
}

files! { $
    users,
    tokens,
    overlay,
    selection,
    campaigns,
    participations,
    insertions,
    lists,
    decisions,
    ledger,
    idempotency,
    money,
    quotas,
    reconcile,
    journal,
    times,
    probe,
    changes,
}
