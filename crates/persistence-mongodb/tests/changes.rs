//! What becomes of a subscription when its change stream breaks: it misses nothing, or it says that it may have.

#![allow(clippy::unwrap_used)] // a stage that cannot be set fails the test

mod support;

use std::time::Duration;

use bson::{Document, doc, oid::ObjectId};
use gametriggers_persistence::{Change, ChangeStream, Repositories, StorageError, Told};
use gametriggers_test_mongod::{Server, TestDatabase};
use tokio::{task::block_in_place, time::timeout};

use crate::support::migrated;

/// As long as an instance waits for a silent store.
const PATIENCE: Duration = Duration::from_secs(30);

struct Stage {
    // Before the server: fields are dropped in this order.
    database: TestDatabase,
    server: Server,
    store: Repositories,
    user: ObjectId,
}

impl Stage {
    /// A server of its own with one user in it.
    async fn set() -> Self {
        let server = block_in_place(Server::start_with_fail_points).unwrap();
        let database = TestDatabase::create_on(&server.uri()).await;
        let store = migrated(&database).await;
        let user = ObjectId::new();
        let users = database.raw().collection::<Document>("users");
        users
            .insert_one(doc! {"_id": user, "email": "a@example.com", "name": "A", "role": "streamer"})
            .await
            .unwrap();
        Self { store: store.repositories(), database, server, user }
    }

    async fn subscribe(&self) -> Box<dyn ChangeStream> {
        self.store.changes.subscribe().await.unwrap()
    }

    async fn change_user(&self) {
        let users = self.database.raw().collection::<Document>("users");
        let changed = users.update_one(doc! {"_id": self.user}, doc! {"$inc": {"changes": 1}}).await.unwrap();
        assert_eq!(changed.modified_count, 1);
    }

    /// The next question to the change stream gets this error.
    async fn fail_next_question(&self, code: i32) {
        let fail = doc! {
            "configureFailPoint": "failCommand",
            "mode": {"times": 1},
            "data": {"failCommands": ["getMore"], "errorCode": code},
        };
        self.database.raw().client().database("admin").run_command(fail).await.unwrap();
    }

    fn change(&self) -> Change {
        Change::User(self.user.to_string().parse().unwrap())
    }
}

/// The next change, or the error that ends the subscription.
async fn next(stream: &mut dyn ChangeStream) -> Result<Change, StorageError> {
    let next = async {
        loop {
            if let Some(change) = stream.next().await?.changes.pop() {
                return Ok(change);
            }
        }
    };
    timeout(PATIENCE, next).await.unwrap()
}

/// A cursor that is gone, a primary that is none any more: the stream goes on from where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_stream_goes_on_and_misses_nothing() {
    const CURSOR_NOT_FOUND: i32 = 43;
    let stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    for _ in 0..3 {
        stage.fail_next_question(CURSOR_NOT_FOUND).await;
        stage.change_user().await;
        assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
    }
}

/// A document that somebody else keeps among the users changes, and one of ours right behind it: that nothing is left to be
/// told is not said before ours is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_none_of_ours_hides_nothing_that_waits_behind_it() {
    let stage = Stage::set().await;
    let users = stage.database.raw().collection::<Document>("users");
    users.insert_one(doc! {"_id": "not ours", "email": "b@example.com"}).await.unwrap();
    let mut stream = stage.subscribe().await;
    assert_eq!(stream.next().await.unwrap(), Told { changes: Vec::new(), is_all: true });
    users.update_one(doc! {"_id": "not ours"}, doc! {"$set": {"a": 1}}).await.unwrap();
    stage.change_user().await;
    assert_eq!(stream.next().await.unwrap(), Told { changes: vec![stage.change()], is_all: true });
}

/// A history that the server no longer has: the subscription ends, and a new one works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_history_ends_the_subscription() {
    const HISTORY_LOST: i32 = 286;
    let stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
    stage.fail_next_question(HISTORY_LOST).await;
    next(&mut *stream).await.unwrap_err();
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
}

/// Whatever was read of it may be another now. What comes next is told to whoever subscribes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_is_dropped_or_renamed_has_changed_everything() {
    let stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    let database = stage.database.raw();
    database.collection::<Document>("users").drop().await.unwrap();
    assert_has_changed_everything(&mut *stream).await;

    let mut stream = stage.subscribe().await;
    let name = |collection| format!("{}.{collection}", database.name());
    let rename = doc! {"renameCollection": name("campaigns"), "to": name("campaigns_of_old")};
    database.client().database("admin").run_command(rename).await.unwrap();
    assert_has_changed_everything(&mut *stream).await;
}

/// It is told, unless the subscription is over already, which says the same.
async fn assert_has_changed_everything(stream: &mut dyn ChangeStream) {
    loop {
        match next(stream).await {
            Ok(change) => assert_eq!(change, Change::Everything),
            Err(StorageError::Unavailable { .. }) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Without its database nothing more can be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_database_ends_the_subscription() {
    let stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    stage.database.raw().drop().await.unwrap();
    // Each of its collections is dropped first.
    assert_has_changed_everything(&mut *stream).await;
}

/// A stream stays with the member that it was opened on. Once that is not the primary, it may be behind, and its silence
/// means nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_steps_down_ends_the_subscription() {
    let stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
    let step_down = doc! {"replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 0, "force": true};
    stage.database.raw().client().database("admin").run_command(step_down).await.unwrap();
    let error = next(&mut *stream).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
    // It is elected again: there is no other.
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
}

/// The server's process is killed and started again: the subscription says that it is over, and a new one works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_listened_to_again() {
    let mut stage = Stage::set().await;
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
    block_in_place(|| stage.server.kill());
    next(&mut *stream).await.unwrap_err();
    block_in_place(|| stage.server.restart()).unwrap();
    let mut stream = stage.subscribe().await;
    stage.change_user().await;
    assert_eq!(next(&mut *stream).await.unwrap(), stage.change());
}
