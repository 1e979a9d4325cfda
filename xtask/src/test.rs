//! `cargo xtask test`: every test but the browser's.
//!
//! The tests of the MongoDB backend need a replica set. The environment names it, or one is started here: one server for
//! the whole run, on data of its own, that ends with the run. The tests learn of it by the same environment variable
//! either way; none starts a shared server of its own, and none skips itself.
//!
//! The HTTP suite runs twice, unchanged: with an SQLite file, and with a database of that replica set for each test.
//! Whoever names packages or tests gets one run of those, on the store that `GAMETRIGGERS_TEST_STORAGE_URL` names, which is
//! an SQLite file where it is not set.

use gametriggers_test_mongod::{Server, URI_VARIABLE};

use crate::cargo::{TestArgs, cargo, run as run_cargo};
use crate::mongodb::MongoDb;

/// The test target of the HTTP suite.
const SUITE: &str = "suite";
/// Its tests that are on MongoDB in any run.
const ALWAYS_ON_MONGODB: [&str; 2] = ["replica_set::", "binary::waiting::"];
/// The environment variable that names the server on which the tests of the suite make their stores.
const STORAGE_VARIABLE: &str = "GAMETRIGGERS_TEST_STORAGE_URL";

/// Runs unit, integration and doc tests of all crates, and once they have passed, the HTTP suite again on the other kind
/// of store; or what the caller names.
pub(crate) fn run(args: &TestArgs) -> anyhow::Result<()> {
    let mongodb = MongoDb::find_or(Server::start)?;
    let scope = if args.names_a_package() { None } else { Some("--workspace") };
    let mut tests = cargo(["test"].into_iter().chain(scope).chain(args.to_cargo()));
    tests.env(URI_VARIABLE, mongodb.uri());
    if *args != TestArgs::NONE {
        return run_cargo(tests);
    }
    println!("\n===== all tests, the HTTP suite on SQLite =====");
    tests.env_remove(STORAGE_VARIABLE);
    run_cargo(tests)?;
    println!("\n===== the HTTP suite again, on MongoDB =====");
    // In the scope of the first run, so that the dependencies keep their features and are not compiled again.
    let always_there = ALWAYS_ON_MONGODB.iter().flat_map(|module| ["--skip", module]);
    let mut suite = cargo(["test", "--workspace", "--test", SUITE, "--"].into_iter().chain(always_there));
    suite.env(URI_VARIABLE, mongodb.uri()).env(STORAGE_VARIABLE, mongodb.uri());
    run_cargo(suite)
}
