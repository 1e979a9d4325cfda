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
//! `docs/howto/add-a-backend.md` leads from an empty crate to the whole contract. `tests/contract.rs` of the backend implements
//! [`Fixture`] and has this line:
//!
//! ```text
//! gametriggers_persistence_contract::contract_tests!(MyFixture);
//! ```
//!
//! The macro makes one `#[tokio::test]` per law, for example `ledger::an_empty_batch_has_no_outcomes`, each with a store of its
//! own. A backend that is not complete opts in to one family after the other, by the macro that is named as the family:
//!
//! ```text
//! mod users {
//!     gametriggers_persistence_contract::users!(super::MyFixture);
//! }
//! ```
//!
//! [`unimplemented_repositories`] stands for the traits that the backend does not have yet. If a test run asks for a backend
//! whose server is absent, [`Fixture::create`] panics. No law skips itself.
//!
//! # How a law is added
//!
//! Write a private `async fn` in the file of its family. Its doc comment states the law in one sentence. Add its name to the list
//! at the head of the file. Only that list calls the function, so a law that is missing from the list is dead code, which is an
//! error in this crate. Add a new file to the list at the end of this file, for the same reason.
//!
//! # What a store does for a call
//!
//! [`call_every_method`] calls each method of each repository. A backend gives it an [`Observer`] that judges what the store does
//! for each call, for example whether it uses an index.

// This crate is test code in the form of a library: a law that does not hold panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]
#![deny(dead_code)]

#[macro_use]
mod difference;

mod campaigns;
mod changes;
mod credentials;
mod decisions;
mod every_method;
mod idempotency;
mod insertions;
mod journal;
mod ledger;
mod lists;
mod money;
mod other_fields;
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
mod unimplemented;
mod users;

use async_trait::async_trait;
use gametriggers_persistence::{Entity, Repositories};
use gametriggers_types::{CampaignId, DecisionId, ObjectId, ParticipationId, UserId};
use serde_json::Value;

pub use every_method::{Observer, call_every_method};
pub use unimplemented::unimplemented_repositories;

/// An empty, migrated store for one law. The value keeps the store alive and cleans it up when it is dropped.
///
/// The first three methods are enough for most families of laws. The others change or read the store behind the back of its
/// repositories. They panic until the fixture implements them, so no law passes without them.
#[async_trait]
pub trait Fixture: Send + Sync + Sized {
    /// Makes a store that no other law uses.
    async fn create() -> Self;

    /// Returns the client that [`create`](Self::create) opened.
    fn repositories(&self) -> Repositories;

    /// Opens a new client of the same store. It shares nothing with earlier clients, like another instance or a restarted server.
    async fn reopen(&self) -> Repositories;

    /// Sets the participation's clicks to 999 and its earnings to one micro-unit, without the ledger.
    async fn falsify_participation(&self, id: ParticipationId) {
        unimplemented!("`Fixture::falsify_participation({id})`")
    }

    /// Sets the remaining budget of the campaign to one micro-unit, without the ledger.
    async fn falsify_campaign(&self, id: CampaignId) {
        unimplemented!("`Fixture::falsify_campaign({id})`")
    }

    /// Sets the budget of the campaign to one micro-unit, without the journal.
    async fn falsify_budget(&self, id: CampaignId) {
        unimplemented!("`Fixture::falsify_budget({id})`")
    }

    /// Sets the sum of the streamer's settlements to one micro-unit, without the journal.
    async fn falsify_account(&self, streamer: UserId) {
        unimplemented!("`Fixture::falsify_account({streamer})`")
    }

    /// Deletes the streamer's account, without the journal.
    async fn delete_account(&self, streamer: UserId) {
        unimplemented!("`Fixture::delete_account({streamer})`")
    }

    /// Sets the clicks of each rollup of the participation to 999, without the ledger.
    async fn falsify_rollups(&self, id: ParticipationId) {
        unimplemented!("`Fixture::falsify_rollups({id})`")
    }

    /// Writes an unreadable value into a field of this participation or campaign, never into a key. The ways to do so are
    /// numbered from 0, and way 0 exists. Returns false and changes nothing if there is no way of this number.
    async fn make_unreadable(&self, what: Unreadable, way: usize) -> bool {
        unimplemented!("`Fixture::make_unreadable({what:?}, {way})`")
    }

    /// Gives the stored decision a basis that does not exist, so that it cannot be read.
    async fn falsify_decision(&self, id: DecisionId) {
        unimplemented!("`Fixture::falsify_decision({id:?})`")
    }

    /// Returns the value of this name among the stored `other_fields` of a user, a campaign or a participation, in relaxed
    /// Extended JSON. A long is a plain number. `None` if there is no value of this name.
    async fn other_field(&self, entity: Entity, id: ObjectId, name: &str) -> Option<Value> {
        unimplemented!("`Fixture::other_field({entity}, {id}, {name})`")
    }
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

        #[cfg(test)]
        const FAMILIES: &[&str] = &[$(stringify!($file)),+];

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

/// The how-to's code is compiled and run with the other documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/howto/add-a-backend.md")]
struct HowToAddABackend;

files! { $
    users,
    credentials,
    tokens,
    overlay,
    selection,
    campaigns,
    participations,
    insertions,
    other_fields,
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

#[cfg(test)]
mod tests {
    #[test]
    fn the_how_to_names_every_family() {
        let how_to = include_str!("../../../docs/howto/add-a-backend.md");
        for family in super::FAMILIES {
            assert!(
                how_to.contains(&format!("`{family}`")),
                "{family} is in no row of docs/howto/add-a-backend.md"
            );
        }
    }
}
