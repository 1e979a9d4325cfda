//! `lab`: what a selection strategy would do.

mod replay;
mod simulate;

use std::process::ExitCode;

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
