//! What the first entry makes of documents that the previous system left.

use super::*;

#[tokio::test]
async fn the_first_entry_finds_what_the_previous_system_left_and_keeps_it_as_the_opening() {
    let stage = Stage::with_old_documents().await;
    let viewers = entry("viewers", EntryKind::Viewers, 2);
    assert_eq!(stage.record(&[viewers]).await.unwrap(), [Outcome::Counted(paid(2, units(3.32)))]);

    let opening = stage.stored("ledger", format!("opening:{PARTICIPATION}")).await;
    assert_eq!(opening.get("estimatedEarnings"), Some(&decimal("0.300000")));
    for (field, value) in
        [("impressions", 7), ("clicks", 3), ("chatClicks", 2), ("qrScans", 0), ("paidUnits", 0)]
    {
        assert_eq!(opening.get_i64(field).unwrap(), value, "{field}");
    }
    let opening = stage.stored("ledger", format!("opening:{CAMPAIGN}")).await;
    assert_eq!(opening.get("remainingBudget"), Some(&decimal("8.300000")));

    let expected = Counters {
        impressions: 9,
        clicks: 3,
        chat_clicks: 2,
        paid_units: 2,
        earnings: units(3.62),
        peak_viewers: 40,
        viewer_sum: 2,
        viewer_samples: 1,
        ..Counters::default()
    };
    assert_eq!(stage.counters().await, expected);
    assert_eq!(stage.remaining().await, units(4.98));
    stage.assert_reconciled().await;
}

#[tokio::test]
async fn money_is_exact_decimals_after_the_first_entry_and_every_other_field_is_as_it_was() {
    let stage = Stage::with_old_documents().await;
    stage.record(&[entry("viewers", EntryKind::Viewers, 2)]).await.unwrap();
    stage.record(&[entry("more viewers", EntryKind::Viewers, 3)]).await.unwrap();

    let mut expected = old_campaign();
    expected.extend(doc! {
        "budget": decimal("83.000000"), "remainingBudget": decimal("0.000000"),
        "paymentRate": decimal("1660.000000"), "inLedger": true,
    });
    let mut stored = stage.stored("campaigns", oid(CAMPAIGN)).await;
    assert!(matches!(stored.remove("budgetExhaustedAt"), Some(Bson::DateTime(_))), "when its money ran out");
    assert_same_fields(&stored, &expected);

    let mut expected = old_participation();
    expected.extend(doc! {
        "impressions": 12.0, "qrScans": 0_i64, "linkClicks": 0_i64, "visits": 0_i64, "paidUnits": 5_i64,
        "estimatedEarnings": decimal("8.600000"), "avgViewerCount": 2.5, "avgViewerCountBefore": 1.5,
        "viewerSum": 5_i64, "viewerSamples": 2_i64, "inLedger": true,
        "openRollup": {
            "quarter": bson::DateTime::parse_rfc3339_str("2026-03-01T12:00:00Z").unwrap(),
            "impressions": 5_i64, "paidUnits": 5_i64, "estimatedEarnings": decimal("8.300000"),
            "peakViewerCount": 3_i64, "viewerSum": 5_i64, "viewerSamples": 2_i64,
        },
    });
    assert_same_fields(&stage.stored("campaignparticipations", oid(PARTICIPATION)).await, &expected);
}

#[track_caller]
fn assert_same_fields(stored: &Document, expected: &Document) {
    let sorted = |document: &Document| {
        let mut fields: Vec<_> = document.clone().into_iter().collect();
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        fields
    };
    assert_eq!(sorted(stored), sorted(expected));
}

/// A double of 8.3 is less than five times 1.66.
#[tokio::test]
async fn m24_a_budget_that_was_a_double_is_spent_to_the_last_micro_unit() {
    let stage = Stage::with_old_documents().await;
    let entries: Vec<_> = (0..6).map(|number| display(&number.to_string())).collect();
    let outcomes = stage.record(&entries).await.unwrap();
    assert_eq!(outcomes[..5], [Outcome::Counted(paid(1, units(1.66))); 5]);
    assert!(matches!(outcomes[5], Outcome::Rejected(_)));
    assert_eq!(stage.remaining().await, Money::ZERO);
    stage.assert_reconciled().await;
}

/// What a document is read as before its first entry is what the opening says of it, to the last digit.
#[tokio::test]
async fn m24_money_is_read_as_the_server_rewrites_it() {
    let mut amounts: Vec<Bson> =
        [0.000_000_5, 0.000_001_5, 2.5e-6, -2.5e-6, 8.299_999_999_999_999, 0.1 + 0.2, 1_234_567_890.123_456]
            .map(Bson::from)
            .into();
    amounts.extend(["0.0000005", "0.0000025", "-0.0000035", "1E+3", "3.14159265358979323846"].map(decimal));
    amounts.extend([Bson::Int32(-7), Bson::Int64(4_000_000_000), Bson::Double(3.999_999_999_999_999_5e9)]);
    // Doubles all over the range, halves of a micro-unit among them.
    amounts.extend((1_i32..400).map(|number| {
        let number = f64::from(number);
        Bson::from(number * number * 0.000_002_5 + (number / 40.0).exp2() * 0.333_333_3)
    }));
    let rewritten = doc! {"$round": [{"$toDecimal": "$amount"}, 6]};
    let documents: Vec<_> = amounts.iter().map(|amount| doc! {"amount": amount}).collect();
    let pipeline = [doc! {"$documents": documents}, doc! {"$set": {"rewritten": rewritten}}];
    let database = TestDatabase::create().await;
    let mut found = database.raw().aggregate(pipeline).await.unwrap();
    let mut compared = 0;
    while found.advance().await.unwrap() {
        let document = found.deserialize_current().unwrap();
        let [before, after] =
            ["amount", "rewritten"].map(|field| values::money(document.get(field).unwrap()).unwrap());
        assert_eq!(before, after, "{document}");
        compared += 1;
    }
    assert_eq!(compared, amounts.len());
}

#[tokio::test]
async fn m11_what_the_previous_system_paid_of_a_fixed_rate_is_not_paid_again() {
    let stage = Stage::set().await;
    let mut campaign = old_campaign();
    campaign.extend(
        doc! {"paymentType": "fixed", "paymentRate": 0.4, "expectedImpressions": 4, "remainingBudget": 5},
    );
    stage.put("campaigns", campaign).await;
    stage.put("campaignparticipations", old_participation()).await;
    // 0.3 of 0.4 were paid: three of four.
    let outcomes = stage.record(&[entry("viewers", EntryKind::Viewers, 9)]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Counted(Accrual::priced(1, 8, units(0.1)))]);
    assert_eq!(stage.counters().await.paid_units, 4);
    stage.assert_reconciled().await;
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_named_and_nothing_of_its_batch_is_stored() {
    let bad_fields = [
        ("campaigns", doc! {"remainingBudget": "83"}, Entity::Campaign, CAMPAIGN),
        ("campaigns", doc! {"remainingBudget": f64::INFINITY}, Entity::Campaign, CAMPAIGN),
        ("campaigns", doc! {"paymentRate": Bson::Null}, Entity::Campaign, CAMPAIGN),
        ("campaignparticipations", doc! {"clicks": "3"}, Entity::Participation, PARTICIPATION),
        ("campaignparticipations", doc! {"clicks": 1.5}, Entity::Participation, PARTICIPATION),
        ("campaignparticipations", doc! {"estimatedEarnings": "0.3"}, Entity::Participation, PARTICIPATION),
    ];
    let stage = Stage::with_old_documents().await;
    for (collection, bad, entity, id) in bad_fields {
        let raw = stage.database.raw().collection::<Document>(collection);
        let before = stage.stored(collection, oid(id)).await;
        let spoilt = doc! {"$set": &bad};
        raw.update_one(doc! {"_id": oid(id)}, spoilt).await.unwrap();
        let after = stage.stored(collection, oid(id)).await;

        let error = stage.record(&[display("display")]).await.unwrap_err();
        let StorageError::Corrupt { entity: found, id: found_id, field, .. } = &error else {
            panic!("{bad}: {error:?}");
        };
        assert_eq!((*found, found_id.as_str()), (entity, id), "{bad}");
        assert!(bad.contains_key(*field), "{bad}: {field}");
        assert_eq!(stage.stored(collection, oid(id)).await, after, "{bad}");
        raw.replace_one(doc! {"_id": oid(id)}, before).await.unwrap();
    }
    let ledger = stage.database.raw().collection::<Document>("ledger");
    assert_eq!(ledger.count_documents(doc! {}).await.unwrap(), 0);
    stage.record(&[display("display")]).await.unwrap();
}

#[tokio::test]
async fn openings_and_the_count_of_repairs_are_no_entries() {
    let stage = Stage::with_old_documents().await;
    stage.record(&[display("display")]).await.unwrap();
    let spoilt = doc! {"$set": {"clicks": 999}};
    let participations = stage.database.raw().collection::<Document>("campaignparticipations");
    participations.update_one(doc! {}, spoilt).await.unwrap();
    assert_eq!(stage.instance().await.ledger.reconcile(true).await.unwrap().len(), 1);
    for id in [format!("opening:{CAMPAIGN}"), format!("opening:{PARTICIPATION}"), "repairs".to_owned()] {
        stage.stored("ledger", id.as_str()).await;
        assert_eq!(stage.instance().await.ledger.find_entry(&EntryId::stored(id)).await.unwrap(), None);
    }
}
