//! MongoDB for tests: where a server comes from, private ones that may be killed, and databases of their own.
//!
//! Owns how tests come by MongoDB. Part of no program: the storage crates' tests and `cargo xtask` use it. Knows nothing
//! of the product.
//!
//! - A test that reads and writes takes a `TestDatabase` (feature `database`) on the server that
//!   [`URI_VARIABLE`] names. `cargo xtask test` sets the variable, and starts a server for the run where there is none.
//!   Without the variable such a test fails and says so; it never skips itself.
//! - A test that stops, kills or disturbs a server starts a [`Server`] of its own, which nobody else sees.
//!
//! [`find_mongod`] says where the program comes from. A server that was started here does not outlive the process that
//! started it, however that ends.

mod binary;
#[cfg(feature = "database")]
mod database;
mod process;
mod server;
mod wheel;
mod wire;

use std::env;

use anyhow::bail;

pub use binary::find_mongod;
#[cfg(feature = "database")]
pub use database::TestDatabase;
pub use server::Server;

/// The environment variable that names the replica set on which tests make their databases.
pub const URI_VARIABLE: &str = "GAMETRIGGERS_TEST_MONGODB_URI";

/// The value of [`URI_VARIABLE`], if it has one.
///
/// # Errors
/// If it is not Unicode.
pub fn uri_from_environment() -> anyhow::Result<Option<String>> {
    match env::var(URI_VARIABLE) {
        Ok(uri) if uri.is_empty() => Ok(None),
        Ok(uri) => Ok(Some(uri)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{URI_VARIABLE} is not Unicode"),
    }
}
