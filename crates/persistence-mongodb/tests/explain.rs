//! Every query uses an index, and reads little more than it gives.
//!
//! Each method of each repository is called among the documents of many others, while the server's own profiler writes
//! down what it did for that.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod support;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use gametriggers_persistence::StorageError;
use gametriggers_persistence_contract::{Observer, call_every_method};
use gametriggers_test_mongod::TestDatabase;

use crate::support::migrated;

/// How many keys or documents one operation may examine: those of the call's own, and a few around them.
const FEW: i64 = 20;

/// The methods that may read without an index, and why.
const WITHOUT_INDEX: &[(&str, &str)] = &[
    ("ledger.reconcile", "recomputes everything"),
    ("ledger.scan_paid", "looks at every entry, some thousand at a time"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_uses_an_index() {
    let database = TestDatabase::create().await;
    let store = migrated(&database).await;
    let mut profiler = Profiler { database: &database, complaints: Vec::new() };
    call_every_method(store.repositories(), &mut profiler).await;
    assert_eq!(profiler.complaints, Vec::<String>::new());
}

/// Observes by the server's profiler what the server does for each call.
struct Profiler<'d> {
    database: &'d TestDatabase,
    complaints: Vec<String>,
}

impl Observer for Profiler<'_> {
    /// Makes the call and judges every operation that it caused.
    async fn call<T>(&mut self, method: &'static str, call: impl Future<Output = Result<T, StorageError>>) {
        let raw = self.database.raw();
        raw.run_command(doc! {"profile": 0}).await.unwrap();
        raw.collection::<Document>("system.profile").drop().await.unwrap();
        raw.create_collection("system.profile").capped(true).size(16_000_000).await.unwrap();
        raw.run_command(doc! {"profile": 2}).await.unwrap();
        if let Err(error) = call.await {
            panic!("{method}: {error:?}");
        }
        raw.run_command(doc! {"profile": 0}).await.unwrap();

        let own = doc! {"ns": {"$ne": format!("{}.system.profile", raw.name())}};
        let cursor = raw.collection::<Document>("system.profile").find(own).await.unwrap();
        let operations: Vec<Document> = cursor.try_collect().await.unwrap();
        let judged: Vec<_> = operations.iter().filter(|operation| is_judged(operation)).collect();
        assert!(!judged.is_empty(), "the profiler saw nothing of {method}: {operations:#?}");
        if !WITHOUT_INDEX.iter().any(|(exempt, _)| *exempt == method) {
            let complaints = judged.into_iter().filter_map(complaint);
            self.complaints.extend(complaints.map(|complaint| format!("{method}: {complaint}")));
        }
    }
}

/// Whether the operation read or wrote documents; not whether it began or ended something.
fn is_judged(operation: &Document) -> bool {
    let is_change_stream = format!("{operation}").contains("$changeStream");
    !is_change_stream && (operation.contains_key("planSummary") || operation.contains_key("ninserted"))
}

/// What is wrong with an operation.
fn complaint(operation: &Document) -> Option<String> {
    let examined = |key| operation.get(key).map_or(0, whole_number);
    let wrong = if scans(&Bson::Document(operation.clone())) {
        "reads a collection without an index"
    } else if examined("docsExamined") > FEW || examined("keysExamined") > FEW {
        "examines what is not its own"
    } else {
        return None;
    };
    let mut shown = operation.clone();
    for noise in ["lsid", "locks", "storage", "flowControl", "execStats", "$clusterTime"] {
        shown.remove(noise);
    }
    Some(format!("{wrong}: {shown}"))
}

/// Whether there is a scan anywhere in an operation's plan, that of a joined collection included.
fn scans(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.iter().any(|(key, value)| match key.as_str() {
            "planSummary" | "stage" => value.as_str().is_some_and(|plan| plan.contains("COLLSCAN")),
            "collectionScans" => whole_number(value) > 0,
            // What was asked for may contain any word.
            "command" | "originatingCommand" => false,
            _ => scans(value),
        }),
        Bson::Array(values) => values.iter().any(scans),
        _ => false,
    }
}

fn whole_number(value: &Bson) -> i64 {
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap_or(0)
}
