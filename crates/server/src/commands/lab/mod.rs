//! `lab`: what a selection strategy would do.

use std::process::ExitCode;

use clap::Subcommand;

use crate::Settings;

/// The commands of the lab.
#[derive(Debug, Subcommand)]
pub(super) enum Lab {}

impl Lab {
    /// Runs the command.
    #[allow(clippy::unused_async)]
    pub(super) async fn run(self, _: &Settings) -> anyhow::Result<ExitCode> {
        match self {}
    }
}
