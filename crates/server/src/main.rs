//! `gametriggers`: see `gametriggers --help`.

use std::{mem, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use gametriggers::commands::Cli;
use tokio::runtime::Runtime;

/// Requests make and drop many small things, which this does in less time than the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = Runtime::new().context("cannot start").and_then(|runtime| {
        let ended = runtime.block_on(cli.run());
        // It ends with the process: a task of the MongoDB driver, with which a client says goodbye to its server, panics
        // where the runtime ends before it.
        mem::forget(runtime);
        ended
    });
    ended.unwrap_or_else(|error| {
        #[allow(clippy::print_stderr)] // a command line's own voice, whatever the log filter
        {
            eprintln!("gametriggers: {error:#}");
        }
        ExitCode::FAILURE
    })
}
