//! `cargo xtask test`: runs every test except the browser tests.
//!
//! The tests of the MongoDB backend need a replica set. If the environment names none, this command starts one server with its
//! own data for the whole run and stops it at the end. In both cases, the tests read its address from the same environment
//! variable. No test starts a shared server, and no test skips itself.
//!
//! The HTTP suite runs twice, unchanged: once on an SQLite file, and once on that replica set, where each test has its own
//! database. `--store` runs only the tests of one store. If the caller names packages or tests, only those run, and only once.
//! They use the store of `--store`, or else the one that `GAMETRIGGERS_TEST_STORAGE_URL` names, or else an SQLite file.

use clap::{Args, ValueEnum};
use gametriggers_test_mongod::{Server, URI_VARIABLE};

use crate::cargo::{TestArgs, cargo, run as run_cargo};
use crate::mongodb::MongoDb;

/// The test target of the HTTP suite.
const SUITE: &str = "suite";
/// The tests of the suite that use MongoDB in every run, and nothing else.
const ALWAYS_ON_MONGODB: [&str; 2] = ["replica_set::", "binary::waiting::"];
/// The tests of the suite that cannot run without MongoDB.
const NEED_MONGODB: [&str; 3] = ["replica_set::", "binary::waiting::", "previous_database::"];
/// The crates whose tests cannot run without MongoDB.
const MONGODB_CRATES: [&str; 2] = ["gametriggers-persistence-mongodb", "gametriggers-test-mongod"];
/// The crate of the HTTP suite.
const SUITE_CRATE: &str = "gametriggers";
/// The environment variable that names the server on which the tests of the suite create their stores.
const STORAGE_VARIABLE: &str = "GAMETRIGGERS_TEST_STORAGE_URL";

/// The arguments of `cargo xtask test`.
#[derive(Debug, PartialEq, Eq, Args)]
pub(crate) struct TestCommand {
    /// Run only the tests of this store; sqlite needs no MongoDB server
    #[arg(long, value_enum)]
    store: Option<Store>,
    #[command(flatten)]
    args: TestArgs,
}

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    Sqlite,
    Mongodb,
}

impl TestCommand {
    /// All tests.
    pub(crate) const ALL: Self = Self { store: None, args: TestArgs::NONE };

    /// The arguments for cargo, in the order that cargo requires.
    #[cfg(test)]
    pub(crate) fn to_cargo(&self) -> Vec<&str> {
        self.args.to_cargo()
    }
}

/// Runs unit, integration and doc tests: all of them, those of one store, or those that the caller names.
///
/// # Errors
/// If a test fails, or if a MongoDB server is needed and not available.
pub(crate) fn run(command: &TestCommand) -> anyhow::Result<()> {
    let args = &command.args;
    match command.store {
        Some(Store::Sqlite) => on_sqlite(args),
        Some(Store::Mongodb) => on_mongodb(args, &MongoDb::find_or(Server::start)?.uri()),
        None => on_both(args, &MongoDb::find_or(Server::start)?.uri()),
    }
}

/// Runs all tests, and then the HTTP suite again on MongoDB. If the caller names tests, runs only those, once.
fn on_both(args: &TestArgs, mongodb: &str) -> anyhow::Result<()> {
    let mut tests = cargo(["test"].into_iter().chain(scope(args)).chain(args.to_cargo()));
    tests.env(URI_VARIABLE, mongodb);
    if *args != TestArgs::NONE {
        return run_cargo(tests);
    }
    println!("\n===== all tests, the HTTP suite on SQLite =====");
    tests.env_remove(STORAGE_VARIABLE);
    run_cargo(tests)?;
    println!("\n===== the HTTP suite again, on MongoDB =====");
    // This run uses the scope of the first one, so that dependencies keep their features and are not compiled again.
    let done = skip(&ALWAYS_ON_MONGODB);
    let mut suite = cargo(["test", "--workspace", "--test", SUITE, "--"].into_iter().chain(done));
    suite.env(URI_VARIABLE, mongodb).env(STORAGE_VARIABLE, mongodb);
    run_cargo(suite)
}

/// Runs the tests that need no MongoDB server. If the caller names tests, runs only those among them.
fn on_sqlite(args: &TestArgs) -> anyhow::Result<()> {
    let excluded = MONGODB_CRATES.iter().flat_map(|package| ["--exclude", package]);
    let excluded = excluded.filter(|_| *args == TestArgs::NONE);
    let words = ["test"].into_iter().chain(scope(args)).chain(excluded).chain(args.to_cargo());
    let separator = Some("--").filter(|_| !args.has_words_for_the_binary());
    let mut tests = cargo(words.chain(separator).chain(skip(&NEED_MONGODB)));
    tests.env_remove(STORAGE_VARIABLE).env_remove(URI_VARIABLE);
    run_cargo(tests)
}

/// Runs the tests of the MongoDB backend and the HTTP suite on MongoDB. If the caller names tests, runs those.
fn on_mongodb(args: &TestArgs, mongodb: &str) -> anyhow::Result<()> {
    let crates = MONGODB_CRATES.iter().chain([&SUITE_CRATE]).flat_map(|package| ["-p", package]);
    let crates = crates.filter(|_| *args == TestArgs::NONE);
    let scope = scope(args).filter(|_| *args != TestArgs::NONE);
    let mut tests = cargo(["test"].into_iter().chain(scope).chain(crates).chain(args.to_cargo()));
    tests.env(URI_VARIABLE, mongodb).env(STORAGE_VARIABLE, mongodb);
    run_cargo(tests)
}

/// Selects the whole workspace unless the caller names packages.
fn scope(args: &TestArgs) -> Option<&'static str> {
    Some("--workspace").filter(|_| !args.names_a_package())
}

/// The arguments for a test binary that leave out these modules.
fn skip<'a>(modules: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    modules.iter().flat_map(|module| ["--skip", module])
}
