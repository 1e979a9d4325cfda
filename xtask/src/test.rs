//! `cargo xtask test`: runs every test but the browser tests.
//!
//! The tests of the MongoDB backend need a replica set. If the environment names none, this command starts one server
//! for the whole run, with data of its own, and ends it after the run. In both cases the tests find the server by the
//! same environment variable. No test starts a shared server of its own, and none skips itself.
//!
//! The HTTP suite runs twice, unchanged: once with an SQLite file, and once with a database of that replica set for
//! each test. If the caller names packages or tests, these run once, on the store that `GAMETRIGGERS_TEST_STORAGE_URL`
//! names, or on an SQLite file if the variable is not set.

use gametriggers_test_mongod::{Server, URI_VARIABLE};

use crate::cargo::{TestArgs, cargo, run as run_cargo};
use crate::mongodb::MongoDb;

/// The test target of the HTTP suite.
const SUITE: &str = "suite";
/// The tests of the suite that use MongoDB in every run.
const ALWAYS_ON_MONGODB: [&str; 2] = ["replica_set::", "binary::waiting::"];
/// The environment variable that names the server on which the suite's tests make their stores.
const STORAGE_VARIABLE: &str = "GAMETRIGGERS_TEST_STORAGE_URL";

/// Runs the unit, integration and doc tests of all crates. If they pass, runs the HTTP suite again on the other kind of
/// store. If the caller names packages or tests, runs only these.
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
    // The command has the scope of the first run, so that the dependencies keep their features and are not compiled
    // again.
    let always_there = ALWAYS_ON_MONGODB.iter().flat_map(|module| ["--skip", module]);
    let mut suite = cargo(["test", "--workspace", "--test", SUITE, "--"].into_iter().chain(always_there));
    suite.env(URI_VARIABLE, mongodb.uri()).env(STORAGE_VARIABLE, mongodb.uri());
    run_cargo(suite)
}
