//! `migrate`: the schema of the store.

use std::process::ExitCode;

use crate::{Settings, Store};

pub(super) async fn run(settings: &Settings, dry_run: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open(&settings.storage.url).await?;
    let (migrations, done) = if dry_run {
        (store.pending_migrations().await?, "would apply")
    } else {
        (store.migrate().await?, "applied")
    };
    for migration in &migrations {
        println!("{done} {migration}");
    }
    if migrations.is_empty() {
        println!("the store is up to date");
    }
    Ok(ExitCode::SUCCESS)
}
