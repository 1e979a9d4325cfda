//! Translates errors of MongoDB to the errors that the rest of the system understands.

use gametriggers_domain::batch::Unknown;
use gametriggers_persistence::{Entity, Source, StorageError};
use mongodb::error::{
    Error, ErrorKind, IndexedWriteError, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
    WriteFailure,
};

use crate::collection;

/// Duplicate key, by its present and its older codes.
pub(crate) const DUPLICATE_KEY: [i32; 3] = [11_000, 11_001, 12_582];
/// Another transaction was changing, or has just changed, the same document.
pub(crate) const WRITE_CONFLICT: i32 = 112;
/// Write conflict, no such transaction, snapshot unavailable, snapshot too old.
const CONFLICT: [i32; 4] = [WRITE_CONFLICT, 251, 246, 239];
/// The server, or a majority of servers, does not answer for now: unreachable, stepping down, shutting down, timed out,
/// interrupted, or without the cursor that it had.
const UNAVAILABLE: [i32; 24] = [
    6, 7, 24, 43, 50, 64, 89, 91, 100, 133, 134, 175, 189, 202, 262, 365, 9_001, 10_058, 10_107, 11_600,
    11_601, 11_602, 13_435, 13_436,
];
/// The labels that the driver and the server give to errors that go away.
const RETRYABLE: [&str; 3] = ["RetryableError", "RetryableWriteError", "SystemOverloadedError"];

/// The [`StorageError`] of a write, or of anything that may have written.
#[allow(clippy::needless_pass_by_value)] // for `map_err`
pub(crate) fn neutral(error: Error) -> StorageError {
    from_driver(&error, true)
}

/// The [`StorageError`] of a read, which cannot have written anything.
#[allow(clippy::needless_pass_by_value)] // for `map_err`
pub(crate) fn neutral_read(error: Error) -> StorageError {
    from_driver(&error, false)
}

/// The error of an entry that names a participation or a campaign that is not stored.
pub(crate) fn missing(unknown: Unknown) -> StorageError {
    let (entity, id) = match unknown {
        Unknown::Participation(id) => (Entity::Participation, id.to_string()),
        Unknown::Campaign(id) => (Entity::Campaign, id.to_string()),
    };
    StorageError::Missing { entity, id }
}

/// The [`StorageError`] of one document of several that were inserted at once.
pub(crate) fn refused(error: &IndexedWriteError) -> StorageError {
    let source = || format!("write error {}", error.code).into();
    match error.code {
        code if DUPLICATE_KEY.contains(&code) => already_exists(&error.message, duplicate_key_text()),
        code if CONFLICT.contains(&code) => StorageError::Conflict(source()),
        code if UNAVAILABLE.contains(&code) => {
            StorageError::Unavailable { outcome_unknown: true, source: source() }
        }
        _ => StorageError::Backend(source()),
    }
}

/// Whether the error says that another document holds a value that must be unique.
pub(crate) fn is_duplicate_key(error: &Error) -> bool {
    code(error).is_some_and(|code| DUPLICATE_KEY.contains(&code))
}

/// The server's code of the error.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(failed) => Some(failed.code),
        ErrorKind::Write(WriteFailure::WriteError(failed)) => Some(failed.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(failed)) => Some(failed.code),
        ErrorKind::InsertMany(failed) => {
            failed.write_errors.as_ref().and_then(|errors| errors.first()).map(|error| error.code)
        }
        _ => None,
    }
}

fn from_driver(error: &Error, writing: bool) -> StorageError {
    let source = said(error);
    let unavailable = |outcome_unknown, source| StorageError::Unavailable { outcome_unknown, source };
    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
        return unavailable(true, source);
    }
    // A transaction that was not committed has stored nothing.
    let aborted = error.contains_label(TRANSIENT_TRANSACTION_ERROR);
    match &*error.kind {
        ErrorKind::ServerSelection { .. } | ErrorKind::DnsResolve { .. } => unavailable(false, source),
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => {
            unavailable(writing && !aborted, source)
        }
        _ if aborted => StorageError::Conflict(source),
        // Written, but perhaps not by a majority.
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => unavailable(true, source),
        _ => match code(error) {
            Some(code) if DUPLICATE_KEY.contains(&code) => already_exists(message_of(error), source),
            Some(code) if CONFLICT.contains(&code) => StorageError::Conflict(source),
            Some(code) if UNAVAILABLE.contains(&code) => unavailable(writing, source),
            _ if RETRYABLE.iter().any(|label| error.contains_label(label)) => unavailable(writing, source),
            _ => StorageError::Backend(source),
        },
    }
}

/// The driver's message without the server's own words. These quote commands and documents, with values such as tokens
/// and e-mail addresses.
fn said(error: &Error) -> Source {
    match &*error.kind {
        ErrorKind::Command(failed) if DUPLICATE_KEY.contains(&failed.code) => duplicate_key_text(),
        ErrorKind::Command(failed) => {
            format!("command failed: {} ({})", failed.code, failed.code_name).into()
        }
        ErrorKind::Write(WriteFailure::WriteError(failed)) if DUPLICATE_KEY.contains(&failed.code) => {
            duplicate_key_text()
        }
        ErrorKind::Write(WriteFailure::WriteError(failed)) => format!("write error {}", failed.code).into(),
        ErrorKind::Write(WriteFailure::WriteConcernError(failed)) => {
            format!("write concern error {} ({})", failed.code, failed.code_name).into()
        }
        ErrorKind::InsertMany(failed) => {
            let errors = failed.write_errors.iter().flatten();
            let codes: Vec<_> = errors.map(|error| error.code.to_string()).collect();
            format!("write errors {}", codes.join(", ")).into()
        }
        ErrorKind::BulkWrite(_) => "a bulk write failed".into(),
        kind => kind.to_string().into(),
    }
}

fn duplicate_key_text() -> Source {
    "another document holds a value that is unique".into()
}

/// The server's own words.
fn message_of(error: &Error) -> &str {
    match &*error.kind {
        ErrorKind::Command(failed) => failed.message.as_str(),
        ErrorKind::Write(WriteFailure::WriteError(failed)) => failed.message.as_str(),
        ErrorKind::InsertMany(failed) => {
            failed.write_errors.iter().flatten().next().map_or("", |error| error.message.as_str())
        }
        _ => "",
    }
}

fn already_exists(message: &str, source: Source) -> StorageError {
    match unique_violation(message) {
        Some((entity, field)) => StorageError::AlreadyExists { entity, field },
        None => StorageError::Backend(source),
    }
}

/// The entity and the fields that a message such as `E11000 duplicate key error collection: gametriggers.users index:
/// email_1 dup key: { email: … }` names. The fields are those in the name of the index, separated by commas.
fn unique_violation(message: &str) -> Option<(Entity, String)> {
    let (_, message) = message.split_once(" collection: ")?;
    let (namespace, message) = message.split_once(" index: ")?;
    let (index, _) = message.split_once(" dup key: ")?;
    let (_, collection) = namespace.split_once('.')?;
    let fields =
        index.split("_1").flat_map(|part| part.split("_-1")).map(|part| part.trim_start_matches('_'));
    let fields: Vec<_> = fields.filter(|field| !field.is_empty()).collect();
    Some((entity_of(collection)?, fields.join(", ")))
}

fn entity_of(name: &str) -> Option<Entity> {
    match name {
        collection::USERS => Some(Entity::User),
        collection::CAMPAIGNS => Some(Entity::Campaign),
        collection::PARTICIPATIONS => Some(Entity::Participation),
        collection::DECISIONS => Some(Entity::Decision),
        collection::LEDGER => Some(Entity::LedgerEntry),
        collection::ROLLUPS => Some(Entity::Rollup),
        collection::QUOTAS => Some(Entity::Quota),
        collection::JOURNAL => Some(Entity::JournalEntry),
        collection::ACCOUNTS => Some(Entity::Account),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_names_the_entity_and_the_fields() {
        for (collection, index, expected) in [
            ("users", "email_1", Some((Entity::User, "email"))),
            (
                "campaignparticipations",
                "campaignId_1_streamerId_1",
                Some((Entity::Participation, "campaignId, streamerId")),
            ),
            ("decisions", "streamerId_1_ordinal_-1", Some((Entity::Decision, "streamerId, ordinal"))),
            ("users", "by-email", Some((Entity::User, "by-email"))),
            ("wallets", "email_1", None),
        ] {
            let message = format!(
                "E11000 duplicate key error collection: game.{collection} index: {index} dup key: {{ x: \"y dup key: \" }}"
            );
            let expected = expected.map(|(entity, field)| (entity, field.to_owned()));
            assert_eq!(unique_violation(&message), expected, "{message}");
        }
        assert_eq!(unique_violation("E11000"), None);
    }
}
