//! The schema's history: `migrations/sqlite`, numbered and check-summed.

use std::{fs::File, path::PathBuf};

use gametriggers_persistence::StorageError;
use refinery::Runner;
use rusqlite::{Connection, functions::FunctionFlags};

use crate::{
    database::Database,
    error::{DbError, DbResult},
    ledger::digest,
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
            connection.create_scalar_function("id_digest", 1, FunctionFlags::SQLITE_UTF8, |context| {
                Ok(digest(context.get_raw(0).as_str()?))
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

#[cfg(test)]
mod tests {
    use gametriggers_domain::ledger::EntryId;
    use gametriggers_types::ParticipationId;
    use refinery::Target;
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteStore, database::connect};

    const COUNTED: &str = "686511bdf5a1848d4e973390";
    const UNTOUCHED: &str = "6864d4ee7d06a675f2abb716";

    /// Two participations of one campaign, as the fourth version of the schema holds them; one was clicked three times.
    const FOURTH: &str = "
        INSERT INTO campaigns VALUES ('68626579d05bf40ec8267ffd', 'Title', NULL, '68626579d05bf40ec8267ff0', 9, 9,
            'https://example.org/a.png', 'image', NULL, 'active', '[]', '[]', NULL, NULL, 'cpm', 3, 10000, 0, 0, '{}');
        INSERT INTO campaign_openings VALUES ('opening:68626579d05bf40ec8267ffd', '68626579d05bf40ec8267ffd', 9);
        INSERT INTO participations VALUES ('686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', '686511bdf5a1848d4e973300',
            'active', 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 'cccccccccccccccccccccccccccccccc', 'url', 0, NULL, NULL, NULL, 0, 0, '{}');
        INSERT INTO participations VALUES ('6864d4ee7d06a675f2abb716', '68626579d05bf40ec8267ffd', '686511bdf5a1848d4e973301',
            'active', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 'dddddddddddddddddddddddddddddddd', 'url', 0, NULL, NULL, NULL, 0, 0, '{}');
        INSERT INTO participation_openings SELECT 'opening:' || id, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM participations;
        INSERT INTO ledger_entries
            SELECT 'click:' || value, '686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', 'click.chat', 1,
                   900000 * value, 0, 1, 0, NULL
            FROM json_each('[3, 1, 2]');
        INSERT INTO rollups
            SELECT participation_id, at_ms, campaign_id, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0 FROM ledger_entries";

    #[tokio::test]
    async fn the_fifth_migration_keeps_entries_counters_and_rollups() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let mut db = connect(&file).unwrap();
        runner().set_target(Target::Version(4)).run(&mut db).unwrap();
        db.execute_batch(FOURTH).unwrap();
        drop(db);

        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(store.migrate().await.unwrap().migrations, ["V5__narrow_ledger"]);
        let repositories = store.repositories();
        let ledger = repositories.ledger;
        for click in 1..=3 {
            let entry =
                ledger.find_entry(&EntryId::stored(format!("click:{click}"))).await.unwrap().unwrap().entry;
            assert_eq!(entry.at.as_millisecond(), 900_000 * click);
        }
        let counted: ParticipationId = COUNTED.parse().unwrap();
        let rollups = ledger.list_rollups(counted).await.unwrap();
        let of_quarters: Vec<_> = rollups
            .iter()
            .map(|rollup| (rollup.quarter.start().as_millisecond(), rollup.counters.chat_clicks))
            .collect();
        assert_eq!(of_quarters, [(900_000, 1), (1_800_000, 1), (2_700_000, 1)]);
        for (id, clicks) in [(counted, 3), (UNTOUCHED.parse().unwrap(), 0)] {
            let counters = repositories.participations.find_by_id(id).await.unwrap().unwrap().counters;
            assert_eq!((counters.clicks, counters.chat_clicks, counters.impressions), (clicks, clicks, 0));
        }
        assert_eq!(ledger.reconcile(false).await.unwrap(), []);
    }
}
