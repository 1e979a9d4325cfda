//! What a batch asks and what it takes for granted.

use super::*;

/// What an instance has found in the store before, it takes for granted, until that is not so any more: documents may be
/// put back from a backup, or removed by hand.
#[tokio::test]
async fn what_is_not_as_it_was_any_more_is_asked_again() {
    let stage = Stage::with_old_documents().await;
    let click = |number: u32| [entry(&format!("click {number}"), EntryKind::Click(ClickKind::Chat), 1)];
    for number in 0..2 {
        stage.record(&click(number)).await.unwrap();
    }
    let raw = stage.database.raw();
    let participations = raw.collection::<Document>("campaignparticipations");
    let without_rollup = doc! {"$unset": {"openRollup": ""}};
    participations.update_one(doc! {"_id": oid(PARTICIPATION)}, without_rollup).await.unwrap();
    stage.record(&click(2)).await.unwrap();
    assert_eq!(
        stage.instance().await.ledger.list_rollups(participation()).await.unwrap()[0].counters.clicks,
        1
    );

    participations.replace_one(doc! {"_id": oid(PARTICIPATION)}, old_participation()).await.unwrap();
    stage.record(&click(3)).await.unwrap();
    let put_back = stage.stored("campaignparticipations", oid(PARTICIPATION)).await;
    assert_eq!((put_back.get_i64("clicks").unwrap(), put_back.get_bool("inLedger").unwrap()), (4, true));

    participations.delete_one(doc! {"_id": oid(PARTICIPATION)}).await.unwrap();
    for number in [4, 5] {
        let error = stage.record(&click(number)).await.unwrap_err();
        assert!(matches!(error, StorageError::Missing { entity: Entity::Participation, .. }), "{error:?}");
    }
    stage.put("campaignparticipations", put_back).await;
    assert_eq!(stage.record(&click(5)).await.unwrap(), [Outcome::Counted(Accrual::unpaid(1, None))]);
}

/// After many batches without a repetition none is looked for; one that comes all the same is known when it is stored.
#[tokio::test]
async fn a_repetition_is_known_also_where_none_is_expected() {
    let stage = Stage::with_old_documents().await;
    let click = |number: u32| [entry(&format!("click {number}"), EntryKind::Click(ClickKind::Chat), 1)];
    let counted = Outcome::Counted(Accrual::unpaid(1, None));
    for number in 0..100 {
        assert_eq!(stage.record(&click(number)).await.unwrap(), [counted]);
    }
    let again = [click(7), click(100), click(8)].concat();
    let outcomes = stage.record(&again).await.unwrap();
    assert!(matches!(
        outcomes[..],
        [Outcome::Duplicate { .. }, Outcome::Counted(_), Outcome::Duplicate { .. }]
    ));
    assert_eq!(stage.counters().await.clicks, 104);
    stage.assert_reconciled().await;
}

/// More documents than one command takes.
#[tokio::test]
async fn a_batch_may_be_larger_than_a_command() {
    const MANY: usize = 5_001;
    let stage = Stage::with_old_documents().await;
    let ids: Vec<_> = (0..MANY).map(|_| ObjectId::new()).collect();
    let joined = ids.iter().map(|id| {
        let mut document = old_participation();
        document.extend(doc! {"_id": id, "streamerId": id, "browserSourceToken": id.to_hex()});
        document
    });
    let participations = stage.database.raw().collection::<Document>("campaignparticipations");
    participations.insert_many(joined).await.unwrap();
    let click = |id: &ObjectId| Entry {
        participation: id.to_hex().parse().unwrap(),
        ..entry(&format!("click:{id}"), EntryKind::Click(ClickKind::Chat), 1)
    };
    let batch: Vec<_> = ids.iter().map(click).collect();
    let outcomes = stage.record(&batch).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted(_))));
    let outcomes = stage.record(&batch).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Duplicate { .. })));
    let counted = doc! {"chatClicks": 3_i64, "inLedger": true};
    assert_eq!(participations.count_documents(counted).await.unwrap(), MANY as u64);
    stage.assert_reconciled().await;
}
