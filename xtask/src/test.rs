//! `cargo xtask test`: every test that runs on a machine with only Rust and a C compiler.
//!
//! A storage backend whose tests need a server has that server looked for in [`run`], before cargo starts, and named to
//! the tests by an environment variable: tests never search the machine themselves and never skip themselves.

use crate::cargo::{TestArgs, cargo, run as run_cargo};

/// Runs unit, integration and doc tests of all crates, or of those that the caller names with `-p`.
pub(crate) fn run(args: &TestArgs) -> anyhow::Result<()> {
    let scope = if args.names_a_package() { None } else { Some("--workspace") };
    run_cargo(cargo(["test"].into_iter().chain(scope).chain(args.to_cargo())))
}
