//! The project's own commands, run as `cargo xtask <command>`.
//!
//! Owns how the project is tested and checked, so that a developer, the `justfile` and CI all do the same. Depends on
//! no crate of the product, only on the crate that starts servers for tests. No crate of the product depends on this
//! one.
//!
//! A command is one module with a `run` function and one variant of [`Task`].
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for people: what it does belongs on their terminal"
)]

mod bench;
mod browser;
mod cargo;
mod ci;
mod circles;
mod conformance;
mod crawlers;
mod floors;
mod howto;
mod lint;
mod mongodb;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Run unit, integration and doc tests, with a MongoDB server found or started for them
    Test(test::TestCommand),
    /// Run the tests that drive a real Chromium
    Browser(cargo::TestArgs),
    /// Check the crate floors, the formatting, the dependencies, clippy and the documentation
    Lint,
    /// Check that a new strategy is one file and one line, with the example of docs/howto/add-a-strategy.md
    Howto,
    /// Check only which crate depends on which, and that no files of a crate import each other in a circle
    Floors,
    /// Measure the server beside what its frameworks do without it, with a MongoDB server found or started
    Bench(bench::BenchArgs),
    /// Fetch anew the list of programs whose visits are not paid
    Crawlers,
    /// Check by requests made of the OpenAPI document whether the server does what it says
    Conformance,
    /// Run everything that CI runs: test, howto, conformance, bench, browser, lint
    Ci(ci::CiArgs),
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Test(args) => test::run(&args),
        Task::Browser(args) => browser::run(&args),
        Task::Lint => lint::run(),
        Task::Howto => howto::run(),
        Task::Floors => floors::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Crawlers => crawlers::run(),
        Task::Conformance => conformance::run(),
        Task::Ci(args) => ci::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Task::command().debug_assert();
    }

    #[test]
    fn what_follows_a_test_command_is_passed_on() {
        let words = ["xtask", "test", "-p", "gametriggers-domain", "fair", "--", "--nocapture"];
        let Task::Test(command) = Task::parse_from(words) else { panic!("not parsed as `test`") };
        assert_eq!(command.to_cargo(), ["-p", "gametriggers-domain", "fair", "--", "--nocapture"]);

        let words = ["xtask", "test", "--store", "sqlite", "--test", "suite", "openapi"];
        let Task::Test(command) = Task::parse_from(words) else { panic!("not parsed as `test`") };
        assert_eq!(command.to_cargo(), ["--test", "suite", "openapi"], "the store is not for cargo");

        let Task::Browser(args) = Task::parse_from(["xtask", "browser", "--", "--nocapture"]) else {
            panic!("not parsed as `browser`")
        };
        assert_eq!(args.to_cargo(), ["--", "--nocapture"]);
    }
}
