//! Behaviour that depends on a MongoDB replica set: its server is killed, its members elect another primary, two busy instances
//! share it, and it is no replica set at all. These tests always use MongoDB, whatever store the others use.
//!
//! `killed` and `elections` say what happens to the replica set. Meanwhile the `clients` of a `stage` send `events`, and
//! `acknowledged` compares the store with the answers.

mod acknowledged;
mod clients;
mod elections;
mod events;
mod killed;
mod refused;
mod stage;
mod two_instances;

use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;

use crate::support::TestStore;

/// Reads all documents of a collection directly, without the product.
async fn documents<T>(store: &TestStore, collection: &str) -> Vec<T>
where
    T: DeserializeOwned + Send + Sync,
{
    let TestStore::MongoDb(database) = store else { unreachable!("always on MongoDB") };
    let found = database.database().raw().collection::<T>(collection);
    #[allow(clippy::default_trait_access)] // its type is the driver's, which is no dependency of this crate
    let found = found.find(Default::default()).await.unwrap();
    found.try_collect().await.unwrap()
}

/// Runs blocking work on a MongoDB server or replica set, which must succeed, and returns the server or replica set.
async fn blocking<T: Send + 'static>(mut mongod: T, work: fn(&mut T) -> anyhow::Result<()>) -> T {
    spawn_blocking(move || work(&mut mongod).map(|()| mongod)).await.unwrap().unwrap()
}
