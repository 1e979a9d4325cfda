//! What the tests of several files are made of.

use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_test_mongod::TestDatabase;

/// A store on this database, with all migrations applied.
pub(crate) async fn migrated(database: &TestDatabase) -> MongoStore {
    let store = MongoStore::connect(database.uri()).await.unwrap();
    store.migrate().await.unwrap();
    store
}
