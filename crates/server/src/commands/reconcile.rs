//! `reconcile`: compares counters with the ledger.

use std::process::ExitCode;

use crate::{Settings, Store};

/// Runs the command. Exit code 1 means that differences were found and not all were repaired.
pub(super) async fn run(settings: &Settings, repair: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(settings.storage.url.expose()).await?;
    super::require_current(&store).await?;
    let found = store.repositories().ledger.reconcile(repair).await?;
    for difference in &found {
        println!(
            "{} {}: {} is {}, the ledger says {}",
            difference.entity, difference.id, difference.field, difference.stored, difference.expected
        );
    }
    let count = match found.len() {
        1 => "1 difference".to_owned(),
        count => format!("{count} differences"),
    };
    let stays = found.iter().filter(|difference| !difference.is_repairable()).count();
    match (found.is_empty(), repair) {
        (true, _) => println!("no difference"),
        (false, true) if stays > 0 => println!(
            "{count}, repaired but for {stays}: what was counted twice stays so, because no entry is ever deleted; see \
             docs/operations.md"
        ),
        (false, true) => println!("{count}, repaired"),
        (false, false) => println!("{count}; `gametriggers reconcile --repair` stores what the ledger says"),
    }
    let is_right = found.is_empty() || (repair && stays == 0);
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
