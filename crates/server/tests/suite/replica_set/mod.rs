//! Behaviour that depends on a MongoDB replica set: its server is killed, two busy instances share it, and it is no replica set
//! at all. These tests always use MongoDB, whatever store the others use.

mod killed;
mod refused;
mod two_instances;

use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;

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
