//! A store of a test's own, and what no service would do to one.
//!
//! The tests are the same for every kind of store: what they do behind the server's back, they do through
//! [`TestStore`], and where the kinds differ by nature, it says how.

mod field;
mod mongodb;
mod sqlite;

use std::{collections::BTreeMap, env};

use gametriggers::Store;
use gametriggers_persistence::Repositories;
use gametriggers_test_mongod::TestDatabase;
use serde_json::Value;

pub(crate) use self::field::{Documents, Field};
use self::{mongodb::MongoDb, sqlite::Sqlite};

/// Names the server on which every test makes a database of its own, such as `mongodb://localhost:27017/?replicaSet=rs0`.
/// Where it is not set, every test has an SQLite file of its own.
const STORAGE_URL: &str = "GAMETRIGGERS_TEST_STORAGE_URL";

/// All that is stored: the rows or documents of each table or collection, in order.
pub(crate) type Everything = BTreeMap<String, Vec<String>>;

/// A store of its own, gone in the end.
pub(crate) enum TestStore {
    Sqlite(Sqlite),
    MongoDb(MongoDb),
}

impl TestStore {
    /// An empty one that knows no schema yet.
    pub(crate) async fn create() -> Self {
        match server_uri() {
            Some(uri) => Self::MongoDb(MongoDb::on(&uri).await),
            None => Self::sqlite(),
        }
    }

    /// As [`create`](Self::create), on a server that no other test uses: it can [`go_away`](Self::go_away), and does not
    /// wait for long for those who did.
    pub(crate) async fn create_on_its_own() -> Self {
        match server_uri() {
            Some(_) => Self::mongodb_on_its_own().await,
            None => Self::sqlite(),
        }
    }

    /// An empty SQLite file, whatever the tests run on.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(Sqlite::in_a_folder())
    }

    /// The file, which it must be.
    pub(crate) fn file(&self) -> &Sqlite {
        match self {
            Self::Sqlite(store) => store,
            Self::MongoDb(_) => panic!("not a file"),
        }
    }

    /// This database of MongoDB, whatever the tests run on.
    pub(crate) fn mongodb(database: TestDatabase) -> Self {
        Self::MongoDb(MongoDb::from(database))
    }

    /// A database of MongoDB on a server that no other test uses, whatever the tests run on.
    pub(crate) async fn mongodb_on_its_own() -> Self {
        Self::MongoDb(MongoDb::on_a_private_server().await)
    }

    /// The value of `storage.url` that leads to it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(store) => store.url(),
            Self::MongoDb(store) => store.url(),
        }
    }

    /// The store as the services see it, by a client of its own.
    pub(crate) async fn repositories(&self) -> Repositories {
        Store::open(&self.url()).await.unwrap().repositories()
    }

    /// Whether anything was made yet.
    pub(crate) async fn exists(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.exists(),
            Self::MongoDb(store) => store.exists().await,
        }
    }

    pub(crate) async fn everything(&self) -> Everything {
        match self {
            Self::Sqlite(store) => store.everything(),
            Self::MongoDb(store) => store.everything().await,
        }
    }

    /// Sets a field of all documents that have it.
    pub(crate) async fn set_all(&self, field: Field, value: impl Into<Value>) {
        assert!(self.set(field, None, &value.into()).await > 0, "{field:?} is set nowhere");
    }

    /// Sets a field of the one document with this id that has another value there.
    pub(crate) async fn set_one(&self, field: Field, id: &str, value: impl Into<Value>) {
        assert_eq!(self.set(field, Some(id), &value.into()).await, 1, "{field:?} of {id}");
    }

    /// How many documents have changed.
    async fn set(&self, field: Field, id: Option<&str>, value: &Value) -> usize {
        match self {
            Self::Sqlite(store) => store.set(field, id, value),
            Self::MongoDb(store) => store.set(field, id, value).await,
        }
    }

    /// The name of a field in what the store says.
    pub(crate) const fn name_of(&self, field: Field) -> &'static str {
        match self {
            Self::Sqlite(_) => field.column,
            Self::MongoDb(_) => field.key,
        }
    }

    /// Makes every read of these fail from now on, and returns a part of what the store then says for the log.
    pub(crate) async fn make_unreadable(&self, documents: Documents) -> String {
        match self {
            Self::Sqlite(store) => store.make_unreadable(documents),
            Self::MongoDb(store) => store.make_unreadable(documents).await,
        }
    }

    /// The name of the first migration.
    pub(crate) const fn first_migration(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "V1__first_slice",
            Self::MongoDb(_) => "0001__users",
        }
    }

    /// Makes it look as if it had never been migrated.
    pub(crate) async fn forget_migrations(&self) {
        match self {
            Self::Sqlite(store) => store.forget_migrations(),
            Self::MongoDb(store) => store.forget_migrations().await,
        }
    }

    /// Makes it look as if other migrations had been applied under the names of ours.
    pub(crate) async fn falsify_migrations(&self) {
        match self {
            Self::Sqlite(store) => store.falsify_migrations(),
            Self::MongoDb(store) => store.falsify_migrations().await,
        }
    }

    /// From now on, keeps no more than so many ids out of the index of ids. By itself, a store may keep more out of it than a
    /// test has events.
    pub(crate) fn index_all_ids_but(&self, late: u32) {
        match self {
            Self::Sqlite(store) => store.index_all_ids_but(late),
            // There all are in it at once.
            Self::MongoDb(_) => {}
        }
    }

    /// Whether the ledger knows what a document held that was inserted and has seen no entry yet.
    pub(crate) const fn has_openings_without_entries(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            // It may hold documents that nobody inserted: the first entry opens them.
            Self::MongoDb(_) => false,
        }
    }

    /// All that is stored but for the record that a repair may leave of itself.
    pub(crate) fn without_record_of_repairs(&self, everything: Everything) -> Everything {
        match self {
            Self::Sqlite(_) => Sqlite::without_record_of_repairs(everything),
            Self::MongoDb(_) => MongoDb::without_record_of_repairs(everything),
        }
    }

    /// What `reconcile` says of a store where nothing was made yet.
    pub(crate) const fn nothing_to_reconcile(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "there is no store at sqlite://",
            // Nothing tells a database that was never written to from one that does not exist.
            Self::MongoDb(_) => "the store lacks the migrations 0001__users",
        }
    }

    /// Whether the store itself sees to it that no two participations have the same token.
    pub(crate) async fn keeps_tokens_unique(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.keeps_tokens_unique(),
            Self::MongoDb(store) => store.keeps_tokens_unique().await,
        }
    }

    /// Nobody else writes until this is dropped, where a store can be held up so.
    pub(crate) fn hold_writes(&self) -> Option<impl Sized> {
        match self {
            Self::Sqlite(store) => Some(store.hold_writes()),
            Self::MongoDb(_) => None,
        }
    }

    /// From now on nobody can reach it.
    pub(crate) async fn go_away(&self) {
        match self {
            Self::Sqlite(store) => store.go_away(),
            Self::MongoDb(store) => store.go_away().await,
        }
    }

    /// It can be reached again and has kept everything.
    pub(crate) async fn come_back(&self) {
        match self {
            Self::Sqlite(store) => store.come_back(),
            Self::MongoDb(store) => store.come_back().await,
        }
    }
}

fn server_uri() -> Option<String> {
    match env::var(STORAGE_URL) {
        Ok(url) if url.starts_with("mongodb://") || url.starts_with("mongodb+srv://") => Some(url),
        // Not shown: it may hold a password.
        Ok(_) => panic!("{STORAGE_URL} may name a MongoDB server, and begins with mongodb:// then"),
        Err(env::VarError::NotPresent) => None,
        Err(error) => panic!("{STORAGE_URL}: {error}"),
    }
}
