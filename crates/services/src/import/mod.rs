//! Import of a previous database.
//!
//! [`run`] reads what `mongoexport` wrote (one document a line in MongoDB Extended JSON, relaxed or canonical) and
//! offers each document to the store, which keeps what it has: an import inserts what is absent and overwrites nothing,
//! so it can be run again at any time. Whatever the previous system could store is taken: absent fields get its
//! defaults, values that cannot be used are noted and replaced, and fields that this version does not use are kept
//! beside the document. What cannot be a document at all is refused by itself, with its file and line.
//!
//! Lines are read ahead and offered in batches; memory holds a few of them at a time, however long the file.
//!
//! Which stored field becomes what is written in `gametriggers-documents`. Reports and errors never show a token, an
//! e-mail address or a password.

mod campaigns;
mod collection;
mod lines;
mod participations;
mod payments;
mod read;
mod report;
mod users;

use std::{
    io,
    path::{Path, PathBuf},
};

use gametriggers_documents::Problem;
use gametriggers_persistence::{Insertion, Repositories, StorageError};

pub use self::report::{CollectionReport, ImportReport, Remark};
use self::{
    campaigns::Campaigns,
    collection::{Collection, Obstacle},
    lines::Lines,
    participations::Participations,
    read::{Batch, Document},
    users::Users,
};
use crate::NoEntropy;

/// Why an import ended before its end. What it had inserted by then stays, and it can be run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// None of the files is there.
    #[error(
        "there is no users.json, campaigns.json or campaignparticipations.json in {}; mongoexport writes them",
        directory.display()
    )]
    NothingFound {
        /// Where they were looked for.
        directory: PathBuf,
    },
    /// A file is there and cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file does not hold one document a line.
    #[error("{file} was exported with {option}; export it without, so that each line holds one document")]
    NotLines {
        /// The file.
        file: &'static str,
        /// The option of `mongoexport`.
        option: &'static str,
    },
    /// A file is in another encoding.
    #[error(
        "{file} is not UTF-8 text but UTF-16, which some shells make of what `>` redirects; export it with \
         mongoexport's --out"
    )]
    Utf16 {
        /// The file.
        file: &'static str,
    },
    /// There are no random bytes to make tokens of.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The store failed.
    #[error(
        "the store failed at lines {first} to {last} of {file}; what was imported before is kept, run the import again"
    )]
    Storage {
        /// The file.
        file: &'static str,
        /// The first line of the batch, from 1.
        first: u64,
        /// Its last line.
        last: u64,
        /// What the store said.
        #[source]
        source: StorageError,
    },
}

/// What to do beyond inserting.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether each participation that is inserted gets a new token for its browser source. The previous system's can be
    /// guessed (defect O20); its address in OBS is of no use afterwards.
    pub renew_tokens: bool,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The file that is being read.
    pub file: &'static str,
    /// Its lines that are done, stored or refused; blank ones count.
    pub lines: u64,
}

/// Imports `users.json`, `campaigns.json` and `campaignparticipations.json`, as far as they are in `directory`.
///
/// # Errors
/// As [`run_with`].
pub async fn run(storage: &Repositories, directory: &Path) -> Result<ImportReport, ImportError> {
    run_with(storage, directory, Options::default(), &mut |_| {}).await
}

/// Imports the same files, with these options, and tells `progress` after each batch.
///
/// # Errors
/// [`ImportError`] if nothing is found, a file cannot be read as lines, or the store fails. A document that cannot be
/// imported is no error: the report names it.
pub async fn run_with(
    storage: &Repositories,
    directory: &Path,
    options: Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ImportReport, ImportError> {
    // All are opened first, so that a file of the wrong form ends the import before anything is inserted.
    let users = lines::open(directory, Users::FILE)?;
    let campaigns = lines::open(directory, Campaigns::FILE)?;
    let participations = lines::open(directory, Participations::FILE)?;
    if users.is_none() && campaigns.is_none() && participations.is_none() {
        return Err(ImportError::NothingFound { directory: directory.to_owned() });
    }
    let users = import(storage, &mut Users, users, progress).await?;
    // Before participations, whose earnings are read by the price of their campaign.
    let campaigns = import(storage, &mut Campaigns, campaigns, progress).await?;
    let mut joined = Participations::new(options.renew_tokens);
    let participations = import(storage, &mut joined, participations, progress).await?;
    let (tokens_kept, tokens_renewed) =
        if options.renew_tokens { (0, participations.inserted) } else { (participations.inserted, 0) };
    Ok(ImportReport { users, campaigns, participations, tokens_kept, tokens_renewed })
}

/// Offers every document of a file to the store.
async fn import<C: Collection>(
    storage: &Repositories,
    collection: &mut C,
    lines: Option<Lines>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<CollectionReport, ImportError> {
    let file = C::FILE;
    let mut report = CollectionReport { found: lines.is_some(), ..CollectionReport::default() };
    let Some(lines) = lines else { return Ok(report) };
    let mut batches = read::ahead(file, lines, C::read);
    while let Some(batch) = batches.recv().await {
        let batch = batch.map_err(|source| ImportError::Unreadable { file, source })?;
        let (first, lines) = (batch.first, batch.last);
        let done = import_batch(storage, collection, batch, &mut report).await;
        done.map_err(|failure| match failure {
            Failure::Store(source) => ImportError::Storage { file, first, last: lines, source },
            Failure::NoEntropy(error) => error.into(),
        })?;
        progress(Progress { file, lines });
    }
    Ok(report)
}

/// What ends an import.
enum Failure {
    Store(StorageError),
    NoEntropy(NoEntropy),
}

async fn import_batch<C: Collection>(
    storage: &Repositories,
    collection: &mut C,
    batch: Batch<C::Read>,
    report: &mut CollectionReport,
) -> Result<(), Failure> {
    let mut refused = batch.refused;
    let (mut offered, mut told) = (Vec::new(), Vec::new());
    for Document { origin, read, mut notes } in batch.documents {
        match collection.settle(storage, read, &mut notes).await {
            Ok(new) => {
                offered.push(new);
                told.push((origin, notes));
            }
            Err(Obstacle::Document(problem)) => refused.push(origin.remark(problem)),
            Err(Obstacle::Store(error)) => return Err(Failure::Store(error)),
            Err(Obstacle::NoEntropy(error)) => return Err(Failure::NoEntropy(error)),
        }
    }
    let answers = if offered.is_empty() {
        Vec::new()
    } else {
        C::insert_all(storage, offered).await.map_err(Failure::Store)?
    };
    for ((origin, notes), answer) in told.into_iter().zip(answers) {
        match answer {
            Ok(Insertion::Inserted) => {
                report.inserted += 1;
                for note in notes {
                    report.note(origin.remark(note));
                }
            }
            Ok(Insertion::AlreadyPresent) => report.already_present += 1,
            Err(error) => refused.push(origin.remark(refusal(error))),
        }
    }
    refused.sort_by_key(|remark| remark.line);
    for remark in refused {
        report.refuse(remark);
    }
    Ok(())
}

/// Why the store does not take a document.
fn refusal(error: StorageError) -> Problem {
    match error {
        StorageError::AlreadyExists { entity, field } => {
            Problem { field: field.into(), reason: format!("another {entity} is stored with the same value") }
        }
        other => {
            let source = std::error::Error::source(&other).map(|source| format!(": {source}"));
            let reason = format!("{other}{}", source.unwrap_or_default());
            Problem { field: "document".into(), reason }
        }
    }
}
