//! `lab`: what a selection strategy would do.

mod simulate;

use std::process::ExitCode;

use clap::Subcommand;

use crate::Settings;

/// The commands of the lab.
#[derive(Debug, Subcommand)]
pub(super) enum Lab {
    /// Run invented broadcasts with several strategies and compare what streamers and brands would get.
    Simulate(simulate::Simulate),
}

impl Lab {
    /// Runs the command.
    #[allow(clippy::unused_async)]
    pub(super) async fn run(self, _: &Settings) -> anyhow::Result<ExitCode> {
        match self {
            Self::Simulate(options) => simulate::run(&options),
        }
    }
}
