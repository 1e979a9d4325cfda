//! `lab replay`: what another strategy would have done with the decisions that a server really made.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::ensure;
use clap::Args;
use gametriggers_lab::{
    replay::{self, Outcome, Question, Target},
    report,
};
use gametriggers_services::Clock;
use gametriggers_types::{Timestamp, UserId};

use super::{check_writable, print, write};
use crate::{Settings, Store, SystemClock};

/// What is replayed.
#[derive(Debug, Args)]
pub(in crate::commands) struct Arguments {
    /// The beginning of the time whose decisions are replayed, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// The end of this time. A decision that is made at this moment is not replayed.
    #[arg(long, value_name = "TIME")]
    to: Timestamp,
    /// The strategy that decides instead.
    #[arg(long, value_name = "NAME")]
    strategy: String,
    /// The id of the only streamer whose decisions are replayed.
    #[arg(long, value_name = "ID")]
    streamer: Option<UserId>,
    /// A parameter of the strategy, such as capped-fair.share=0.5. May be given several times. Parameters that are not given
    /// are those of each streamer's settings.
    #[arg(long = "parameter", value_name = "STRATEGY.NAME=VALUE")]
    parameters: Vec<String>,
    /// A file into which everything is written as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A file into which everything is written as an HTML page with charts that needs no other file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(settings: &Settings, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { from, to, strategy, streamer, parameters, json, html } = arguments;
    ensure!(from < to, "--from must be before --to");
    let target = Target::parse(&strategy, &parameters)?;
    let is_store = |file: &Path| {
        let store = settings.storage.url.sqlite_path().map(fs::canonicalize);
        store.and_then(Result::ok).is_some_and(|store| fs::canonicalize(file).is_ok_and(|file| file == store))
    };
    for (option, file) in [("--json", &json), ("--html", &html)] {
        ensure!(
            !file.as_deref().is_some_and(is_store),
            "{option} names the store, which it would destroy: name another file"
        );
    }
    let store = Store::open_existing(settings.storage.url.expose()).await?.patient();
    super::super::require_current(&store).await?;
    for file in [&json, &html].into_iter().flatten() {
        check_writable(file)?;
    }
    let question = Question { from, to, streamer, target };
    let replay = replay::run(&store.repositories(), &question, SystemClock.now()).await?;
    let printed = print(&format!("{replay}\n"));
    if let Some(file) = json {
        write(&file, &(serde_json::to_string_pretty(&replay)? + "\n"))?;
    }
    if let Some(file) = html {
        write(&file, &report::replay_page(&replay)?)?;
    }
    printed?;
    let is_refused = matches!(replay.outcome, Outcome::Refused { .. });
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
