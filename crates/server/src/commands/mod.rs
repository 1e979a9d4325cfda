//! The commands of the binary, one file each.

#![allow(clippy::print_stdout)] // a command's answer goes to standard output

mod demo;
mod import;
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

/// Actix logs an error for each connection that is no HTTP. They are counted instead ([`crate::ConnectionCounts`]).
const NO_LINE_PER_CONNECTION: &str = "actix_http::h1::dispatcher=off";

/// Sponsorships for live streams.
#[derive(Debug, Parser)]
#[command(name = "gametriggers", version, about)]
pub struct Cli {
    /// A configuration file [default: gametriggers.toml, if it is there].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a server with a streamer and campaigns to try; needs no configuration.
    Demo {
        /// Listen on other addresses than this machine's own, too.
        #[arg(long)]
        allow_remote: bool,
    },
    /// Run the server.
    Serve,
    /// Bring the store's schema up to date.
    Migrate {
        /// Only say what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Insert an export of the previous system: users.json, campaigns.json, campaignparticipations.json as mongoexport
    /// writes them. What is stored already is left as it is.
    Import {
        /// The folder of the files.
        directory: PathBuf,
        /// Give each participation that is inserted a new token for its browser source: those of the previous system can
        /// be guessed. Its address in OBS shows nothing any more; streamers use that of their overlay.
        #[arg(long)]
        renew_tokens: bool,
    },
    /// Recompute every counter, budget and rollup from the ledger and report what differs.
    Reconcile {
        /// Also store what was recomputed.
        #[arg(long)]
        repair: bool,
    },
    /// Give old decisions a short form: it says what was shown, when and how likely that was, and no more how each other
    /// candidate stood. Each streamer's latest stays whole.
    ShortenDecisions {
        /// How long ago a decision must have ended, 1 day at least.
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

/// Opens the store, brought up to date if the configuration says so.
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

/// Refuses a store whose schema is not of this version.
async fn require_current(store: &Store) -> anyhow::Result<()> {
    let pending = store.pending_migrations().await?;
    anyhow::ensure!(
        pending.is_empty(),
        "the store lacks the migrations {}; run `gametriggers migrate` first",
        pending.join(", ")
    );
    Ok(())
}
