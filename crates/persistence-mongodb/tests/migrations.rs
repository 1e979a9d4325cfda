//! The schema's history on databases of every kind: empty, of the previous system, falsified, and shared.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

use std::{collections::BTreeSet, error::Error as _, time::Duration};

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::{TryStreamExt, future::join_all};
use gametriggers_domain::quota::Quota;
use gametriggers_persistence::StorageError;
use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_test_mongod::TestDatabase;
use mongodb::{Collection, IndexModel, options::IndexOptions};
use tokio::time::timeout;

async fn connect(database: &TestDatabase) -> MongoStore {
    MongoStore::connect(database.uri()).await.unwrap()
}

fn raw(database: &TestDatabase, collection: &str) -> Collection<Document> {
    database.raw().collection(collection)
}

/// The error with all its sources.
fn chain(error: &StorageError) -> String {
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

async fn index_names(database: &TestDatabase, collection: &str) -> BTreeSet<String> {
    raw(database, collection).list_index_names().await.unwrap().into_iter().collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn index(name: &str, keys: Document, unique: bool) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).unique(unique).build();
    IndexModel::builder().keys(keys).options(options).build()
}

#[tokio::test]
async fn a_dry_run_tells_what_a_migration_does_and_does_nothing() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    let pending = store.pending_migrations().await.unwrap();
    assert_eq!(pending.migrations.first().map(String::as_str), Some("0001__users"));
    assert_eq!(database.raw().list_collection_names().await.unwrap(), Vec::<String>::new());

    assert_eq!(store.migrate().await.unwrap(), pending);
    assert_eq!(store.pending_migrations().await.unwrap().migrations, Vec::<String>::new());
    assert_eq!(store.migrate().await.unwrap().migrations, Vec::<String>::new());
    assert_eq!(index_names(&database, "users").await, names(&["_id_", "email_1", "overlayToken_1"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_instances_that_start_at_once_one_migrates() {
    let database = TestDatabase::create().await;
    let stores = join_all((0..8).map(|_| connect(&database))).await;
    let reports = join_all(stores.iter().map(MongoStore::migrate)).await;
    let done: Vec<_> = reports.into_iter().map(|report| report.unwrap().migrations.len()).collect();
    assert_eq!(done.iter().filter(|count| **count > 0).count(), 1, "{done:?}");
    assert_eq!(connect(&database).await.pending_migrations().await.unwrap().migrations.len(), 0);
}

#[tokio::test]
async fn the_lock_of_an_instance_that_died_runs_out() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    let soon = bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() + 3_000);
    let lock = doc! {"_id": "lock", "holder": "somebody", "until": soon};
    raw(&database, "migrations").insert_one(lock).await.unwrap();
    assert!(timeout(Duration::from_millis(500), store.migrate()).await.is_err(), "it waits");
    assert!(!store.migrate().await.unwrap().migrations.is_empty());
}

#[tokio::test]
async fn the_indexes_of_the_previous_system_are_kept_under_their_names() {
    let database = TestDatabase::create().await;
    let participations = raw(&database, "campaignparticipations");
    participations
        .create_indexes([
            index("token_of_old", doc! {"browserSourceToken": 1.0}, true),
            index("campaignId_1_streamerId_1", doc! {"campaignId": 1, "streamerId": 1}, true),
            index("campaignId_1", doc! {"campaignId": 1}, false),
        ])
        .await
        .unwrap();
    connect(&database).await.migrate().await.unwrap();
    let expected = [
        "_id_",
        "campaignId_1",
        "campaignId_1__id_1",
        "campaignId_1_streamerId_1",
        "streamerId_1_status_1",
        "token_of_old",
    ];
    assert_eq!(index_names(&database, "campaignparticipations").await, names(&expected));
}

#[tokio::test]
async fn an_index_in_the_way_is_named_with_the_remedy() {
    let database = TestDatabase::create().await;
    let participations = raw(&database, "campaignparticipations");
    let loose = index("browserSourceToken_1", doc! {"browserSourceToken": 1}, false);
    participations.create_index(loose).await.unwrap();
    let store = connect(&database).await;
    let told = chain(&store.migrate().await.unwrap_err());
    assert!(told.contains("db.campaignparticipations.dropIndex(\"browserSourceToken_1\")"), "{told}");
    participations.drop_index("browserSourceToken_1").await.unwrap();
    assert_eq!(
        store.migrate().await.unwrap().migrations[0],
        "0003__participations",
        "it goes on where it ended"
    );
}

/// The server counts it as there, and lets no query use it.
#[tokio::test]
async fn a_hidden_index_is_named_with_the_remedy() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    let participations = raw(&database, "campaignparticipations");
    let mut token = index("browserSourceToken_1", doc! {"browserSourceToken": 1}, true);
    token.options.as_mut().unwrap().hidden = Some(true);
    participations.create_index(token).await.unwrap();
    let told = chain(&store.migrate().await.unwrap_err());
    assert!(told.contains("db.campaignparticipations.unhideIndex(\"browserSourceToken_1\")"), "{told}");
    let show = doc! {"collMod": "campaignparticipations", "index": {"name": "browserSourceToken_1", "hidden": false}};
    database.raw().run_command(show).await.unwrap();
    store.migrate().await.unwrap();
}

/// The documents that break a rule are named by their ids; what they share is a secret.
#[tokio::test]
async fn documents_that_break_a_unique_index_are_named_and_their_values_are_not() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    let users = raw(&database, "users");
    let user =
        |email: &str, token: Bson| doc! {"_id": ObjectId::new(), "email": email, "overlayToken": token};
    let documents = [
        user("a@example.com", "hunter2".into()),
        user("a@example.com", "hunter2".into()),
        user("b@example.com", Bson::Null),
        user("c@example.com", "".into()),
        user("d@example.com", "".into()),
    ];
    users.insert_many(&documents).await.unwrap();
    let ids: Vec<_> = documents.iter().map(|document| document.get_object_id("_id").unwrap()).collect();
    for field in ["email", "overlayToken"] {
        let told = chain(&store.migrate().await.unwrap_err());
        assert!(told.contains(&format!("`{field}`")), "{told}");
        for (place, id) in ids.iter().enumerate() {
            assert_eq!(told.contains(&id.to_hex()), place < 2, "{told}");
        }
        assert!(!told.contains("hunter2") && !told.contains("example.com"), "{told}");
        users.update_one(doc! {"_id": ids[1]}, doc! {"$set": {field: "another"}}).await.unwrap();
    }
    store.migrate().await.unwrap();
}

/// To a unique index what is absent and what is null are the same.
#[tokio::test]
async fn documents_without_the_field_of_a_unique_index_are_named() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    let documents: Vec<_> = (0..25)
        .map(|number| {
            let mut document =
                doc! {"_id": ObjectId::new(), "campaignId": ObjectId::new(), "streamerId": number};
            if number % 2 == 0 {
                document.insert("browserSourceToken", Bson::Null);
            }
            document
        })
        .collect();
    raw(&database, "campaignparticipations").insert_many(&documents).await.unwrap();
    let told = chain(&store.migrate().await.unwrap_err());
    assert!(told.contains("`browserSourceToken`") && told.contains("and 15 more"), "{told}");
}

#[tokio::test]
async fn a_history_that_is_not_this_versions_is_refused() {
    let database = TestDatabase::create().await;
    let store = connect(&database).await;
    store.migrate().await.unwrap();
    let records = raw(&database, "migrations");
    let newer = doc! {"_id": "9999__later", "checksum": "x"};
    records.insert_one(&newer).await.unwrap();
    let told = chain(&store.migrate().await.unwrap_err());
    assert!(told.contains("9999__later") && told.contains("newer"), "{told}");
    records.delete_one(newer).await.unwrap();

    let other = doc! {"$set": {"checksum": "other"}};
    records.update_one(doc! {"_id": "0001__users"}, other).await.unwrap();
    let told = chain(&store.pending_migrations().await.unwrap_err());
    assert!(told.contains("0001__users") && told.contains("another form"), "{told}");
}

/// What was counted and paid is explained by what is stored, for ever.
#[tokio::test]
async fn quotas_expire_when_they_are_of_no_use_any_more_and_nothing_else_does() {
    let database = TestDatabase::create().await;
    connect(&database).await.migrate().await.unwrap();
    let mut expiring = Vec::new();
    for collection in database.raw().list_collection_names().await.unwrap() {
        let indexes = raw(&database, &collection).list_indexes().await.unwrap();
        let indexes: Vec<IndexModel> = indexes.try_collect().await.unwrap();
        let after = indexes.iter().filter_map(|index| index.options.as_ref()?.expire_after);
        expiring.extend(after.map(|after| (collection.clone(), after)));
    }
    let after = Duration::try_from(Quota::MATTERS_FOR).unwrap();
    assert_eq!(expiring, [("quotas".to_owned(), after)]);
}
