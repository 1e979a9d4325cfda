//! The previous system's database: served as it was left, or imported, with the same answers.
//!
//! Only MongoDB can hold the database as it was left. These tests use the MongoDB server of the test run, whatever store the
//! others use.

mod alike;
mod left;

use std::fs;

use bson::{Bson, Document};
use gametriggers_services::import;
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::WebUrl;
use serde_json::Value;

use crate::support::{PREVIOUS_DATABASE, Streamer, TestServer, TestStore};

const COLLECTIONS: [&str; 3] = ["users", "campaigns", "campaignparticipations"];
/// The streamer of the original bug report, who has joined Hinge, the keyboard and the energy drink.
const KARMA: &str = "6864d4187d06a675f2abb714";
/// A streamer with their own weights.
const WEIGHTY: &str = "6864d4187d06a675f2abb715";
/// A streamer from before there were settings and overlays, who has joined the keyboard.
const EARLY_BIRD: &str = "6864d4187d06a675f2abb716";
const BRAND: &str = "6864d4187d06a675f2abb717";
/// A user with a role that was added later, and with a strategy that never existed.
const LATER_ROLE: &str = "6864d4187d06a675f2abb719";

/// The documents of an export, one per line.
fn exported(collection: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("{PREVIOUS_DATABASE}/{collection}.json")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same documents as they were stored: all numbers that are not whole are doubles.
fn left_behind(collection: &str) -> Vec<Document> {
    let document = |line| match Bson::try_from(line).unwrap() {
        Bson::Document(document) => document,
        other => panic!("{other}"),
    };
    exported(collection).into_iter().map(document).collect()
}

fn id_of(exported: &Value) -> &str {
    exported["_id"]["$oid"].as_str().unwrap()
}

/// A server on this store. Its links have the same address whatever its port.
async fn start_on(store: TestStore) -> TestServer {
    let public_url = WebUrl::parse("https://gametriggers.example").unwrap();
    TestServer::start_with(store, |settings| settings.public_url = Some(public_url)).await
}

/// A server on the database that the previous system left.
async fn start_as_it_was_left() -> TestServer {
    let database = TestDatabase::create().await;
    for collection in COLLECTIONS {
        database.raw().collection(collection).insert_many(left_behind(collection)).await.unwrap();
    }
    start_on(TestStore::mongodb(database)).await
}

/// A server on a store into which the database was imported.
async fn start_imported(store: TestStore) -> TestServer {
    let server = start_on(store).await;
    let report = import::run(&server.storage, PREVIOUS_DATABASE.as_ref()).await.unwrap();
    assert_eq!(report.refused().count(), 0);
    server
}

/// A user of the database, in whose name a test sends requests.
async fn account(server: &TestServer, id: &str) -> Streamer {
    let user = server.stored_user(id.parse().unwrap()).await;
    let token = user.overlay_token.as_ref().map_or_else(String::new, |token| token.expose().to_owned());
    Streamer { user, token }
}
