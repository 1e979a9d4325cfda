//! `cargo xtask bench`: measures the real server, and for comparison its frameworks without the server.

use std::path::{self, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;
use gametriggers_test_mongod::{Server, URI_VARIABLE};

use crate::cargo::{cargo, root, run as run_cargo, target_directory};
use crate::mongodb::MongoDb;

/// The cargo command that builds the server as it is shipped, and the program that measures it.
const RELEASE: &[&str] = &["build", "--release", "-p", "gametriggers", "-p", "gametriggers-benches"];
/// The cargo command that builds the same programs as `cargo xtask test`, with the same features, so that nothing is
/// compiled twice.
const SHORT: &[&str] = &["build", "--workspace", "--all-targets"];
/// The name of the program that measures. It finds the server in its own folder.
const COMPARE: &str = "compare";

/// How much is measured, and where the figures go.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Small stores, short runs and a debug build: whether everything can be measured. Its figures say nothing
    #[arg(long)]
    short: bool,
    /// Also write the tables and the plot to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Passed on to the program that measures: `--only data,clicks`, `--store sqlite` … (`--help` lists them)
    #[arg(value_name = "COMPARE_ARGS", last = true)]
    compare: Vec<String>,
}

impl BenchArgs {
    /// The short form.
    pub(crate) const SHORT: Self = Self { short: true, out: None, compare: Vec::new() };
}

/// Builds the server and measures it, with a MongoDB server that is found or started for the run. Fails if something
/// could not be measured or was answered wrongly, but never because of a figure.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let (build, profile) = if args.short { (SHORT, "debug") } else { (RELEASE, "release") };
    run_cargo(cargo(build.iter().copied()))?;
    let mongodb = MongoDb::find_or(Server::start_to_be_measured)?;
    let mut compare = Command::new(target_directory().join(profile).join(COMPARE));
    compare.current_dir(root()).env(URI_VARIABLE, mongodb.uri());
    if args.short {
        compare.arg("--short");
    }
    if let Some(out) = &args.out {
        // The path is relative to the caller's directory, but the program runs in the workspace's root.
        compare.arg("--out").arg(path::absolute(out).context("the folder of --out")?);
    }
    compare.args(&args.compare);
    let status = compare.status().context("cannot start the program that measures")?;
    ensure!(status.success(), "not everything could be measured ({status})");
    Ok(())
}
