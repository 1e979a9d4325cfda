//! What is said when the server does not answer, or others are in the way.

use super::*;

/// A fail point on a server of the test's own.
async fn fail(server: &TestDatabase, mode: impl Into<Bson>, data: Document) {
    let command = doc! {"configureFailPoint": "failCommand", "mode": mode.into(), "data": data};
    server.raw().client().database("admin").run_command(command).await.unwrap();
}

/// A command whose answer is lost, as if it or the server were.
fn lost(command: &str) -> Document {
    doc! {"failCommands": [command], "closeConnection": true}
}

/// Commits that no majority confirms.
fn no_majority() -> Document {
    doc! {
        "failCommands": ["commitTransaction"],
        "writeConcernError": {"code": 91, "codeName": "ShutdownInProgress", "errmsg": "not yet"},
    }
}

/// What is stored of a display after attempts at it.
async fn assert_stored_once(stage: &Stage) {
    assert_eq!(stage.counters().await.impressions, 8);
    assert_eq!(stage.remaining().await, units(6.64));
    stage.assert_reconciled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_server_does_not_answer_at_first_an_entry_is_stored_once() {
    let server = block_in_place(Server::start_with_fail_points).unwrap();
    let failed = |command: &str, code: i32| {
        let label = "TransientTransactionError";
        doc! {"failCommands": [command], "errorCode": code, "errorLabels": [label]}
    };
    let times = |number: i32| Bson::from(doc! {"times": number});
    for (mode, data) in [
        (times(1), lost("commitTransaction")),
        (times(3), lost("commitTransaction")),
        (times(2), no_majority()),
        (times(5), failed("insert", 112)),
        (times(5), failed("update", 112)),
        (times(2), failed("commitTransaction", 251)),
        // Without the label it is not certain that nothing was committed: it is asked again.
        (times(2), doc! {"failCommands": ["commitTransaction"], "errorCode": 251, "errorLabels": []}),
        (times(2), doc! {"failCommands": ["commitTransaction"], "errorCode": 11_601, "errorLabels": []}),
        (times(1), lost("find")),
        (times(1), lost("insert")),
    ] {
        let stage = Stage::set_on(TestDatabase::create_on(&server.uri()).await).await;
        stage.put("campaigns", old_campaign()).await;
        stage.put("campaignparticipations", old_participation()).await;
        fail(&stage.database, mode, data.clone()).await;
        let outcomes = stage.record(&[display("display")]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Counted(paid(1, units(1.66)))], "{data}");
        assert_stored_once(&stage).await;
    }
}

/// It is said to be unknown where it may have happened, and the same entry tells later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_given_up_and_an_entry_is_stored_once_all_the_same() {
    let counted = Outcome::Counted(paid(1, units(1.66)));
    let duplicate = Outcome::Duplicate {
        participation: participation(),
        verdict: Verdict::Counted(paid(1, units(1.66))),
    };
    let cases = [
        (lost("commitTransaction"), true, counted),
        (no_majority(), true, duplicate),
        (lost("update"), false, counted),
    ];
    let cases = cases.map(|(data, is_unknown, later)| {
        tokio::spawn(async move {
            let server = block_in_place(Server::start_with_fail_points).unwrap();
            let stage = Stage::set_on(TestDatabase::create_on(&server.uri()).await).await;
            stage.put("campaigns", old_campaign()).await;
            stage.put("campaignparticipations", old_participation()).await;
            fail(&stage.database, "alwaysOn", data.clone()).await;
            let error = stage.record(&[display("display")]).await.unwrap_err();
            assert!(matches!(error, StorageError::Unavailable { .. }), "{data}: {error:?}");
            assert_eq!((error.is_retryable(), error.outcome_unknown()), (true, is_unknown), "{data}");
            fail(&stage.database, "off", doc! {}).await;
            assert_eq!(stage.record(&[display("display")]).await.unwrap(), [later], "{data}");
            assert_stored_once(&stage).await;
        })
    });
    for case in cases {
        case.await.unwrap();
    }
}

/// As a process leaves it that is killed: nobody ends it, and it holds what it has written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_was_left_open_is_ended_by_whoever_it_stands_in_the_way_of() {
    let stage = Stage::with_old_documents().await;
    let uri = format!("{}&appName=gametriggers", stage.database.uri());
    let killed = mongodb::Client::with_uri_str(uri).await.unwrap();
    let mut session = killed.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let participations =
        killed.database(stage.database.raw().name()).collection::<Document>("campaignparticipations");
    let click = doc! {"$inc": {"clicks": 1}};
    participations.update_one(doc! {}, click).session(&mut session).await.unwrap();

    assert_eq!(stage.record(&[display("display")]).await.unwrap(), [Outcome::Counted(paid(1, units(1.66)))]);
    session.commit_transaction().await.unwrap_err();
    assert_eq!(stage.counters().await.clicks, 3);
    assert_stored_once(&stage).await;
}

/// Everybody adds to the same documents, and those have no opening yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_get_in_each_others_way_lose_nothing() {
    const INSTANCES: u64 = 8;
    const ENTRIES: u64 = 12;
    let stage = Stage::with_old_documents().await;
    let mut running = Vec::new();
    for instance in 0..INSTANCES {
        let ledger = stage.instance().await.ledger;
        running.push(tokio::spawn(async move {
            for number in 0..ENTRIES {
                let click = EntryKind::Click(ClickKind::Chat);
                let batch = [
                    entry(&format!("click:{instance}:{number}"), click, 1),
                    display(&format!("display:{number}")),
                ];
                ledger.record(batch.into()).await.unwrap();
            }
        }));
    }
    for instance in running {
        instance.await.unwrap();
    }
    let counters = stage.counters().await;
    assert_eq!(counters.chat_clicks, 2 + INSTANCES * ENTRIES);
    assert_eq!((counters.impressions, counters.paid_units), (7 + 5, 5));
    assert_eq!(stage.remaining().await, Money::ZERO);
    stage.assert_reconciled().await;
}
