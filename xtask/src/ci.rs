//! `cargo xtask ci`: runs what CI runs, for developers who want to know the result before CI does.

use clap::Args;

use crate::bench::BenchArgs;
use crate::cargo::TestArgs;
use crate::test::TestCommand;
use crate::{bench, browser, conformance, howto, lint, test};

/// The arguments of `cargo xtask ci`.
#[derive(Debug, Args)]
pub(crate) struct CiArgs {
    /// Leave out the browser tests, on a machine that has no Chromium
    #[arg(long)]
    no_browser: bool,
}

/// Runs the tests, the check of the how-to, the check of the OpenAPI document, the short form of the measurements, the browser tests and the
/// lints. Stops at the first that fails.
pub(crate) fn run(args: &CiArgs) -> anyhow::Result<()> {
    test::run(&TestCommand::ALL)?;
    howto::run()?;
    conformance::run()?;
    bench::run(&BenchArgs::SHORT)?;
    if !args.no_browser {
        browser::run(&TestArgs::NONE)?;
    }
    lint::run()
}
