//! The migrations of the schema, from `migrations/mongodb`. They are numbered and check-summed.
//!
//! A migration is a list of database commands in Extended JSON. The collection `migrations` records what was applied.
//! Its document `lock` makes sure that one process at a time applies migrations. The lock is a lease: if its holder
//! dies, the others wait until the lease expires. Every command may be run twice, so a migration that was left
//! unfinished is simply run again.

mod indexes;
mod lease;

use std::collections::BTreeMap;

use bson::{Document, doc};
use futures_util::TryStreamExt;
use gametriggers_persistence::StorageError;
use mongodb::{Collection, Database};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    call, document,
    error::{code, neutral},
};

/// The error codes of a command that was run before: the index is gone, or the collection exists already.
const DONE_ALREADY: [i32; 2] = [27, 48];

/// The migrations that were applied, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// The names of the migrations, such as `0001__name`, in order.
    pub migrations: Vec<String>,
}

/// A file of `migrations/mongodb`.
struct Migration {
    name: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(Migration {
            name: $name,
            text: include_str!(concat!("../../../migrations/mongodb/", $name, ".json")),
        }),+]
    };
}

/// Every migration, in order. A released migration is never changed. The next one corrects it.
const ALL: &[Migration] = files![
    "0001__users",
    "0002__campaigns",
    "0003__participations",
    "0004__decisions",
    "0005__ledger",
    "0006__ledger_index",
    "0007__quotas",
    "0008__shortened_decisions",
    "0009__journal",
    "0010__replay",
];

/// What a file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(rename = "purpose")]
    _purpose: String,
    commands: Vec<Document>,
}

pub(crate) async fn apply(database: &Database) -> Result<MigrationReport, StorageError> {
    if missing(database).await?.is_empty() {
        return Ok(MigrationReport::default());
    }
    let records = records(database);
    lease::hold(&records, async {
        // The previous holder of the lock may have applied them.
        let missing = missing(database).await?;
        for migration in &missing {
            migration.apply(database).await?;
        }
        Ok(report(&missing))
    })
    .await
}

pub(crate) async fn pending(database: &Database) -> Result<MigrationReport, StorageError> {
    Ok(report(&missing(database).await?))
}

/// Fails unless the newest migration of this version was applied. This takes one read, so it may be asked often.
pub(crate) async fn require_newest(database: &Database) -> Result<(), StorageError> {
    let Some(newest) = ALL.last() else { return Ok(()) };
    let record = document::find_one(records(database), doc! {"_id": newest.name}, doc! {}).await?;
    record.map(|_| ()).ok_or_else(|| failed(format!("migration {} was not applied", newest.name)))
}

fn report(migrations: &[&Migration]) -> MigrationReport {
    MigrationReport { migrations: migrations.iter().map(|migration| migration.name.to_owned()).collect() }
}

fn records(database: &Database) -> Collection<Document> {
    database.collection("migrations")
}

/// The migrations that were not applied. Fails if one that was applied is not one of this version.
async fn missing(database: &Database) -> Result<Vec<&'static Migration>, StorageError> {
    let records = records(database);
    let reading =
        async move { records.find(doc! {"_id": {"$ne": lease::LOCK}}).await?.try_collect::<Vec<_>>().await };
    let applied = call::read(reading).await?;
    let mut checksums: BTreeMap<_, _> = applied
        .iter()
        .map(|record| {
            (record.get_str("_id").unwrap_or_default(), record.get_str("checksum").unwrap_or_default())
        })
        .collect();
    let mut missing = Vec::new();
    for migration in ALL {
        match checksums.remove(migration.name) {
            None => missing.push(migration),
            Some(checksum) if checksum == migration.checksum() => {}
            Some(_) => {
                return Err(failed(format!(
                    "migration {} was applied in another form than this version has",
                    migration.name
                )));
            }
        }
    }
    match checksums.pop_last() {
        None => Ok(missing),
        Some((newer, _)) => {
            Err(failed(format!("migration {newer} was applied by a newer version than this one")))
        }
    }
}

impl Migration {
    fn content(&self) -> Result<Content, StorageError> {
        serde_json::from_str(self.text).map_err(|error| failed(format!("migration {}: {error}", self.name)))
    }

    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.text))
    }

    async fn apply(&self, database: &Database) -> Result<(), StorageError> {
        for command in self.content()?.commands {
            run(database, command).await?;
        }
        let record = doc! {"checksum": self.checksum(), "appliedAt": "$$NOW"};
        let (records, change) = (records(database), vec![doc! {"$set": record}]);
        let id = doc! {"_id": self.name};
        call::write(async move { records.update_one(id, change).upsert(true).await }).await?;
        Ok(())
    }
}

/// Runs a command that may have been run before.
async fn run(database: &Database, mut command: Document) -> Result<(), StorageError> {
    if command.contains_key("createIndexes") {
        return indexes::create(database, &command).await;
    }
    command.insert("writeConcern", doc! {"w": "majority"});
    let database = database.clone();
    match call::try_write(async move { database.run_command(command).await }).await? {
        Err(error) if !code(&error).is_some_and(|code| DONE_ALREADY.contains(&code)) => Err(neutral(error)),
        _ => Ok(()),
    }
}

fn failed(message: String) -> StorageError {
    StorageError::Backend(message.into())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn every_file_is_a_migration_and_is_numbered_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/mongodb");
        let files =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let listed = ALL.iter().map(|migration| format!("{}.json", migration.name));
        assert_eq!(files.collect::<BTreeSet<_>>(), listed.collect());
        // A number may be missing, because a migration may be given up before its release.
        let numbers = ALL.iter().map(|migration| migration.name.split_once("__").unwrap().0);
        let numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        for migration in ALL {
            assert!(!migration.content().unwrap().commands.is_empty(), "{}", migration.name);
        }
    }

    #[test]
    fn the_fields_of_an_index_keep_their_order() {
        let commands = ALL[2].content().unwrap().commands;
        let last = commands[0].get_array("indexes").unwrap().last().unwrap().as_document().unwrap();
        let fields: Vec<_> = last.get_document("key").unwrap().keys().collect();
        assert_eq!(fields, ["streamerId", "status"]);
    }
}
