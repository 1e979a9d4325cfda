//! `gametriggers`: see `gametriggers --help`.

use std::process::ExitCode;

use clap::Parser;
use gametriggers::commands::Cli;

/// Requests make and drop many small things, which this does in less time than the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
