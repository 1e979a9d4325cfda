//! The migrations of the schema, from `migrations/sqlite`. They are numbered and check-summed.

use std::{
    error::Error as _,
    fs::{File, TryLockError},
    io, thread,
    time::{Duration, Instant},
};

use gametriggers_persistence::StorageError;
use refinery::{Migration, Runner};
use rusqlite::{Connection, ErrorCode, functions::FunctionFlags};

use crate::{
    database::{Database, STEP_WITHIN, connect, run_blocking},
    error::{DbError, DbResult},
    files,
    ledger::ids::digest,
};

/// How long this process waits for another one to end its migration.
const OTHERS_MIGRATE_WITHIN: Duration = Duration::from_mins(10);
/// The pause between two attempts to take the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

mod embedded {
    refinery::embed_migrations!("../../migrations/sqlite");
}

/// The migrations that were applied, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The names of the migrations, such as `V1__name`, in order.
    pub migrations: Vec<String>,
}

pub(crate) async fn apply(database: &Database) -> Result<MigrationReport, StorageError> {
    let path = database.path().to_owned();
    run_blocking(move || {
        // Several processes may start at once: one migrates, the others find it done.
        let lock = files::migration_lock(&path).and_then(wait_for).map_err(cannot_lock)?;
        // A connection of its own, so that calls that need no migration do not wait for one.
        let mut connection = connect(&path)?;
        connection.busy_timeout(STEP_WITHIN)?;
        connection.create_scalar_function("id_digest", 1, FunctionFlags::SQLITE_UTF8, |context| {
            Ok(digest(context.get_raw(0).as_bytes()?))
        })?;
        // One transaction for all migrations and their records. Otherwise a migration is recorded in a transaction of
        // its own.
        let report = runner().set_grouped(true).run(&mut connection).map_err(failed)?;
        drop(lock);
        let migrations = report.applied_migrations().iter().map(ToString::to_string).collect();
        Ok(MigrationReport { migrations })
    })
    .await
}

/// Waits until no other process migrates the store. A process that dies leaves no lock.
fn wait_for(lock: File) -> io::Result<File> {
    let began = Instant::now();
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if began.elapsed() < OTHERS_MIGRATE_WITHIN => {
                if !said {
                    tracing::info!("another process migrates the store: waiting for it");
                    said = true;
                }
                thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                let message = "another process has been migrating the store for ten minutes: see whether it still does, or end it";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn cannot_lock(error: io::Error) -> DbError {
    StorageError::Unavailable { outcome_unknown: false, source: error.into() }.into()
}

/// Every migration of this version.
pub(crate) fn all() -> MigrationReport {
    MigrationReport { migrations: in_order().iter().map(ToString::to_string).collect() }
}

pub(crate) async fn pending(database: &Database) -> Result<MigrationReport, StorageError> {
    let path = database.path().to_owned();
    run_blocking(move || {
        let connection = &mut connect(&path)?;
        let applied = if has_history(connection)? {
            runner().get_applied_migrations(connection).map_err(failed)?
        } else {
            Vec::new()
        };
        let mut missing = Vec::new();
        for migration in in_order() {
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

/// The migrations in the order of their numbers. They are embedded in the order of their file names, in which the tenth
/// comes after the first.
fn in_order() -> Vec<Migration> {
    let mut migrations = runner().get_migrations().clone();
    migrations.sort();
    migrations
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
    let is_busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
    let storage = match error.source().and_then(|source| source.downcast_ref()).map(is_busy) {
        Some(true) => StorageError::Unavailable { outcome_unknown: false, source: error.into() },
        _ => StorageError::Backend(error.into()),
    };
    DbError::Storage(storage)
}

#[cfg(test)]
mod tests {
    use gametriggers_domain::ledger::{Counters, Entry, EntryId, EntryKind};
    use gametriggers_types::{ClickKind, RejectionReason, Timestamp};
    use refinery::Target;
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteStore, counters};

    const COUNTED: &str = "686511bdf5a1848d4e973390";
    const UNTOUCHED: &str = "6864d4ee7d06a675f2abb716";

    /// Two participations of one campaign, in the fourth version of the schema. One was clicked three times and refused
    /// once.
    const FOURTH: &str = "
        INSERT INTO campaigns (id, title, description, brand_id, budget_micros, remaining_micros, media_url, media_type,
            click_url, status, categories, languages, start_date, end_date, payment_type, payment_rate_micros,
            expected_impressions, created_at, updated_at, other_fields)
        VALUES ('68626579d05bf40ec8267ffd', 'Title', NULL, '68626579d05bf40ec8267ff0', 9, 9,
            'https://example.org/a.png', 'image', NULL, 'active', '[]', '[]', NULL, NULL, 'cpm', 3, 10000, 0, 0, '{}');
        INSERT INTO campaign_openings (id, campaign_id, remaining_micros)
        VALUES ('opening:68626579d05bf40ec8267ffd', '68626579d05bf40ec8267ffd', 9);
        INSERT INTO participations (id, campaign_id, streamer_id, status, impressions, clicks, chat_clicks, qr_scans,
            link_clicks, visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples,
            average_viewers_before, browser_source_token, browser_source_url, joined_at, tracking_url, qr_code_url,
            chat_command, created_at, updated_at, other_fields)
        VALUES ('686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', '686511bdf5a1848d4e973300',
            'active', 1, 12, 12, 4, 5, 6, 7, 8, 9, 10, 11, 0.5, 'cccccccccccccccccccccccccccccccc', 'url', 0, NULL, NULL, NULL, 0, 0, '{}');
        INSERT INTO participations (id, campaign_id, streamer_id, status, impressions, clicks, chat_clicks, qr_scans,
            link_clicks, visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples,
            average_viewers_before, browser_source_token, browser_source_url, joined_at, tracking_url, qr_code_url,
            chat_command, created_at, updated_at, other_fields)
        VALUES ('6864d4ee7d06a675f2abb716', '68626579d05bf40ec8267ffd', '686511bdf5a1848d4e973301',
            'active', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 'dddddddddddddddddddddddddddddddd', 'url', 0, NULL, NULL, NULL, 0, 0, '{}');
        INSERT INTO participation_openings (id, participation_id, impressions, clicks, chat_clicks, qr_scans, link_clicks,
            visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples)
        VALUES
            ('opening:686511bdf5a1848d4e973390', '686511bdf5a1848d4e973390', 1, 6, 6, 4, 5, 6, 7, 8, 9, 10, 11),
            ('opening:6864d4ee7d06a675f2abb716', '6864d4ee7d06a675f2abb716', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        INSERT INTO ledger_entries (id, participation_id, campaign_id, kind, units, at_ms, paid_units, unpaid_units,
            amount_micros, rejection)
            SELECT 'click:' || value, '686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', 'click.chat', value,
                   900000 * value, 0, value, 0, NULL
            FROM json_each('[3, 1, 2]');
        INSERT INTO rollups (participation_id, quarter_ms, campaign_id, impressions, clicks, chat_clicks, qr_scans,
            link_clicks, visits, paid_units, earnings_micros, peak_viewers, viewer_sum, viewer_samples)
            SELECT participation_id, at_ms, campaign_id, 0, units, units, 0, 0, 0, 0, 0, 0, 0, 0 FROM ledger_entries;
        INSERT INTO ledger_entries (id, participation_id, campaign_id, kind, units, at_ms, paid_units, unpaid_units,
            amount_micros, rejection)
        VALUES ('refused', '686511bdf5a1848d4e973390', '68626579d05bf40ec8267ffd', 'display', 1,
            5, 0, 0, 0, 'blackout')";

    #[tokio::test]
    async fn the_fifth_migration_keeps_entries_counters_and_rollups() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let mut db = Connection::open(&file).unwrap();
        runner().set_target(Target::Version(4)).run(&mut db).unwrap();
        db.execute_batch(FOURTH).unwrap();

        let store = SqliteStore::open(&file).await.unwrap();
        db.execute_batch(
            "CREATE TRIGGER fault BEFORE INSERT ON refinery_schema_history BEGIN SELECT raise(ABORT, 'fault'); END",
        )
        .unwrap();
        assert!(store.migrate().await.is_err());
        db.execute_batch("DROP TRIGGER fault").unwrap();
        assert_eq!(store.migrate().await.unwrap().migrations[0], "V5__narrow_ledger", "all of it or nothing");

        let repositories = store.repositories();
        let ledger = repositories.ledger;
        let (counted, campaign) = (COUNTED.parse().unwrap(), "68626579d05bf40ec8267ffd".parse().unwrap());
        let refused = Some(RejectionReason::Blackout);
        let entry = |id: &str, kind: EntryKind, units, at, rejected| {
            let (id, at) = (EntryId::stored(id.to_owned()), Timestamp::from_millisecond(at).unwrap());
            Entry { units, rejected, basis: kind.basis(), ..Entry::new(id, kind, counted, campaign, at) }
        };
        let click = EntryKind::Click(ClickKind::Chat);
        for entry in [
            entry("click:1", click, 1, 900_000, None),
            entry("click:2", click, 2, 1_800_000, None),
            entry("click:3", click, 3, 2_700_000, None),
            entry("refused", EntryKind::Display, 1, 5, refused),
        ] {
            assert_eq!(ledger.find_entry(&entry.id).await.unwrap().unwrap().entry, entry);
        }
        let in_order = "SELECT group_concat(id) FROM (SELECT id FROM ledger_entries ORDER BY number)";
        let ids: String = db.query_row(in_order, [], |row| row.get(0)).unwrap();
        assert_eq!(ids, "click:3,click:1,click:2,refused");
        let rollups = ledger.list_rollups(counted).await.unwrap();
        let of_quarters: Vec<_> = rollups
            .iter()
            .map(|rollup| (rollup.quarter.start().as_millisecond(), rollup.counters.chat_clicks))
            .collect();
        assert_eq!(of_quarters, [(900_000, 1), (1_800_000, 2), (2_700_000, 3)]);

        let participations = repositories.participations;
        let held = participations.find_by_id(counted).await.unwrap().unwrap().counters;
        assert_eq!(counters::values(&held), [1, 12, 12, 4, 5, 6, 7, 8, 9, 10, 11]);
        let untouched = UNTOUCHED.parse().unwrap();
        let held = participations.find_by_id(untouched).await.unwrap().unwrap().counters;
        assert_eq!(held, Counters::default());
        assert_eq!(ledger.reconcile(false).await.unwrap(), []);

        db.execute("DELETE FROM participations WHERE id = ?", [COUNTED]).unwrap();
        db.execute("UPDATE rollups SET clicks = 99", []).unwrap();
        assert_ne!(ledger.reconcile(true).await.unwrap(), [], "something to repair");
        let click = entry("click:4", click, 1, 0, None);
        let error = ledger.record([click].into()).await.unwrap_err();
        assert!(matches!(error, StorageError::Missing { .. }), "{error:?}");
    }
}
