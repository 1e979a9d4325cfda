//! The fixture, stores to import it into, and documents that tests change.

use gametriggers_domain::model::{Campaign, Participation, User};
use gametriggers_persistence::Repositories;
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_services::import;
use gametriggers_services::import::{CollectionReport, ImportReport, Remark};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const USERS: &str = "users.json";
pub(crate) const CAMPAIGNS: &str = "campaigns.json";
pub(crate) const PARTICIPATIONS: &str = "campaignparticipations.json";

pub(crate) const KARMA: &str = "6864d4187d06a675f2abb714";
pub(crate) const WEIGHTY: &str = "6864d4187d06a675f2abb715";
pub(crate) const EARLY_BIRD: &str = "6864d4187d06a675f2abb716";
pub(crate) const LATER_ROLE: &str = "6864d4187d06a675f2abb719";
pub(crate) const HINGE: &str = "685f9273332f9dae98cbd254";
pub(crate) const KARMA_IN_HINGE: &str = "6864d4ee7d06a675f2abb716";
pub(crate) const EARLY_BIRD_IN_KEYBOARD: &str = "686511bdf5a1848d4e973390";

/// The token in the original bug report.
pub(crate) const REPORTED_TOKEN: &str = "29c9f80049037a0cc9edb2899b2478157d9dd25fd1de1958d01aee459f4219c2";

/// A store and the folder that holds it.
pub(crate) struct Store {
    pub(crate) repositories: Repositories,
    _folder: TempDir,
}

impl Store {
    pub(crate) async fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db")).await.unwrap();
        store.migrate().await.unwrap();
        Self { repositories: store.repositories(), _folder: folder }
    }

    /// Imports the files into an empty store. Returns the store and the report.
    pub(crate) async fn of(files: &[(&str, &str)]) -> (Self, ImportReport) {
        let store = Self::empty().await;
        let report = store.import(&exported(files)).await;
        (store, report)
    }

    /// Imports the previous database into an empty store.
    pub(crate) async fn of_fixture() -> Self {
        let store = Self::empty().await;
        import::run(&store.repositories, &fixture()).await.unwrap();
        store
    }

    pub(crate) async fn import(&self, files: &TempDir) -> ImportReport {
        import::run(&self.repositories, files.path()).await.unwrap()
    }

    pub(crate) async fn user(&self, id: &str) -> User {
        self.repositories.users.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }

    pub(crate) async fn campaign(&self, id: &str) -> Campaign {
        self.repositories.campaigns.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }

    pub(crate) async fn participation(&self, id: &str) -> Participation {
        self.repositories.participations.find_by_id(id.parse().unwrap()).await.unwrap().unwrap()
    }
}

pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/previous-database")
}

pub(crate) fn fixture_file(file: &str) -> String {
    fs::read_to_string(fixture().join(file)).unwrap()
}

/// Makes a folder with these files.
pub(crate) fn exported(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// A user with the fewest possible fields, changed by `changes`. A change to null removes a field.
pub(crate) fn user(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": KARMA}, "email": "karma@example.com", "name": "karma", "role": "streamer",
        "authProvider": "twitch",
    });
    changed(document, changes)
}

pub(crate) fn campaign(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": HINGE}, "title": "Hinge", "brandId": {"$oid": KARMA}, "budget": 100,
        "remainingBudget": 100, "mediaUrl": "https://media.example.com/a.png", "mediaType": "image",
        "paymentRate": 1660, "paymentType": "cpm",
    });
    changed(document, changes)
}

pub(crate) fn participation(changes: Value) -> String {
    let document = json!({
        "_id": {"$oid": KARMA_IN_HINGE}, "campaignId": {"$oid": HINGE}, "streamerId": {"$oid": KARMA},
        "browserSourceToken": REPORTED_TOKEN,
    });
    changed(document, changes)
}

pub(crate) fn changed(mut document: Value, changes: Value) -> String {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    document.as_object_mut().unwrap().extend(changes);
    document.to_string()
}

/// The field and the reason of each remark.
pub(crate) fn remarks(remarks: &[Remark]) -> Vec<(&str, &str)> {
    remarks.iter().map(|remark| (remark.field.as_deref().unwrap_or(""), remark.reason.as_str())).collect()
}

pub(crate) fn assert_all_inserted(report: &CollectionReport, count: u64) {
    assert!(report.found);
    assert_eq!((report.inserted, report.already_present), (count, 0));
    assert_eq!(report.refused, []);
}
