//! The schema's history: `migrations/sqlite`, numbered and check-summed.

use std::{fs::File, path::PathBuf};

use gametriggers_persistence::StorageError;
use refinery::Runner;
use rusqlite::Connection;

use crate::{
    database::Database,
    error::{DbError, DbResult},
};

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// What was, or would be, done to the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The migrations, as `V1__name`, in order.
    pub migrations: Vec<String>,
}

pub(crate) async fn apply(database: &Database) -> Result<MigrationReport, StorageError> {
    let lock_path = lock_path(database);
    database
        .with_writer(move |connection| {
            // Several processes may start at once: one migrates, the others find it done.
            let lock =
                File::create(&lock_path).and_then(|file| file.lock().map(|()| file)).map_err(|error| {
                    let message = format!("cannot lock {} for migration: {error}", lock_path.display());
                    DbError::Storage(StorageError::Unavailable {
                        outcome_unknown: false,
                        source: message.into(),
                    })
                })?;
            let report = runner().run(connection).map_err(failed)?;
            drop(lock);
            let migrations = report.applied_migrations().iter().map(ToString::to_string).collect();
            Ok(MigrationReport { migrations })
        })
        .await
}

/// Every migration of this version.
pub(crate) fn all() -> MigrationReport {
    MigrationReport { migrations: runner().get_migrations().iter().map(ToString::to_string).collect() }
}

pub(crate) async fn pending(database: &Database) -> Result<MigrationReport, StorageError> {
    database
        .with_writer(|connection| {
            let applied = if has_history(connection)? {
                runner().get_applied_migrations(connection).map_err(failed)?
            } else {
                Vec::new()
            };
            let mut missing = Vec::new();
            for migration in runner().get_migrations() {
                match applied.iter().find(|applied| applied.version() == migration.version()) {
                    None => missing.push(migration.to_string()),
                    Some(applied) if applied.checksum() == migration.checksum() => {}
                    Some(applied) => return Err(not_ours(&applied.to_string())),
                }
            }
            Ok(MigrationReport { migrations: missing })
        })
        .await
}

fn runner() -> Runner {
    embedded::migrations::runner()
}

fn has_history(connection: &Connection) -> DbResult<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'refinery_schema_history')";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn not_ours(migration: &str) -> DbError {
    let message = format!(
        "the store was migrated by another {migration} than this version's; run the version that it belongs to"
    );
    DbError::Storage(StorageError::Backend(message.into()))
}

fn failed(error: refinery::Error) -> DbError {
    DbError::Storage(StorageError::Backend(error.into()))
}

fn lock_path(database: &Database) -> PathBuf {
    let mut name = database.path().as_os_str().to_owned();
    name.push(".migration-lock");
    name.into()
}
