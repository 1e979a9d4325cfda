//! `gametriggers`: see `gametriggers --help`.

use std::process::ExitCode;

use clap::Parser;
use gametriggers::commands::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            #[allow(clippy::print_stderr)] // a command line's own voice, whatever the log filter
            {
                eprintln!("gametriggers: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
