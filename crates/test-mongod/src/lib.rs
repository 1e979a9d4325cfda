//! MongoDB servers and databases for tests.
//!
//! Owns how tests get a MongoDB server. Only the tests of the storage crates and `cargo xtask` use it; it is part of no
//! program. Knows nothing of the product.
//!
//! - A test that only reads and writes uses a `TestDatabase` (feature `database`) on the server that [`URI_VARIABLE`]
//!   names. `cargo xtask test` sets the variable and starts a server if there is none. Without the variable the test
//!   fails with a message; it does not skip itself.
//! - A test that stops, kills or disturbs a server starts its own [`Server`], which no other test uses. A test of
//!   elections starts its own [`ReplicaSet`], which has three members.
//!
//! [`find_mongod`] says where the program comes from. A server started here ends with the process that started it,
//! however that process ends.

mod binary;
#[cfg(feature = "database")]
mod database;
mod hello;
mod kind;
mod process;
mod replica_set;
mod server;
mod wheel;
mod wire;

use std::env;

use anyhow::bail;

pub use binary::find_mongod;
#[cfg(feature = "database")]
pub use database::TestDatabase;
pub use replica_set::ReplicaSet;
pub use server::Server;

/// The environment variable with the connection string of the replica set that tests use.
pub const URI_VARIABLE: &str = "GAMETRIGGERS_TEST_MONGODB_URI";

/// The value of [`URI_VARIABLE`]; `None` if it is missing or empty.
///
/// # Errors
/// If the value is not Unicode.
pub fn uri_from_environment() -> anyhow::Result<Option<String>> {
    match env::var(URI_VARIABLE) {
        Ok(uri) if uri.is_empty() => Ok(None),
        Ok(uri) => Ok(Some(uri)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{URI_VARIABLE} is not Unicode"),
    }
}
