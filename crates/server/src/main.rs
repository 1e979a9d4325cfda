//! `gametriggers`: see `gametriggers --help`.

use std::{mem, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use gametriggers::commands::Cli;
use tokio::runtime::Runtime;

/// Requests allocate and free many small objects, and mimalloc takes less time for this than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = Runtime::new().context("cannot start").and_then(|runtime| {
        let ended = runtime.block_on(cli.run());
        // The runtime is never dropped. A task of the MongoDB driver still tells the server that the client leaves, and
        // the task would panic if the runtime ended first.
        mem::forget(runtime);
        ended
    });
    ended.unwrap_or_else(|error| {
        #[allow(clippy::print_stderr)] // an error of the command line, which no log filter may hide
        {
            eprintln!("gametriggers: {error:#}");
        }
        ExitCode::FAILURE
    })
}
