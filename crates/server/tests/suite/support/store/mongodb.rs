//! One database of a MongoDB server, through the bare driver.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bson::{Bson, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use gametriggers_test_mongod::{Server, TestDatabase};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{Documents, Everything, Field};

/// The time for which a client looks for an unreachable server. In production it is longer than a test should wait.
const AWAY_AFTER: &str = "serverSelectionTimeoutMS=2000";

pub(crate) struct MongoDb {
    database: TestDatabase,
    /// The server, if no other test uses it.
    server: Option<Arc<Mutex<Server>>>,
}

/// A transaction in the server's log of operations.
#[derive(Deserialize)]
struct Transaction {
    o: Commit,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    apply_ops: Vec<Operation>,
    /// Whether more documents of the same transaction follow.
    #[serde(default)]
    partial_txn: bool,
}

#[derive(Deserialize)]
struct Operation {
    /// `i` for an insertion.
    op: String,
    /// The database and the collection.
    ns: String,
    o: Document,
}

impl From<TestDatabase> for MongoDb {
    fn from(database: TestDatabase) -> Self {
        Self { database, server: None }
    }
}

impl MongoDb {
    pub(super) async fn on(server_uri: &str) -> Self {
        TestDatabase::create_on(server_uri).await.into()
    }

    pub(super) async fn on_a_private_server() -> Self {
        let server = spawn_blocking(Server::start).await.unwrap().unwrap();
        let database = TestDatabase::create_to_stay_on(&format!("{}&{AWAY_AFTER}", server.uri())).await;
        Self { database, server: Some(Arc::new(Mutex::new(server))) }
    }

    pub(crate) const fn database(&self) -> &TestDatabase {
        &self.database
    }

    pub(super) fn url(&self) -> String {
        self.database.uri().to_owned()
    }

    pub(super) async fn exists(&self) -> bool {
        !self.database.raw().list_collection_names().await.unwrap().is_empty()
    }

    pub(super) async fn everything(&self) -> Everything {
        let mut everything = Everything::new();
        for name in self.database.raw().list_collection_names().await.unwrap() {
            let collection = self.database.raw().collection::<Document>(&name);
            let found = collection.find(doc! {}).sort(doc! {"_id": 1}).await.unwrap();
            let documents: Vec<Document> = found.try_collect().await.unwrap();
            everything.insert(name, documents.iter().map(ToString::to_string).collect());
        }
        everything
    }

    /// Reads the order from the server's log of operations (`local.oplog.rs`). The server adds a transaction to this log when it
    /// commits the transaction.
    pub(super) async fn entries_in_order(&self) -> Vec<String> {
        let is_entry = |document: &Document| !matches!(document.get_str("kind"), Ok("opening" | "repairs"));
        let id_of = |document: &Document| document.get_str("_id").unwrap().to_owned();
        let namespace = format!("{}.ledger", self.database.raw().name());
        let log = self.database.raw().client().database("local").collection::<Transaction>("oplog.rs");
        let of_ledger = doc! {"ns": "admin.$cmd", "o.applyOps.ns": &namespace};
        let found = log.find(of_ledger).sort(doc! {"$natural": 1}).await.unwrap();
        let transactions: Vec<_> = found.try_collect().await.unwrap();
        assert!(transactions.iter().all(|it| !it.o.partial_txn), "a transaction has more than 16 MB");
        let operations = transactions.iter().flat_map(|transaction| &transaction.o.apply_ops);
        let insertions = operations.filter(|it| it.op == "i" && it.ns == namespace).map(|it| &it.o);
        let ids: Vec<_> = insertions.filter(|it| is_entry(it)).map(id_of).collect();

        let ledger = self.database.raw().collection::<Document>("ledger");
        let stored: Vec<_> = ledger.find(doc! {}).await.unwrap().try_collect().await.unwrap();
        let stored: BTreeSet<_> = stored.iter().filter(|it| is_entry(it)).map(id_of).collect();
        assert_eq!(stored, ids.iter().cloned().collect(), "the ledger and the log of operations");
        ids
    }

    pub(super) fn without_record_of_repairs(mut everything: Everything) -> Everything {
        if let Some(ledger) = everything.get_mut("ledger") {
            ledger.retain(|document| !document.contains(r#""kind": "repairs""#));
        }
        everything
    }

    pub(super) async fn set(&self, field: Field, id: Option<&str>, value: &Value) -> usize {
        let value: Bson = match value {
            Value::Number(micros) if field.is_money => {
                Bson::Decimal128(format!("{micros}E-6").parse().unwrap())
            }
            other => other.clone().try_into().unwrap(),
        };
        let mut filter = doc! {field.key: {"$ne": &value}};
        if let Some(id) = id {
            filter.insert("_id", id.parse::<ObjectId>().unwrap());
        }
        let collection = self.database.raw().collection::<Document>(field.documents.collection());
        let result = collection.update_many(filter, doc! {"$set": {field.key: value}}).await.unwrap();
        usize::try_from(result.modified_count).unwrap()
    }

    /// If the collection were dropped, reads would find it empty. So it is replaced by a view that cannot be computed.
    pub(super) async fn make_unreadable(&self, documents: Documents) -> String {
        let (database, name) = (self.database.raw(), documents.collection());
        let elsewhere = format!("{name}_elsewhere");
        let [from, to] = [name, &elsewhere].map(|name| format!("{}.{name}", database.name()));
        let rename = doc! {"renameCollection": from, "to": to};
        database.client().database("admin").run_command(rename).await.unwrap();
        let by_distance = doc! {"$geoNear": {"near": [0, 0], "distanceField": "d", "key": "place"}};
        database.create_collection(name).view_on(elsewhere).pipeline(vec![by_distance]).await.unwrap();
        "291 (NoQueryExecutionPlans)".to_owned()
    }

    pub(super) async fn forget_migrations(&self) {
        let migrations = self.database.raw().collection::<Document>("migrations");
        migrations.delete_many(doc! {}).await.unwrap();
    }

    pub(super) async fn falsify_migrations(&self) {
        let migrations = self.database.raw().collection::<Document>("migrations");
        let applied = doc! {"checksum": {"$exists": true}};
        migrations.update_many(applied, doc! {"$set": {"checksum": "1"}}).await.unwrap();
    }

    pub(super) async fn keeps_tokens_unique(&self) -> bool {
        let participations =
            self.database.raw().collection::<Document>(Documents::Participations.collection());
        let indexes: Vec<_> = participations.list_indexes().await.unwrap().try_collect().await.unwrap();
        indexes.iter().any(|index| {
            let is_unique = index.options.as_ref().is_some_and(|options| {
                options.unique == Some(true) && options.partial_filter_expression.is_none()
            });
            is_unique && index.keys.keys().eq(["browserSourceToken"])
        })
    }

    pub(super) async fn go_away(&self) {
        self.with_server(|server| {
            server.kill();
            Ok(())
        })
        .await;
    }

    pub(super) async fn come_back(&self) {
        self.with_server(Server::restart).await;
    }

    /// Runs blocking work on the server.
    async fn with_server(&self, work: fn(&mut Server) -> anyhow::Result<()>) {
        let server = self.server.clone().expect("a server that nobody else uses");
        spawn_blocking(move || work(&mut server.lock().unwrap())).await.unwrap().unwrap();
    }
}
