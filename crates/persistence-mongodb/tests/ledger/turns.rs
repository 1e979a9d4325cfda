//! Processes that get into each other's way take turns. Nothing depends on the turns but the speed.

use std::{sync::Arc, time::Duration};

use bson::DateTime;
use gametriggers_fixtures::eventually;
use gametriggers_persistence::Ledger;
use tokio::time::timeout;

use super::*;

/// More batches than the number for which a process asks for the turn after it has met another one.
const MANY: u32 = 80;
/// Much shorter than the time for which another process keeps the turn.
const A_MOMENT: Duration = Duration::from_millis(50);

/// The document by which processes take turns.
async fn turn(stage: &Stage) -> Option<Document> {
    stage.database.raw().collection("turns").find_one(doc! {}).await.unwrap()
}

fn until(turn: &Document) -> DateTime {
    *turn.get_datetime("until").unwrap()
}

/// Gives the turn to another process, until this time.
async fn hold(stage: &Stage, until: DateTime) {
    let turns = stage.database.raw().collection::<Document>("turns");
    let held = doc! {"$set": {"until": until, "process": ObjectId::new()}};
    assert_eq!(turns.update_one(doc! {}, held).await.unwrap().matched_count, 1);
}

fn in_seconds(seconds: i64) -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() + seconds * 1_000)
}

/// A ledger that has just met another process.
async fn that_met_another(stage: &Stage) -> Arc<dyn Ledger> {
    let client = stage.database.raw().client();
    let mut session = client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let participations = stage.database.raw().collection::<Document>("campaignparticipations");
    let change = doc! {"$inc": {"clicks": 1}};
    participations.update_one(doc! {}, change).session(&mut session).await.unwrap();
    let ledger = stage.instance().await.ledger;
    let recording = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.record([display("first")].into()).await }
    });
    eventually("the ledger asks for the turn", async || turn(stage).await).await;
    session.abort_transaction().await.unwrap();
    assert_eq!(recording.await.unwrap().unwrap(), [Outcome::Counted(paid(1, units(1.66)))]);
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_alone_never_asks_for_the_turn() {
    let stage = Stage::with_old_documents().await;
    for number in 0..MANY {
        stage.record(&[display(&number.to_string())]).await.unwrap();
    }
    assert_eq!(turn(&stage).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_met_another_takes_the_turn_for_a_while_and_gives_it_back_with_each_batch() {
    let stage = Stage::with_old_documents().await;
    let ledger = that_met_another(&stage).await;
    let mut processes = Vec::new();
    for number in 0..MANY {
        // What a process wrote that had the turn before.
        hold(&stage, DateTime::from_millis(0)).await;
        ledger.ready().await;
        ledger.record([display(&number.to_string())].into()).await.unwrap();
        let turn = turn(&stage).await.unwrap();
        assert!(until(&turn) <= DateTime::now(), "it is given back: {turn}");
        processes.push(turn.get_object_id("process").unwrap());
    }
    let own = processes[0];
    let taken = processes.iter().take_while(|process| **process == own).count();
    assert!((32..MANY as usize).contains(&taken), "{taken} batches");
    assert!(processes[taken..].iter().all(|process| *process != own), "then it no longer asks");
    stage.assert_reconciled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_waits_for_the_turn_of_another_and_goes_on_when_it_is_given_back() {
    let stage = Stage::with_old_documents().await;
    let ledger = that_met_another(&stage).await;
    let mut ready = Box::pin(async { ledger.ready().await });
    hold(&stage, in_seconds(1)).await;
    timeout(A_MOMENT, &mut ready).await.expect_err("it waits");
    hold(&stage, DateTime::from_millis(0)).await;
    ready.await;
    ledger.record([display("later")].into()).await.unwrap();
    assert!(until(&turn(&stage).await.unwrap()) <= DateTime::now());
    stage.assert_reconciled().await;
}

/// A process was killed, or a clock was wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_is_never_given_back_stops_nobody() {
    let stage = Stage::with_old_documents().await;
    let ledger = that_met_another(&stage).await;
    for (name, seconds) in [("killed", 1), ("wrong clock", 1_000_000)] {
        hold(&stage, in_seconds(seconds)).await;
        ledger.ready().await;
        let outcomes = ledger.record([display(name)].into()).await.unwrap();
        assert_eq!(outcomes, [Outcome::Counted(paid(1, units(1.66)))]);
    }
    // Somebody removes the document.
    stage.database.raw().collection::<Document>("turns").drop().await.unwrap();
    ledger.ready().await;
    ledger.record([display("removed")].into()).await.unwrap();
    stage.assert_reconciled().await;
}
