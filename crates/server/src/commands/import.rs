//! `import`: imports an export of the previous system into the store.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use gametriggers_services::import::{self, CollectionReport, ImportReport, Options, Progress};

use crate::Settings;

/// Runs the command. Exit code 1 means that documents were refused; all others are stored.
pub(super) async fn run(
    settings: &Settings,
    directory: &Path,
    renew_tokens: bool,
) -> anyhow::Result<ExitCode> {
    let store = super::open_current(settings).await?.patient();
    let options = Options { renew_tokens };
    let mut meter = Meter::new();
    let ended =
        import::run_with(&store.repositories(), directory, options, &mut |progress| meter.show(progress))
            .await;
    meter.clear();
    let report = ended?;
    print("users", &report.users);
    print("campaigns", &report.campaigns);
    print("participations", &report.participations);
    for note in report.notes() {
        println!("note: {note}");
    }
    for refused in report.refused() {
        println!("refused: {refused}");
    }
    print_rest(&report);
    Ok(if report.refused().next().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(name: &str, report: &CollectionReport) {
    let CollectionReport { found, inserted, already_present, refused_count, .. } = report;
    if !found {
        println!("{name}: no file");
    } else if report.is_empty() {
        println!("{name}: the file is empty");
    } else {
        println!("{name}: {inserted} inserted, {already_present} already there, {refused_count} refused");
    }
}

/// Prints a summary at the end, where it is not overlooked: how many remarks were not listed, and whether tokens were
/// kept or renewed.
fn print_rest(report: &ImportReport) {
    let (refused, notes) = report.unnamed();
    if refused + notes > 0 {
        println!("and {refused} more refused, {notes} more notes");
    }
    let ImportReport { tokens_kept, tokens_renewed, .. } = report;
    if *tokens_kept > 0 {
        println!(
            "tokens: {tokens_kept} participations keep the browser-source tokens of the export; those that the \
             previous system made can be guessed, and `--renew-tokens` would have replaced them \
             (docs/import.md)"
        );
    }
    if *tokens_renewed > 0 {
        println!(
            "tokens: {tokens_renewed} participations have new browser-source tokens; their addresses of old in OBS \
             show nothing, and streamers use the address of their overlay instead"
        );
    }
}

/// A line on standard error that shows the progress of the import. It is not shown if standard error is not a terminal.
struct Meter {
    is_shown: bool,
    /// The file that is being read.
    file: &'static str,
    /// When reading of the file began.
    begun: Instant,
    /// When the latest batch was finished.
    last: Instant,
}

impl Meter {
    fn new() -> Self {
        let now = Instant::now();
        Self { is_shown: io::stderr().is_terminal(), file: "", begun: now, last: now }
    }

    fn show(&mut self, Progress { file, lines }: Progress) {
        if file != self.file {
            (self.file, self.begun) = (file, self.last);
        }
        self.last = Instant::now();
        let millis = u64::try_from((self.last - self.begun).as_millis()).unwrap_or(u64::MAX).max(1);
        let per_second = lines.saturating_mul(1_000) / millis;
        self.write(format_args!("{file}: {lines} lines, {per_second} a second"));
    }

    fn clear(&self) {
        self.write(format_args!(""));
    }

    fn write(&self, text: fmt::Arguments<'_>) {
        if self.is_shown {
            // An error is ignored: the line only shows progress.
            write!(io::stderr(), "\r\x1b[K{text}").ok();
        }
    }
}
