//! Which store: chosen by the scheme of its URL.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_persistence_sqlite::SqliteStore;

/// A store of one of the kinds that there are.
#[derive(Clone)]
pub enum Store {
    /// One SQLite file.
    Sqlite(SqliteStore),
    /// One database of a MongoDB replica set.
    MongoDb(MongoStore),
}

impl Store {
    /// Opens the store of a URL.
    ///
    /// # Errors
    /// For an unknown scheme, or if the store cannot be opened.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => {
                let store = SqliteStore::open(Path::new(path)).await;
                Ok(Self::Sqlite(store.with_context(|| format!("cannot open the store {path}"))?))
            }
            Some(("sqlite", _)) => bail!("storage.url names no file; write sqlite://data/gametriggers.db"),
            // Never shown: it may hold a password.
            Some(("mongodb" | "mongodb+srv", _)) => {
                let store = MongoStore::connect(url).await;
                Ok(Self::MongoDb(store.context("cannot use the MongoDB that storage.url names")?))
            }
            _ => bail!(
                "storage.url has an unknown scheme; write sqlite://<path>, such as sqlite://data/gametriggers.db, or \
                 mongodb://<hosts>/<database>?replicaSet=<name>"
            ),
        }
    }

    /// Whether the store of a URL could not be opened only because it is away: a server may come by itself, a file does
    /// not.
    #[must_use]
    pub fn may_come(url: &str, error: &anyhow::Error) -> bool {
        let is_server = url.starts_with("mongodb");
        is_server && error.downcast_ref().is_some_and(StorageError::is_retryable)
    }

    /// Opens the store of a URL, and makes none where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open), or if there is no store.
    pub async fn open_existing(url: &str) -> anyhow::Result<Self> {
        ensure!(!is_new(url), "there is no store at {url}; is storage.url right, and the working directory?");
        Self::open(url).await
    }

    /// The names of the migrations that `migrate` would apply to the store of a URL, which may not be there yet.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`pending_migrations`](Self::pending_migrations).
    pub async fn dry_run(url: &str) -> anyhow::Result<Vec<String>> {
        if is_new(url) {
            return Ok(SqliteStore::migrations_of_new().migrations);
        }
        Self::open(url).await?.pending_migrations().await
    }

    /// Applies the migrations that are missing and returns their names.
    ///
    /// # Errors
    /// If one fails, or one that was applied is not the one of this version.
    pub async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite(store) => Ok(store.migrate().await.context("cannot migrate the store")?.migrations),
            Self::MongoDb(store) => Ok(store.migrate().await.context("cannot migrate the store")?.migrations),
        }
    }

    /// The names of the migrations that are missing.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite(store) => Ok(store.pending_migrations().await?.migrations),
            Self::MongoDb(store) => Ok(store.pending_migrations().await?.migrations),
        }
    }

    /// The same store for a command that nobody waits for in front of a screen: what holds up a call may last longer before the
    /// call fails.
    #[must_use]
    pub fn patient(self) -> Self {
        match self {
            Self::Sqlite(store) => Self::Sqlite(store.patient()),
            Self::MongoDb(store) => Self::MongoDb(store),
        }
    }

    /// The store as the services see it.
    #[must_use]
    pub fn repositories(&self) -> Repositories {
        match self {
            Self::Sqlite(store) => store.repositories(),
            Self::MongoDb(store) => store.repositories(),
        }
    }
}

/// Whether the URL names an embedded store that is not there yet.
fn is_new(url: &str) -> bool {
    matches!(url.split_once("://"), Some(("sqlite", path)) if !path.is_empty() && !Path::new(path).exists())
}
