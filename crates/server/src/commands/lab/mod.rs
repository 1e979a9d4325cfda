//! `lab`: what a selection strategy would do.

mod replay;
mod simulate;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use clap::Subcommand;

use crate::Settings;

/// The commands of the lab.
#[derive(Debug, Subcommand)]
pub(super) enum Lab {
    /// Run invented broadcasts with several strategies and compare what streamers and brands would get.
    Simulate(simulate::Simulate),
    /// Estimate what another strategy would have earned with the decisions that a server really made. Needs decisions that
    /// were made while decisions.exploration was set, unless the strategies hardly differ. Exit code 1 means that the
    /// decisions do not suffice for an estimate. Writes nothing to the store.
    Replay(replay::Arguments),
}

impl Lab {
    /// Runs the command.
    pub(super) async fn run(self, settings: &Settings) -> anyhow::Result<ExitCode> {
        match self {
            Self::Simulate(options) => simulate::run(&options),
            Self::Replay(arguments) => replay::run(settings, arguments).await,
        }
    }
}

/// Prints a report. The reader of standard output may have ended, as `head` does.
fn print(report: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(report.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Fails if a report cannot be written to this file, so that nobody learns that only after minutes of work. Makes the
/// file if there is none, and leaves one that there is as it is.
fn check_writable(file: &Path) -> anyhow::Result<()> {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.map(|_| ()).with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a report to a file.
fn write(file: &Path, report: &str) -> anyhow::Result<()> {
    fs::write(file, report).with_context(|| format!("cannot write {}", file.display()))
}
