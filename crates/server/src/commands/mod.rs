//! The commands of the program, one file each.

#![allow(clippy::print_stdout)] // a command's answer goes to standard output

mod demo;
mod import;
mod lab;
mod migrate;
mod reconcile;
mod serve;
mod shorten_decisions;

use std::{
    io::{self, IsTerminal},
    num::NonZeroU32,
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{LogFormat, LogSettings, Settings, Store};

/// Actix logs an error for each connection that does not send HTTP. Such connections are counted instead
/// ([`crate::ConnectionCounts`]).
const NO_LINE_PER_CONNECTION: &str = "actix_http::h1::dispatcher=off";

/// Sponsorships for live streams.
#[derive(Debug, Parser)]
#[command(name = "gametriggers", version, about)]
pub struct Cli {
    /// A configuration file [default: gametriggers.toml, if it exists].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server with a streamer and campaigns to try; needs no configuration.
    Demo {
        /// Accept an http.bind on which other machines can reach the demo
        #[arg(long)]
        allow_remote: bool,
    },
    /// Run the server.
    Serve,
    /// Bring the store's schema up to date.
    Migrate {
        /// Only list the missing migrations.
        #[arg(long)]
        dry_run: bool,
    },
    /// Insert an export of the previous system: users.json, campaigns.json, campaignparticipations.json as mongoexport
    /// writes them. Documents that are already stored are not changed.
    Import {
        /// The folder with the files.
        directory: PathBuf,
        /// Give each inserted participation a new browser source token, because tokens of the previous system can be
        /// guessed. The old addresses in OBS show nothing any more; streamers use the address of their overlay instead.
        #[arg(long)]
        renew_tokens: bool,
    },
    /// Recompute every counter, budget and rollup from the ledger and report what differs.
    Reconcile {
        /// Also store the recomputed values.
        #[arg(long)]
        repair: bool,
    },
    /// Try selection strategies without streamers.
    Lab {
        /// What to try.
        #[command(subcommand)]
        lab: lab::Lab,
    },
    /// Replace old decisions by a short form, which says what was shown, when and with what probability, but no longer
    /// contains the other candidates. Each streamer's latest decision stays complete.
    ShortenDecisions {
        /// How many days ago a decision must have ended, at least 1.
        #[arg(long, value_name = "DAYS")]
        older_than_days: NonZeroU32,
    },
}

impl Cli {
    /// Runs the command and returns the process's exit code.
    ///
    /// # Errors
    /// If the command could not be carried out.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let defaults = if matches!(self.command, Command::Demo { .. }) { demo::DEFAULTS } else { &[] };
        let settings = Settings::load(self.config.as_deref(), defaults)?;
        start_logging(&settings.log)?;
        match self.command {
            Command::Demo { allow_remote } => demo::run(&settings, allow_remote).await,
            Command::Serve => serve::run(&settings).await,
            Command::Migrate { dry_run } => migrate::run(&settings, dry_run).await,
            Command::Import { directory, renew_tokens } => {
                import::run(&settings, &directory, renew_tokens).await
            }
            Command::Reconcile { repair } => reconcile::run(&settings, repair).await,
            Command::Lab { lab } => lab.run(&settings).await,
            Command::ShortenDecisions { older_than_days } => {
                shorten_decisions::run(&settings, older_than_days).await
            }
        }
    }
}

fn start_logging(settings: &LogSettings) -> anyhow::Result<()> {
    let mut filter =
        EnvFilter::try_new(&settings.filter).context("log.filter is not a filter such as `info`")?;
    if !settings.filter.contains("actix_http") {
        filter = filter.add_directive(NO_LINE_PER_CONNECTION.parse()?);
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// Opens the store. Applies pending migrations if the configuration says so, and otherwise fails if there are any.
async fn open_current(settings: &Settings) -> anyhow::Result<Store> {
    let store = Store::open(settings.storage.url.expose()).await?;
    if settings.storage.migrate_on_start {
        for migration in store.migrate().await? {
            tracing::info!(migration, "applied");
        }
    }
    require_current(&store).await?;
    Ok(store)
}

/// Fails if the store's schema lacks migrations of this version.
async fn require_current(store: &Store) -> anyhow::Result<()> {
    let pending = store.pending_migrations().await?;
    anyhow::ensure!(
        pending.is_empty(),
        "the store lacks the migrations {}; run `gametriggers migrate` first",
        pending.join(", ")
    );
    Ok(())
}
