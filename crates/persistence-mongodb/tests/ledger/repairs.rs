//! What is repaired, and what is named only.

use super::*;

/// Without it, what a document should hold is not known: a repair would take its money away.
#[tokio::test]
async fn where_the_opening_is_missing_nothing_is_repaired_and_the_document_is_named() {
    let stage = Stage::with_old_documents().await;
    stage.record(&[display("display")]).await.unwrap();
    let ledger = stage.database.raw().collection::<Document>("ledger");
    for id in [CAMPAIGN, PARTICIPATION] {
        let opening = format!("opening:{id}");
        let taken = ledger.find_one_and_delete(doc! {"_id": &opening}).await.unwrap().unwrap();
        for repair in [false, true] {
            let error = stage.instance().await.ledger.reconcile(repair).await.unwrap_err();
            assert!(error.to_string().contains(id), "{error}");
        }
        ledger.insert_one(taken).await.unwrap();
    }
    ledger.delete_many(doc! {}).await.unwrap();
    assert!(stage.instance().await.ledger.reconcile(true).await.is_err(), "the whole ledger is lost");
    assert_eq!((stage.counters().await.impressions, stage.remaining().await), (8, units(6.64)));
}

#[tokio::test]
async fn a_counter_below_zero_is_repaired_and_an_entry_that_cannot_be_read_is_named() {
    let stage = Stage::with_old_documents().await;
    stage.record(&[display("display")]).await.unwrap();
    let spoilt = doc! {
        "impressions": -3, "estimatedEarnings": -1.5,
        "openRollup.impressions": -3, "openRollup.estimatedEarnings": -1.5,
    };
    let raw = stage.database.raw().collection::<Document>("campaignparticipations");
    let spoiling = raw.update_one(doc! {"_id": oid(PARTICIPATION)}, doc! {"$set": spoilt});
    assert_eq!(spoiling.await.unwrap().modified_count, 1);
    // A statistic that is wrong is no reason to refuse an event.
    stage.record(&[display("another")]).await.unwrap();
    assert_eq!(stage.instance().await.ledger.reconcile(true).await.unwrap().len(), 4);
    assert_eq!(stage.counters().await.impressions, 9);
    stage.assert_reconciled().await;

    let ledger = stage.database.raw().collection::<Document>("ledger");
    ledger.update_one(doc! {"_id": "display"}, doc! {"$set": {"units": "one"}}).await.unwrap();
    let error = stage.instance().await.ledger.reconcile(false).await.unwrap_err();
    let StorageError::Corrupt { entity: Entity::LedgerEntry, id, field: "units", .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(id, "display");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn repairs_amid_traffic_undo_no_entry_and_repair_nothing_twice() {
    const WRITERS: u64 = 4;
    const ENTRIES: u64 = 40;
    let stage = Stage::with_old_documents().await;
    stage.record(&[entry("first", EntryKind::Viewers, 3)]).await.unwrap();
    let raw = stage.database.raw();
    let spoilt = doc! {
        "clicks": 999, "peakViewerCount": 999, "viewerSum": 5, "estimatedEarnings": 1.0, "openRollup.visits": 7,
    };
    let participations = raw.collection::<Document>("campaignparticipations");
    participations.update_one(doc! {}, doc! {"$set": spoilt}).await.unwrap();
    let stray = doc! {"_id": {"participationId": oid(PARTICIPATION), "quarter": bson::DateTime::from_millis(0)},
    "campaignId": oid(CAMPAIGN), "clicks": 4_i64};
    raw.collection::<Document>("rollups").insert_one(stray).await.unwrap();
    let spoilt = doc! {"$set": {"remainingBudget": 0.5}};
    raw.collection::<Document>("campaigns").update_one(doc! {}, spoilt).await.unwrap();

    let mut running = Vec::new();
    for writer in 0..WRITERS {
        let ledger = stage.instance().await.ledger;
        running.push(tokio::spawn(async move {
            for number in 0..ENTRIES {
                let click = entry(&format!("{writer}:{number}"), EntryKind::Click(ClickKind::Overlay), 1);
                ledger.record([click].into()).await.unwrap();
            }
        }));
    }
    for _ in 0..2 {
        let ledger = stage.instance().await.ledger;
        running.push(tokio::spawn(async move {
            ledger.reconcile(true).await.unwrap();
        }));
    }
    for task in running {
        task.await.unwrap();
    }
    let counters = stage.counters().await;
    assert_eq!(counters.clicks, 3 + WRITERS * ENTRIES);
    assert_eq!((counters.peak_viewers, counters.viewer_sum, counters.earnings), (40, 3, units(5.28)));
    assert_eq!(stage.remaining().await, units(3.32));
    let rollups = stage.instance().await.ledger.list_rollups(participation()).await.unwrap();
    assert_eq!(rollups.len(), 1, "nothing stands behind the other");
    let stored = stage.stored("campaignparticipations", oid(PARTICIPATION)).await;
    assert_eq!(stored.get("avgViewerCount"), Some(&Bson::Double(3.0)));
    stage.assert_reconciled().await;
}
