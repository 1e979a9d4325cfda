//! Nobody but their owner may read the files of a store.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot set its stage fails, and says where

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use gametriggers_persistence_sqlite::SqliteStore;
use tempfile::TempDir;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The rights of every file of the folder.
fn modes(folder: &Path) -> BTreeMap<String, u32> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    files.map(|file| (file.file_name().into_string().unwrap(), mode(&file.path()))).collect()
}

fn all_with(mode: u32) -> BTreeMap<String, u32> {
    let names = ["test.db", "test.db-shm", "test.db-wal", "test.db.migration-lock"];
    names.map(|name| (name.to_owned(), mode)).into()
}

async fn open(file: &Path) -> SqliteStore {
    let store = SqliteStore::open(file).await.unwrap();
    store.migrate().await.unwrap();
    store.repositories().probe.ping().await.unwrap();
    store
}

#[tokio::test]
async fn what_is_made_is_for_the_owner_alone() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("data/inner");
    let _store = open(&folder.join("test.db")).await;
    assert_eq!([mode(&folder), mode(folder.parent().unwrap())], [0o700; 2]);
    assert_eq!(modes(&folder), all_with(0o600));
}

/// As a version before this one has left them.
#[tokio::test]
async fn what_others_could_read_is_taken_from_them_and_the_folder_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    let _first = open(&file).await;
    set_mode(folder.path(), 0o755);
    for name in modes(folder.path()).keys() {
        set_mode(&folder.path().join(name), 0o644);
    }
    let _second = open(&file).await;
    assert_eq!((modes(folder.path()), mode(folder.path())), (all_with(0o600), 0o755));
}

/// No program makes a file that its group may write, so somebody wanted it.
#[tokio::test]
async fn what_a_group_shares_on_purpose_it_goes_on_sharing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    drop(open(&file).await);
    set_mode(&file, 0o666);
    fs::remove_file(folder.path().join("test.db.migration-lock")).unwrap();
    let _store = open(&file).await;
    assert_eq!(modes(folder.path()), all_with(0o660));
}

/// A mistaken path such as `sqlite:///tmp` must not lock others out of a folder.
#[tokio::test]
async fn a_folder_that_is_taken_for_a_store_keeps_its_rights() {
    let outer = TempDir::new().unwrap();
    let folder = outer.path().join("test.db");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o755);
    assert!(SqliteStore::open(&folder).await.is_err());
    assert_eq!(mode(&folder), 0o755);
}
