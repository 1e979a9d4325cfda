//! `migrate`: brings the store's schema up to date.

use std::process::ExitCode;

use crate::{Settings, Store};

pub(super) async fn run(settings: &Settings, dry_run: bool) -> anyhow::Result<ExitCode> {
    let url = settings.storage.url.expose();
    let (migrations, done) = if dry_run {
        (Store::dry_run(url).await?, "would apply")
    } else {
        (Store::open(url).await?.migrate().await?, "applied")
    };
    for migration in &migrations {
        println!("{done} {migration}");
    }
    if migrations.is_empty() {
        println!("the store is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
