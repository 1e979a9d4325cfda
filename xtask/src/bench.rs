//! `cargo xtask bench`: the real server beside what its frameworks do without it.

use std::path::{self, PathBuf};

use anyhow::Context;
use clap::Args;
use gametriggers_test_mongod::{Server, URI_VARIABLE};

use crate::cargo::{cargo, run as run_cargo};
use crate::mongodb::MongoDb;

/// The server as it is shipped.
const BUILD: &[&str] = &["build", "--release", "-p", "gametriggers"];
/// The program that measures it.
const COMPARE: &[&str] = &["run", "--release", "-p", "gametriggers-benches", "--"];

/// How much is measured, and where the figures go.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Small stores and short runs: whether everything can be measured, in two minutes
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

/// Builds the server and measures it, with a MongoDB server found or started for the run. Fails where something could not
/// be measured or was answered wrongly, and never because of a figure.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    run_cargo(cargo(BUILD.iter().copied()))?;
    let mongodb = MongoDb::find_or(Server::start_to_be_measured)?;
    let mut compare = cargo(COMPARE.iter().copied());
    compare.env(URI_VARIABLE, mongodb.uri());
    if args.short {
        compare.arg("--short");
    }
    if let Some(out) = &args.out {
        // The program runs in the workspace's root.
        compare.arg("--out").arg(path::absolute(out).context("the folder of --out")?);
    }
    compare.args(&args.compare);
    run_cargo(compare)
}
