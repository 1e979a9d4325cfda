//! The laws that every storage backend of GameTriggers passes.
//!
//! Owns the [`Fixture`] that a backend brings and one file of laws per family. Knows the traits of
//! `gametriggers-persistence` and the rules of `gametriggers-domain`; never which backend runs it. Part of no program:
//! nothing that ships depends on it.
//!
//! Every case writes through one client and reads every field again through another, opened afterwards, as a second
//! instance or a restarted one would. Contention is no error: a case that calls from many tasks at once expects each
//! of them to be answered. Times are whole milliseconds, which is what every backend can keep.
//!
//! # How a new backend opts in
//!
//! In `tests/contract.rs` of the backend, with `tokio`, `async-trait` and this crate at hand:
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
//! That makes one `#[tokio::test]` per case, `ledger::an_empty_batch_has_no_outcomes` and so on, each with a store of
//! its own. A backend whose server was asked for and is absent panics in [`Fixture::create`]: no case skips itself.
//!
//! # How a law is added
//!
//! Write it as a private `async fn` in the file of its family, its doc comment the law in one sentence, and put its
//! name into the list at the head of the file: nothing else calls it, so one that is missing from the list is dead
//! code, which is an error here. A new file is added to the list below, for the same reason.

// This crate is test code that happens to be a library: a law that does not hold panics.
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
mod tokens;
mod traffic;
mod users;

use async_trait::async_trait;
use gametriggers_persistence::{Entity, Repositories};
use gametriggers_types::{CampaignId, DecisionId, ObjectId, ParticipationId, UserId};
use serde_json::Value;

/// A store for one case, empty and migrated, with what keeps it alive and cleans it up.
#[async_trait]
pub trait Fixture: Send + Sync + Sized {
    /// A store that no other case sees.
    async fn create() -> Self;

    /// The client of [`create`](Self::create).
    fn repositories(&self) -> Repositories;

    /// A new client of the same store, sharing nothing with those before: another instance, or a restarted one.
    async fn reopen(&self) -> Repositories;

    /// Behind the ledger's back, sets the participation's clicks to 999 and its earnings to one micro-unit.
    async fn falsify_participation(&self, id: ParticipationId);

    /// Behind the ledger's back, sets what remains of the campaign's budget to one micro-unit.
    async fn falsify_campaign(&self, id: CampaignId);

    /// Behind the journal's back, sets the campaign's budget to one micro-unit.
    async fn falsify_budget(&self, id: CampaignId);

    /// Behind the journal's back, sets the sum of the streamer's settlements to one micro-unit.
    async fn falsify_account(&self, streamer: UserId);

    /// Behind the journal's back, deletes the streamer's account.
    async fn delete_account(&self, streamer: UserId);

    /// Behind the ledger's back, sets the clicks of each of the participation's rollups to 999.
    async fn falsify_rollups(&self, id: ParticipationId);

    /// Behind the store's back, gives a field that is no key to this participation or campaign a value that cannot be read.
    /// There are several ways to do so, numbered from 0; false, and nothing is changed, where there is none of this number.
    async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool;

    /// Behind the store's back, gives the decision a basis that there is not.
    async fn falsify_decision(&self, id: DecisionId);

    /// What is stored of this document under this name of the previous system, of those names that no repository gives back:
    /// `password` of a user, and the other fields of an imported document.
    async fn kept_beside(&self, entity: Entity, id: ObjectId, name: &str) -> Option<Value>;
}

/// A document that is to become unreadable.
#[derive(Debug, Clone, Copy)]
pub enum Unreadable {
    /// Of this id.
    Participation(ParticipationId),
    /// Of this id.
    Campaign(CampaignId),
}

/// The list of a file's cases. Makes of each a function that other crates can call, on a store of its own, and a macro
/// named as the file that makes a test of each.
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

/// The list of files.
macro_rules! files {
    ($d:tt $($file:ident),+ $(,)?) => {
        #[doc(hidden)]
        pub mod cases {
            $(pub use crate::$file::cases as $file;)+
        }

        /// Makes a test of every case for the backend of this [`Fixture`], in one module per file of laws.
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
    probe,
    changes,
}
