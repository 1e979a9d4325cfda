//! `import`: an export of the previous system into the store.

use std::{path::Path, process::ExitCode};

use gametriggers_services::import::{self, CollectionReport};

use crate::Settings;

/// Exit code 1 says that documents were refused; all others are stored.
pub(super) async fn run(settings: &Settings, directory: &Path) -> anyhow::Result<ExitCode> {
    let store = super::open_current(settings).await?.patient();
    let report = import::run(&store.repositories(), directory).await?;
    print("users", &report.users);
    print("campaigns", &report.campaigns);
    print("participations", &report.participations);
    for note in report.notes() {
        println!("note: {note}");
    }
    for refused in report.refused() {
        println!("refused: {refused}");
    }
    Ok(if report.refused().next().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(name: &str, report: &CollectionReport) {
    if report.found {
        let CollectionReport { inserted, already_present, refused, .. } = report;
        println!("{name}: {inserted} inserted, {already_present} already there, {} refused", refused.len());
    } else {
        println!("{name}: no file");
    }
}
