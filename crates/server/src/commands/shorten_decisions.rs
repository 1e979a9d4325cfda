//! `shorten-decisions`: shortens old decisions to save space.

use std::{num::NonZeroU32, process::ExitCode};

use gametriggers_services::{Clock, shortening};

use crate::{Settings, Store, SystemClock};

pub(super) async fn run(settings: &Settings, older_than_days: NonZeroU32) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(settings.storage.url.expose()).await?;
    super::require_current(&store).await?;
    let decisions = store.repositories().decisions;
    match shortening::shorten(decisions.as_ref(), SystemClock.now(), older_than_days).await? {
        1 => println!("1 decision shortened"),
        count => println!("{count} decisions shortened"),
    }
    Ok(ExitCode::SUCCESS)
}
