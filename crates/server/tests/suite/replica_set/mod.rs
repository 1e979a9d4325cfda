//! What holds on a MongoDB replica set: when its server is killed, under two instances at their busiest, and when it is
//! none. Always on MongoDB, whatever store the other tests have.

mod killed;
mod refused;
mod two_instances;

use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;

use crate::support::TestStore;

/// All documents of a collection, past every rule of the product.
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
