//! Measures the server's throughput beside that of its frameworks alone: `cargo xtask bench`.
//!
//! Owns how the figures of `docs/performance.md` are measured. Part of no program. All figures come from one session on
//! one machine, with the real server in its own process. Figures that are compared are measured in turn.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures are rounded")]

mod answer;
mod bare;
mod driver;
mod load;
mod machine;
mod memory;
mod plot;
mod process;
mod report;
mod request;
mod results;
mod rotation;
mod scope;
mod selection;
mod stage;

use std::{ffi::OsStr, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use gametriggers::SystemClock;
use gametriggers_services::Clock;
use gametriggers_test_mongod::{URI_VARIABLE, uri_from_environment};
use tokio::task::spawn_blocking;

use crate::{
    report::Circumstances,
    results::{Backend, Results},
    rotation::Rotation,
    scope::{Effort, Part, Scope},
};

/// The server's allocator. With the system's allocator, the bare framework could be slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough for all connections. Many systems allow only 1,024.
const OPEN_FILES: u64 = 8_192;

/// Measures the server beside its frameworks alone.
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Use small stores and short runs, to see whether everything can be measured
    #[arg(long)]
    short: bool,
    /// Measure only these parts
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Measure only this kind of store; the bare driver needs MongoDB, and memory is measured on SQLite
    #[arg(long)]
    store: Option<Backend>,
    /// Also write the tables and the plot to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The server to measure; by default the one beside this program
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program does when it starts itself.
#[derive(Debug, clap::Subcommand)]
enum Role {
    /// The bare handler that the server is compared with
    #[command(name = bare::COMMAND, hide = true)]
    BareServer {
        /// The streamers whose screens it answers for
        screens: Vec<u32>,
    },
}

#[allow(clippy::print_stderr, reason = "a command line's own voice")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.role {
        Some(Role::BareServer { screens }) => bare::serve(screens),
        None => compare(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> anyhow::Result<()> {
    // Each connection is an open file here, and another in the server, which inherits the limit. If the limit cannot be
    // raised, the error comes when a connection cannot be opened.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let scope = scope(arguments)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = measure(&scope) => outcome,
            // Handled here, so that servers are stopped and stores dropped.
            told = told_to_stop() => {
                told?;
                bail!("told to stop")
            }
        }
    });
    runtime.shutdown_background();
    let (results, mongodb) = outcome?;
    if !results.errors.is_empty() {
        bail!("the figures are worthless:\n{}", results.errors.join("\n"));
    }
    publish(&results, mongodb.as_deref(), arguments, scope.effort)
}

/// Returns on Ctrl-C, and on Unix on SIGTERM.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn scope(arguments: &Arguments) -> anyhow::Result<Scope> {
    let parts =
        if arguments.only.is_empty() { Part::value_variants().to_vec() } else { arguments.only.clone() };
    let backends = arguments.store.map_or_else(|| Backend::ALL.to_vec(), |backend| vec![backend]);
    let server = match &arguments.server {
        Some(path) => path.clone(),
        None => process::beside(OsStr::new("gametriggers"))?,
    };
    let mut scope = Scope {
        parts: parts.into_iter().collect(),
        backends: backends.into_iter().collect(),
        effort: if arguments.short { Effort::SHORT } else { Effort::FULL },
        server: std::path::absolute(server)?,
        mongodb: String::new(),
    };
    if scope.measured().is_empty() && !scope.parts.contains(&Part::Selection) && !measures_memory(&scope) {
        bail!("nothing of that can be measured on that kind of store");
    }
    if scope.backends.contains(&Backend::MongoDb) {
        scope.mongodb = uri_from_environment()?.with_context(|| {
            format!(
                "{URI_VARIABLE} is not set: name a replica set of MongoDB on which databases may be made and dropped, \
                 measure by `cargo xtask bench`, which starts one, or leave MongoDB out with --store sqlite"
            )
        })?;
    }
    Ok(scope)
}

/// Memory is measured on SQLite only, because what the server keeps in memory is the same for both stores.
fn measures_memory(scope: &Scope) -> bool {
    scope.parts.contains(&Part::Memory) && scope.backends.contains(&Backend::Sqlite)
}

async fn measure(scope: &Scope) -> anyhow::Result<(Results, Option<String>)> {
    let mut results = Results::default();
    let mongodb = if scope.backends.contains(&Backend::MongoDb) {
        let version = driver::server_version(&scope.mongodb).await;
        Some(
            version
                .with_context(|| format!("cannot use the MongoDB that {URI_VARIABLE} names; does it run?"))?,
        )
    } else {
        None
    };
    let mut rotation = Rotation::prepare(scope).await?;
    rotation.run(&mut results).await?;
    rotation.check(&mut results).await;
    if measures_memory(scope) {
        results.memory = memory::measure(scope, &mut rotation).await?;
        if results.memory.is_none() {
            rotation.say("the memory of a process cannot be read here: it is measured on Linux only");
        }
    }
    // Drops the stores before selection is measured.
    drop(rotation);
    if scope.parts.contains(&Part::Selection) {
        results.selections = spawn_blocking(selection::measure).await??;
    }
    Ok((results, mongodb))
}

/// Prints the tables. Writes them and the plot to a folder if one was given.
#[allow(clippy::print_stdout, reason = "the outcome of the program")]
fn publish(
    results: &Results,
    mongodb: Option<&str>,
    arguments: &Arguments,
    effort: Effort,
) -> anyhow::Result<()> {
    let plot = plot::draw(results)?;
    let circumstances = Circumstances {
        machine: machine::machine(),
        versions: machine::versions(mongodb),
        date: SystemClock.now().to_string().chars().take_while(|sign| *sign != 'T').collect(),
        effort,
        has_plot: plot.is_some() && arguments.out.is_some(),
    };
    let tables = report::render(results, &circumstances);
    println!("{tables}");
    let Some(folder) = &arguments.out else { return Ok(()) };
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    write(report::TABLES, &tables)?;
    plot.map_or(Ok(()), |plot| write(report::PLOT, &plot))
}
