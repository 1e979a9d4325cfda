//! The ledger on MongoDB: what it makes of documents that others have left there, what it says when the server does not
//! answer, and repairs amid traffic. What every store keeps is in `contract.rs`.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

use bson::{Bson, Document, doc, oid::ObjectId};
use gametriggers_documents::values;
use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, EntryKind, Verdict},
    price::Accrual,
};
use gametriggers_persistence::{Entity, Outcome, Repositories, StorageError};
use gametriggers_persistence_mongodb::MongoStore;
use gametriggers_test_mongod::{Server, TestDatabase};
use gametriggers_types::{CampaignId, ClickKind, Money, ParticipationId};
use tokio::task::block_in_place;

const CAMPAIGN: &str = "6864d4187d06a675f2abb701";
const PARTICIPATION: &str = "6864d4187d06a675f2abb801";

/// A migrated store, into which documents are put past every rule.
struct Stage {
    database: TestDatabase,
    store: MongoStore,
}

impl Stage {
    async fn set() -> Self {
        Self::set_on(TestDatabase::create().await).await
    }

    async fn set_on(database: TestDatabase) -> Self {
        let store = MongoStore::connect(database.uri()).await.unwrap();
        store.migrate().await.unwrap();
        Self { database, store }
    }

    /// A stage with one campaign and one participation as the previous system left them.
    async fn with_old_documents() -> Self {
        let stage = Self::set().await;
        stage.put("campaigns", old_campaign()).await;
        stage.put("campaignparticipations", old_participation()).await;
        stage
    }

    async fn put(&self, collection: &str, document: Document) {
        self.database.raw().collection(collection).insert_one(document).await.unwrap();
    }

    async fn stored(&self, collection: &str, id: impl Into<Bson>) -> Document {
        let collection = self.database.raw().collection::<Document>(collection);
        collection.find_one(doc! {"_id": id.into()}).await.unwrap().unwrap()
    }

    /// Another instance.
    async fn instance(&self) -> Repositories {
        MongoStore::connect(self.database.uri()).await.unwrap().repositories()
    }

    async fn record(&self, entries: &[Entry]) -> Result<Vec<Outcome>, StorageError> {
        self.store.repositories().ledger.record(entries.into()).await
    }

    async fn counters(&self) -> Counters {
        let participations = self.instance().await.participations;
        participations.find_by_id(participation()).await.unwrap().unwrap().counters
    }

    async fn remaining(&self) -> Money {
        self.instance().await.campaigns.find_by_id(campaign()).await.unwrap().unwrap().remaining_budget
    }

    async fn assert_reconciled(&self) {
        assert_eq!(self.instance().await.ledger.reconcile(false).await.unwrap(), []);
    }
}

fn campaign() -> CampaignId {
    CAMPAIGN.parse().unwrap()
}

fn participation() -> ParticipationId {
    PARTICIPATION.parse().unwrap()
}

fn oid(id: &str) -> ObjectId {
    id.parse().unwrap()
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().unwrap())
}

fn units(amount: f64) -> Money {
    Money::from_units(amount).unwrap()
}

/// Money as doubles with their rounding noise; 5 impressions at 1.66 are left.
fn old_campaign() -> Document {
    doc! {
        "_id": oid(CAMPAIGN), "title": "Energy", "brandId": oid(CAMPAIGN), "budget": 83,
        "remainingBudget": 8.299_999_999_999_999, "mediaUrl": "https://example.com/a.png", "mediaType": "image",
        "status": "active", "paymentRate": 1660.0, "paymentType": "cpm",
    }
}

/// Some counters absent, null, or numbers of another type, and the mean that (old + new) / 2 gave.
fn old_participation() -> Document {
    doc! {
        "_id": oid(PARTICIPATION), "campaignId": oid(CAMPAIGN), "streamerId": oid(PARTICIPATION),
        "status": "active", "viewerImpressions": 7.0, "clicks": 3, "chatClicks": 2_i64, "qrScans": Bson::Null,
        "estimatedEarnings": 0.300_000_000_000_000_04, "avgViewerCount": 1.5, "peakViewerCount": 40.0,
        "browserSourceUrl": "/api/v1/overlay/a-token", "browserSourceToken": "a-token",
    }
}

fn entry(id: &str, kind: EntryKind, units: u64) -> Entry {
    Entry {
        id: EntryId::stored(id.to_owned()),
        participation: participation(),
        campaign: campaign(),
        kind,
        units,
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        rejected: None,
    }
}

fn display(id: &str) -> Entry {
    entry(id, EntryKind::Display, 1)
}

fn paid(units: u64, amount: Money) -> Accrual {
    Accrual { paid: units, unpaid: 0, amount }
}

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
    raw.collection::<Document>("rollups").delete_many(doc! {}).await.unwrap();
    stage.record(&click(2)).await.unwrap();
    assert_eq!(
        stage.instance().await.ledger.list_rollups(participation()).await.unwrap()[0].counters.clicks,
        1
    );

    let participations = raw.collection::<Document>("campaignparticipations");
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
    assert_eq!(
        stage.record(&click(5)).await.unwrap(),
        [Outcome::Counted(Accrual { paid: 0, unpaid: 1, amount: Money::ZERO })]
    );
}

/// After many batches without a repetition none is looked for; one that comes all the same is known when it is stored.
#[tokio::test]
async fn a_repetition_is_known_also_where_none_is_expected() {
    let stage = Stage::with_old_documents().await;
    let click = |number: u32| [entry(&format!("click {number}"), EntryKind::Click(ClickKind::Chat), 1)];
    let counted = Outcome::Counted(Accrual { paid: 0, unpaid: 1, amount: Money::ZERO });
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
    assert_eq!(outcomes, [Outcome::Counted(Accrual { paid: 1, unpaid: 8, amount: units(0.1) })]);
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
    for (collection, id) in
        [("campaignparticipations", Bson::from(oid(PARTICIPATION))), ("rollups", Bson::Null)]
    {
        let filter = if id == Bson::Null {
            doc! {}
        } else {
            doc! {"_id": id}
        };
        let spoilt = doc! {"$set": {"impressions": -3, "estimatedEarnings": -1.5}};
        let raw = stage.database.raw().collection::<Document>(collection);
        assert_eq!(raw.update_one(filter, spoilt).await.unwrap().modified_count, 1);
    }
    assert_eq!(stage.instance().await.ledger.reconcile(true).await.unwrap().len(), 4);
    assert_eq!(stage.counters().await.impressions, 8);
    stage.assert_reconciled().await;

    let ledger = stage.database.raw().collection::<Document>("ledger");
    ledger.update_one(doc! {"_id": "display"}, doc! {"$set": {"units": "one"}}).await.unwrap();
    let error = stage.instance().await.ledger.reconcile(false).await.unwrap_err();
    let StorageError::Corrupt { entity: Entity::LedgerEntry, id, field: "units", .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(id, "display");
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn repairs_amid_traffic_undo_no_entry_and_repair_nothing_twice() {
    const WRITERS: u64 = 4;
    const ENTRIES: u64 = 40;
    let stage = Stage::with_old_documents().await;
    stage.record(&[entry("first", EntryKind::Viewers, 3)]).await.unwrap();
    let raw = stage.database.raw();
    let spoilt =
        doc! {"$set": {"clicks": 999, "peakViewerCount": 999, "viewerSum": 5, "estimatedEarnings": 1.0}};
    raw.collection::<Document>("campaignparticipations").update_one(doc! {}, spoilt).await.unwrap();
    raw.collection::<Document>("rollups").update_one(doc! {}, doc! {"$set": {"visits": 7}}).await.unwrap();
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
