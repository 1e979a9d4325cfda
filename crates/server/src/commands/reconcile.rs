//! `reconcile`: counters against the ledger.

use std::process::ExitCode;

use crate::{Settings, Store};

/// Exit code 1 says that differences were found and left as they are.
pub(super) async fn run(settings: &Settings, repair: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&settings.storage.url).await?;
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
    match (found.is_empty(), repair) {
        (true, _) => println!("no difference"),
        (false, true) => println!("{count}, repaired"),
        (false, false) => println!("{count}; `gametriggers reconcile --repair` stores what the ledger says"),
    }
    Ok(if found.is_empty() || repair { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
