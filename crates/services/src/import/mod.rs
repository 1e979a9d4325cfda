//! Imports a database of the previous system.
//!
//! [`run`] reads files of `mongoexport` (one document per line in MongoDB Extended JSON, relaxed or canonical) and
//! inserts the documents that the store does not have. It never overwrites a document, so an import can be repeated at
//! any time.
//!
//! The import accepts whatever the previous system could store. Missing fields get the previous system's defaults,
//! unusable values are noted and replaced, and unknown fields are kept beside the document. A line that is not a usable
//! document is refused and reported with its file and line.
//!
//! Files are read ahead and inserted in batches. Only a few batches are in memory at a time, however long the file is.
//!
//! The crate `gametriggers-documents` defines the mapping from stored fields to the model. Reports and errors never
//! show a token, an e-mail address or a password.

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

/// Why an import ended early. Documents inserted before stay, and the import can be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The directory has none of the files.
    #[error(
        "there is no users.json, campaigns.json or campaignparticipations.json in {}; mongoexport writes them",
        directory.display()
    )]
    NothingFound {
        /// The directory.
        directory: PathBuf,
    },
    /// A file exists but cannot be read.
    #[error("{file} cannot be read")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A file does not have one document per line.
    #[error("{file} was exported with {option}; export it without, so that each line holds one document")]
    NotLines {
        /// The file.
        file: &'static str,
        /// The option of `mongoexport` that makes files of this form.
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
    /// The operating system gave no random bytes for new tokens.
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
        /// The last line of the batch.
        last: u64,
        /// The store's error.
        #[source]
        source: StorageError,
    },
}

/// The options of an import.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether inserted participations get new browser source tokens. Tokens of the previous system can be guessed
    /// (defect O20). The old addresses in OBS stop working.
    pub renew_tokens: bool,
}

/// The progress of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The file that is being read.
    pub file: &'static str,
    /// The number of lines that are stored or refused so far, including blank ones.
    pub lines: u64,
}

/// Imports those of `users.json`, `campaigns.json` and `campaignparticipations.json` that are in `directory`.
///
/// # Errors
/// As [`run_with`].
pub async fn run(storage: &Repositories, directory: &Path) -> Result<ImportReport, ImportError> {
    run_with(storage, directory, Options::default(), &mut |_| {}).await
}

/// Imports the same files with these options. Calls `progress` after each batch.
///
/// # Errors
/// [`ImportError`] if there are no files, a file cannot be read as lines, or the store fails. A document that cannot be
/// imported is not an error: the report names it.
pub async fn run_with(
    storage: &Repositories,
    directory: &Path,
    options: Options,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ImportReport, ImportError> {
    // All files are opened first, so that a file of the wrong form stops the import before anything is inserted.
    let users = lines::open(directory, Users::FILE)?;
    let campaigns = lines::open(directory, Campaigns::FILE)?;
    let participations = lines::open(directory, Participations::FILE)?;
    if users.is_none() && campaigns.is_none() && participations.is_none() {
        return Err(ImportError::NothingFound { directory: directory.to_owned() });
    }
    let users = import(storage, &mut Users, users, progress).await?;
    // Campaigns come before participations, because paid units are calculated from the campaign's price.
    let campaigns = import(storage, &mut Campaigns, campaigns, progress).await?;
    let mut joined = Participations::new(options.renew_tokens);
    let participations = import(storage, &mut joined, participations, progress).await?;
    let (tokens_kept, tokens_renewed) =
        if options.renew_tokens { (0, participations.inserted) } else { (participations.inserted, 0) };
    Ok(ImportReport { users, campaigns, participations, tokens_kept, tokens_renewed })
}

/// Imports one file.
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

/// Why a batch cannot be imported.
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

/// Why the store refused a document.
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
