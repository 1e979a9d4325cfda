//! Import of a previous database.
//!
//! [`run`] reads what `mongoexport` wrote (one document a line in MongoDB Extended JSON, relaxed or canonical) and
//! offers each document to the store, which keeps what it has: an import inserts what is absent and overwrites nothing,
//! so it can be run again at any time. Whatever the previous system could store is taken: absent fields get its
//! defaults, values that cannot be used are noted and replaced, and fields that this version does not use are kept
//! beside the document. What cannot be a document at all is refused by itself, with its file and line.
//!
//! Which stored field becomes what is written in `gametriggers-documents`. Reports and errors never show a token, an
//! e-mail address or a password.

mod campaigns;
mod lines;
mod participations;
mod report;
mod users;

use std::{
    io,
    path::{Path, PathBuf},
};

use gametriggers_documents::{Fields, Problem};
use gametriggers_persistence::{Insertion, Repositories, StorageError};

use self::lines::Lines;
pub use self::report::{CollectionReport, ImportReport, Remark};

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
    /// The store failed.
    #[error(
        "the store failed at line {line} of {file}; what was imported before is kept, run the import again"
    )]
    Storage {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: u64,
        /// What the store said.
        #[source]
        source: StorageError,
    },
}

/// Imports `users.json`, `campaigns.json` and `campaignparticipations.json`, as far as they are in `directory`.
///
/// The files are read where the call runs: it is made for a command, not for a server that answers others meanwhile.
///
/// # Errors
/// [`ImportError`] if nothing is found, a file cannot be read as lines, or the store fails. A document that cannot be
/// imported is no error: the report names it.
pub async fn run(storage: &Repositories, directory: &Path) -> Result<ImportReport, ImportError> {
    // All are opened first, so that a file of the wrong form ends the import before anything is inserted.
    let users = lines::open(directory, Collection::Users.file())?;
    let campaigns = lines::open(directory, Collection::Campaigns.file())?;
    let participations = lines::open(directory, Collection::Participations.file())?;
    if users.is_none() && campaigns.is_none() && participations.is_none() {
        return Err(ImportError::NothingFound { directory: directory.to_owned() });
    }
    Ok(ImportReport {
        users: import(storage, Collection::Users, users).await?,
        // Before participations, whose earnings are read by the price of their campaign.
        campaigns: import(storage, Collection::Campaigns, campaigns).await?,
        participations: import(storage, Collection::Participations, participations).await?,
    })
}

/// Offers every document of a file to the store.
async fn import(
    storage: &Repositories,
    collection: Collection,
    lines: Option<Lines>,
) -> Result<CollectionReport, ImportError> {
    let file = collection.file();
    let mut report = CollectionReport { found: lines.is_some(), ..CollectionReport::default() };
    for line in lines.into_iter().flatten() {
        let (line, text) = line.map_err(|source| ImportError::Unreadable { file, source })?;
        let mut fields = match Fields::parse(&text) {
            Ok(fields) => fields,
            Err(reason) => {
                report.refused.push(Remark { file, line, id: None, field: None, reason });
                continue;
            }
        };
        let id = fields.id();
        let remark = |Problem { field, reason }: Problem| Remark {
            file,
            line,
            id,
            field: Some(field.into_owned()),
            reason,
        };
        match collection.insert(storage, &mut fields).await {
            Ok(Insertion::Inserted) => {
                report.inserted += 1;
                report.notes.extend(fields.into_notes().into_iter().map(remark));
            }
            Ok(Insertion::AlreadyPresent) => report.already_present += 1,
            Err(Obstacle::Document(problem)) => report.refused.push(remark(problem)),
            Err(Obstacle::Store(StorageError::AlreadyExists { entity, field })) => {
                let reason = format!("another {entity} is stored with the same value");
                report.refused.push(remark(Problem { field: field.into(), reason }));
            }
            Err(Obstacle::Store(source)) => return Err(ImportError::Storage { file, line, source }),
        }
    }
    Ok(report)
}

/// A collection of the previous database.
#[derive(Debug, Clone, Copy)]
enum Collection {
    Users,
    Campaigns,
    Participations,
}

impl Collection {
    const fn file(self) -> &'static str {
        match self {
            Self::Users => "users.json",
            Self::Campaigns => "campaigns.json",
            Self::Participations => "campaignparticipations.json",
        }
    }

    async fn insert(self, storage: &Repositories, fields: &mut Fields) -> Result<Insertion, Obstacle> {
        let insertion = match self {
            Self::Users => storage.users.insert_if_absent(&users::read(fields)?).await?,
            Self::Campaigns => storage.campaigns.insert_if_absent(&campaigns::read(fields)?).await?,
            Self::Participations => {
                let new = participations::read(fields, storage).await?;
                storage.participations.insert_if_absent(&new).await?
            }
        };
        Ok(insertion)
    }
}

/// What keeps a document from being stored.
enum Obstacle {
    /// Itself.
    Document(Problem),
    /// The store.
    Store(StorageError),
}

impl From<Problem> for Obstacle {
    fn from(problem: Problem) -> Self {
        Self::Document(problem)
    }
}

impl From<StorageError> for Obstacle {
    fn from(error: StorageError) -> Self {
        Self::Store(error)
    }
}
