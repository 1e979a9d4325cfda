//! The store of a test, and changes to it that no service would make.
//!
//! The tests are the same for every kind of store. Changes behind the server's back go through [`TestStore`]. Where the kinds of
//! stores differ, [`TestStore`] says how.

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

/// The environment variable that names a server, such as `mongodb://localhost:27017/?replicaSet=rs0`, on which every test makes
/// its own database. If it is not set, every test has its own SQLite file.
const STORAGE_URL: &str = "GAMETRIGGERS_TEST_STORAGE_URL";

/// The content of a store: the rows or documents of each table or collection, in order.
pub(crate) type Everything = BTreeMap<String, Vec<String>>;

/// A store of one test. It is deleted when it is dropped.
pub(crate) enum TestStore {
    Sqlite(Sqlite),
    MongoDb(MongoDb),
}

impl TestStore {
    /// Makes an empty store without a schema.
    pub(crate) async fn create() -> Self {
        match server_uri() {
            Some(uri) => Self::MongoDb(MongoDb::on(&uri).await),
            None => Self::sqlite(),
        }
    }

    /// As [`create`](Self::create), on a server that no other test uses. Such a store can [`go_away`](Self::go_away), and its
    /// clients do not wait for it for long.
    pub(crate) async fn create_on_its_own() -> Self {
        match server_uri() {
            Some(_) => Self::mongodb_on_its_own().await,
            None => Self::sqlite(),
        }
    }

    /// Makes an empty SQLite file, whatever store the tests run on.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(Sqlite::in_a_folder())
    }

    /// The SQLite file. Panics if the store is not SQLite.
    pub(crate) fn file(&self) -> &Sqlite {
        match self {
            Self::Sqlite(store) => store,
            Self::MongoDb(_) => panic!("not a file"),
        }
    }

    /// Uses this MongoDB database, whatever store the tests run on.
    pub(crate) fn mongodb(database: TestDatabase) -> Self {
        Self::MongoDb(MongoDb::from(database))
    }

    /// Makes a MongoDB database on a server that no other test uses, whatever store the tests run on.
    pub(crate) async fn mongodb_on_its_own() -> Self {
        Self::MongoDb(MongoDb::on_a_private_server().await)
    }

    /// The value of `storage.url` for this store.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(store) => store.url(),
            Self::MongoDb(store) => store.url(),
        }
    }

    /// Opens the store like the services do, through its own client.
    pub(crate) async fn repositories(&self) -> Repositories {
        Store::open(&self.url()).await.unwrap().repositories()
    }

    /// Whether anything was created in the store yet.
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

    /// The ids of the ledger's entries, in the order in which the entries were recorded. An id that is stored twice comes twice.
    pub(crate) async fn entries_in_order(&self) -> Vec<String> {
        match self {
            Self::Sqlite(store) => store.entries_in_order(),
            Self::MongoDb(store) => store.entries_in_order().await,
        }
    }

    /// Sets a field of all documents that have it.
    pub(crate) async fn set_all(&self, field: Field, value: impl Into<Value>) {
        assert!(self.set(field, None, &value.into()).await > 0, "{field:?} is set nowhere");
    }

    /// Sets a field of the document with this id. Exactly one document must change.
    pub(crate) async fn set_one(&self, field: Field, id: &str, value: impl Into<Value>) {
        assert_eq!(self.set(field, Some(id), &value.into()).await, 1, "{field:?} of {id}");
    }

    /// Sets the field and returns how many documents have changed.
    async fn set(&self, field: Field, id: Option<&str>, value: &Value) -> usize {
        match self {
            Self::Sqlite(store) => store.set(field, id, value),
            Self::MongoDb(store) => store.set(field, id, value).await,
        }
    }

    /// The name of a field in the messages of the store.
    pub(crate) const fn name_of(&self, field: Field) -> &'static str {
        match self {
            Self::Sqlite(_) => field.column,
            Self::MongoDb(_) => field.key,
        }
    }

    /// Makes every later read of these documents fail. Returns a part of the error that the store then logs.
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

    /// Makes the store look as if it had never been migrated.
    pub(crate) async fn forget_migrations(&self) {
        match self {
            Self::Sqlite(store) => store.forget_migrations(),
            Self::MongoDb(store) => store.forget_migrations().await,
        }
    }

    /// Makes the store look as if other migrations had been applied under the names of ours.
    pub(crate) async fn falsify_migrations(&self) {
        match self {
            Self::Sqlite(store) => store.falsify_migrations(),
            Self::MongoDb(store) => store.falsify_migrations().await,
        }
    }

    /// Makes the store keep at most this many ids out of its index of ids. By default, a store may keep more ids out of the index
    /// than a test has events.
    pub(crate) fn index_all_ids_but(&self, late: u32) {
        match self {
            Self::Sqlite(store) => store.index_all_ids_but(late),
            // MongoDB indexes all ids at once.
            Self::MongoDb(_) => {}
        }
    }

    /// Whether the ledger knows the counters of an inserted document before its first entry.
    pub(crate) const fn has_openings_without_entries(&self) -> bool {
        match self {
            Self::Sqlite(_) => true,
            // MongoDB may hold documents that nobody inserted, so the first entry of a document stores them.
            Self::MongoDb(_) => false,
        }
    }

    /// The content of the store without the record that a repair may leave.
    pub(crate) fn without_record_of_repairs(&self, everything: Everything) -> Everything {
        match self {
            Self::Sqlite(_) => Sqlite::without_record_of_repairs(everything),
            Self::MongoDb(_) => MongoDb::without_record_of_repairs(everything),
        }
    }

    /// The message of `reconcile` on a store in which nothing was created yet.
    pub(crate) const fn nothing_to_reconcile(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "there is no store at sqlite://",
            // In MongoDB, a database without writes is the same as one that does not exist.
            Self::MongoDb(_) => "the store lacks the migrations 0001__users",
        }
    }

    /// Whether the store itself prevents two participations with the same token.
    pub(crate) async fn keeps_tokens_unique(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.keeps_tokens_unique(),
            Self::MongoDb(store) => store.keeps_tokens_unique().await,
        }
    }

    /// Blocks all other writers until the returned value is dropped; `None` if the store cannot be blocked.
    pub(crate) fn hold_writes(&self) -> Option<impl Sized> {
        match self {
            Self::Sqlite(store) => Some(store.hold_writes()),
            Self::MongoDb(_) => None,
        }
    }

    /// Makes the store unreachable.
    pub(crate) async fn go_away(&self) {
        match self {
            Self::Sqlite(store) => store.go_away(),
            Self::MongoDb(store) => store.go_away().await,
        }
    }

    /// Makes the store reachable again, with everything that it held.
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
        // The value is not shown, because it may hold a password.
        Ok(_) => panic!("{STORAGE_URL} may name a MongoDB server, and begins with mongodb:// then"),
        Err(env::VarError::NotPresent) => None,
        Err(error) => panic!("{STORAGE_URL}: {error}"),
    }
}
