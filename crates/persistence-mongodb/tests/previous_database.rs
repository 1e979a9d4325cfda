//! A database of the previous system is served as it stands: what is read of a raw document is what an import of it
//! would have stored, and every write works on it.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod support;

use std::{fmt::Debug, fs, path::PathBuf};

use bson::{Bson, Document, doc, oid::ObjectId};
use gametriggers_domain::{journal::Request, model::TestCampaign};
use gametriggers_fixtures::{time, units, weight, weights};
use gametriggers_persistence::{
    Entity, Instruction, OverlayPatch, Posting, Repositories, SelectionPatch, SelectionUpdate, Settling,
    StorageError,
};
use gametriggers_services::import;
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{
    CampaignId, CampaignStatus, MediaType, OverlayPosition, PageLimit, PageRequest, ParticipationId,
    ParticipationStatus, RotationInterval, ScreenToken, StrategyName, UserId, WebUrl,
};
use serde_json::Value;

use crate::support::migrated;

const COLLECTIONS: [&str; 3] = ["users", "campaigns", "campaignparticipations"];

struct Store {
    repositories: Repositories,
    database: TestDatabase,
}

impl Store {
    async fn new() -> Self {
        let database = TestDatabase::create().await;
        let store = migrated(&database).await;
        Self { repositories: store.repositories(), database }
    }

    /// Inserts by the bare driver what the previous system has left.
    async fn insert(&self, collection: &str, documents: impl IntoIterator<Item = Document>) {
        self.database.raw().collection(collection).insert_many(documents).await.unwrap();
    }

    async fn insert_user(&self, fields: Document) -> UserId {
        let id = ObjectId::new();
        let mut user = doc! {
            "_id": id, "email": id.to_hex(), "name": "x", "role": "streamer", "authProvider": "twitch",
        };
        user.extend(fields);
        self.insert("users", [user]).await;
        id.to_hex().parse().unwrap()
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "services", "tests", "previous-database"].iter().collect()
}

fn lines(collection: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(format!("{collection}.json"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn document(line: Value) -> Document {
    match Bson::try_from(line).unwrap() {
        Bson::Document(document) => document,
        other => panic!("{other}"),
    }
}

/// The document as its repository gives it.
async fn read(
    repositories: &Repositories,
    collection: &str,
    id: &str,
) -> Result<Option<String>, StorageError> {
    Ok(match collection {
        "users" => shown(repositories.users.find_by_id(id.parse().unwrap()).await?),
        "campaigns" => shown(repositories.campaigns.find_by_id(id.parse().unwrap()).await?),
        _ => shown(repositories.participations.find_by_id(id.parse().unwrap()).await?),
    })
}

fn shown(found: Option<impl Debug>) -> Option<String> {
    found.map(|found| format!("{found:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_database_reads_as_its_import() {
    let (left, imported) = (Store::new().await, Store::new().await);
    for collection in COLLECTIONS {
        left.insert(collection, lines(collection).into_iter().map(document)).await;
    }
    let report = import::run(&imported.repositories, &folder()).await.unwrap();
    assert_eq!(report.refused().count(), 0);
    for collection in COLLECTIONS {
        for line in lines(collection) {
            let id = line["_id"]["$oid"].as_str().unwrap();
            let expected = read(&imported.repositories, collection, id).await.unwrap();
            assert!(expected.is_some());
            assert_eq!(read(&left.repositories, collection, id).await.unwrap(), expected);
        }
    }
    for user in lines("users") {
        let streamer = user["_id"]["$oid"].as_str().unwrap().parse().unwrap();
        let (left, imported) = (&left.repositories.participations, &imported.repositories.participations);
        let expected = imported.list_active(streamer).await.unwrap();
        assert_eq!(left.list_active(streamer).await.unwrap(), expected);
        let page = PageRequest::first(PageLimit::default());
        let expected = imported.list_current(streamer, page).await.unwrap();
        assert_eq!(left.list_current(streamer, page).await.unwrap(), expected);
    }
    let token =
        ScreenToken::parse("0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e").unwrap();
    assert!(left.repositories.users.find_by_overlay_token(&token).await.unwrap().is_some());
    assert_eq!(left.repositories.ledger.reconcile(false).await.unwrap(), []);
}

/// An export of what an import has stored is the export that was imported, but for the form of numbers.
#[tokio::test]
async fn an_import_keeps_every_field_in_its_place() {
    let imported = Store::new().await;
    import::run(&imported.repositories, &folder()).await.unwrap();
    for collection in COLLECTIONS {
        for line in lines(collection) {
            let before = document(line);
            let id = before.get_object_id("_id").unwrap();
            let stored = imported.database.raw().collection::<Document>(collection);
            let after = stored.find_one(doc! {"_id": id}).await.unwrap().unwrap();
            for (key, value) in before {
                // Taken under the name that it has had since June 2025.
                if key != "viewerImpressions" {
                    let kept = after.get(&key).unwrap_or_else(|| panic!("{collection} {id}: {key} is lost"));
                    assert!(value.as_str().is_none() || *kept == value, "{collection} {id}: {key}");
                }
            }
        }
    }
}

/// What a field may hold that is not what it should hold.
fn odd_values() -> Vec<Bson> {
    vec![
        Bson::Null,
        Bson::Undefined,
        Bson::Boolean(true),
        Bson::Int32(-1),
        Bson::Int64(i64::MAX),
        Bson::Double(1.5),
        Bson::Double(f64::NAN),
        Bson::Decimal128("NaN".parse().unwrap()),
        Bson::Decimal128("7.000".parse().unwrap()),
        Bson::DateTime(bson::DateTime::MAX),
        Bson::String(String::new()),
        Bson::String("$x".to_owned()),
        Bson::Array(vec![Bson::Null, Bson::Int32(1)]),
        Bson::Document(doc! {"a": Bson::Null}),
        Bson::MinKey,
    ]
}

/// The first document of the collection with each of its fields in turn holding each of the odd values; the ids count on
/// from `first`. The values of unique indexes differ, where they are not the odd ones.
fn odd_documents(collection: &str, first: u32) -> Vec<Document> {
    let whole = document(lines(collection).remove(0));
    let odd = whole
        .keys()
        .filter(|key| *key != "_id")
        .flat_map(|key| odd_values().into_iter().map(move |odd| (key, odd)));
    let documents = odd.zip(first..).map(|((key, odd), number)| {
        let mut document = whole.clone();
        let id: ObjectId = hex(number).parse().unwrap();
        document.insert("_id", id);
        if document.contains_key("streamerId") {
            document.insert("streamerId", id);
        }
        for unique in ["email", "overlayToken", "browserSourceToken"] {
            if document.contains_key(unique) {
                document.insert(unique, format!("{unique}-{number}"));
            }
        }
        document.insert(key, odd);
        document
    });
    documents.collect()
}

fn hex(number: u32) -> String {
    format!("{number:024x}")
}

/// Nothing makes the store do worse than the import: it reads what that stores, and refuses what that refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_field_holds_is_read_as_its_import_or_named_as_corrupt() {
    let (left, imported) = (Store::new().await, Store::new().await);
    let folder = std::env::temp_dir().join(format!("gametriggers-{}", ObjectId::new()));
    fs::create_dir(&folder).unwrap();
    let mut numbers = 1..1;
    for collection in COLLECTIONS {
        let mut odd = odd_documents(collection, numbers.end);
        numbers.end += u32::try_from(odd.len()).unwrap();
        if collection == "campaigns" {
            // What was earned is not imported before its campaign.
            odd.push(document(lines(collection).remove(0)));
        }
        let lines =
            odd.iter().map(|document| Bson::from(document.clone()).into_canonical_extjson().to_string());
        fs::write(folder.join(format!("{collection}.json")), lines.collect::<Vec<_>>().join("\n")).unwrap();
        for document in odd {
            // A unique index holds some of the odd values already; it refuses them here as it does there.
            let _ = left.database.raw().collection(collection).insert_one(document).await;
        }
    }
    let report = import::run(&imported.repositories, &folder).await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(report.refused().count() > 100);

    let mut corrupt = 0;
    for collection in COLLECTIONS {
        for number in numbers.clone() {
            let id = hex(number);
            let expected = read(&imported.repositories, collection, &id).await.unwrap();
            match read(&left.repositories, collection, &id).await {
                Ok(found) if found == expected => {}
                // A budget below 0 is not for the store to refuse.
                Ok(Some(found)) => assert!(expected.is_none() && found.contains("budget: -"), "{found}"),
                Ok(None) => panic!("{collection} {id}: {expected:?}"),
                Err(StorageError::Corrupt { id: named, .. }) => {
                    assert_eq!((named, expected), (id, None), "{collection}");
                    corrupt += 1;
                }
                Err(error) => panic!("{collection} {id}: {error}"),
            }
        }
    }
    assert!(corrupt > 100, "{corrupt}");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_named() {
    let store = Store::new().await;
    let id = store.insert_user(doc! {"role": "emperor"}).await;
    match store.repositories.users.find_by_id(id).await {
        Err(StorageError::Corrupt { entity: Entity::User, id: named, field: "role", .. }) => {
            assert_eq!(named, id.to_string());
        }
        other => panic!("{other:?}"),
    }
}

/// Settings may be absent, null, or of any wrong type: they are read as the defaults, and written over.
#[tokio::test]
async fn every_setting_can_be_written_whatever_was_there() {
    let store = Store::new().await;
    let users = &store.repositories.users;
    let now = time("2026-03-01T12:00:00Z");
    for odd in [Bson::Null, Bson::Int32(3), Bson::String("x".to_owned()), Bson::Document(doc! {})] {
        let fields = doc! {
            "overlaySettings": &odd, "campaignRotationSettings": &odd, "selectionVersion": &odd,
            "overlayLastSeen": &odd, "testCampaign": &odd,
        };
        let id = store.insert_user(fields).await;
        let overlay = OverlayPatch { position: Some(OverlayPosition::TopLeft), ..OverlayPatch::default() };
        let user = users.update_overlay(id, &overlay, now).await.unwrap().unwrap();
        assert_eq!(user.overlay.position, OverlayPosition::TopLeft, "{odd}");

        let version = user.selection.version;
        let patch = SelectionPatch {
            strategy: Some(StrategyName::new("$weighted")),
            interval: Some(RotationInterval::try_from(7_i64).unwrap()),
            fairness: Some(weight(1.0)),
            blackouts: Some(Vec::new()),
            ..SelectionPatch::default()
        };
        let SelectionUpdate::Updated(user) = users.update_selection(id, &patch, now).await.unwrap() else {
            panic!("not updated: {odd}");
        };
        assert_eq!(user.selection.version, version + 1, "{odd}");
        assert_eq!(user.selection.strategy.as_str(), "$weighted");
        assert_eq!(user.selection.weights, weights(0.4, 0.3, 1.0));

        users.touch_overlays(&[(id, now)]).await.unwrap();
        let url = WebUrl::parse("https://media.example.com/a.png").unwrap();
        let test = TestCampaign {
            title: "$t".to_owned(),
            media_url: url,
            media_type: MediaType::Image,
            expires_at: now,
        };
        assert!(users.set_test_campaign(id, &test).await.unwrap());
        let user = users.find_by_id(id).await.unwrap().unwrap();
        assert_eq!((user.overlay_last_seen, user.test_campaign), (Some(now), Some(test)), "{odd}");
    }
}

/// The previous system could store weights of 0 throughout, which are read as the defaults; a patch is judged by these.
#[tokio::test]
async fn weights_are_judged_as_they_are_read() {
    let store = Store::new().await;
    let users = &store.repositories.users;
    let now = time("2026-03-01T12:00:00Z");
    let nothing = Some(weight(0.0));
    let zero = doc! {"priorityWeights": {"paymentRate": 0, "performance": 0.0, "fairness": 0_i64}};
    let id = store.insert_user(doc! {"campaignRotationSettings": zero}).await;
    let patch = SelectionPatch { payment_rate: nothing, ..SelectionPatch::default() };
    let SelectionUpdate::Updated(user) = users.update_selection(id, &patch, now).await.unwrap() else {
        panic!()
    };
    assert_eq!(user.selection.weights, weights(0.0, 0.3, 0.3));

    // Absent ones have their defaults, so all but one may be taken away.
    let id = store.insert_user(doc! {}).await;
    let patch = SelectionPatch { payment_rate: nothing, performance: nothing, ..SelectionPatch::default() };
    assert!(matches!(users.update_selection(id, &patch, now).await.unwrap(), SelectionUpdate::Updated(_)));
    let patch = SelectionPatch { fairness: nothing, ..SelectionPatch::default() };
    assert_eq!(users.update_selection(id, &patch, now).await.unwrap(), SelectionUpdate::AllWeightsZero);
}

/// Where no usable token is stored, in whatever form, one is given and kept.
#[tokio::test]
async fn a_token_is_given_where_none_can_be_used() {
    let store = Store::new().await;
    let users = &store.repositories.users;
    let odd = [Bson::Null, "".into(), Bson::Int32(7), "a b".into(), "line\n".into(), "a".repeat(129).into()];
    for (number, odd) in odd.into_iter().enumerate() {
        let id = store.insert_user(doc! {"overlayToken": &odd}).await;
        assert_eq!(users.find_by_id(id).await.unwrap().unwrap().overlay_token, None, "{odd}");
        let token = ScreenToken::parse(&format!("token-{number}")).unwrap();
        assert_eq!(users.ensure_overlay_token(id, &token).await.unwrap(), Some(token.clone()), "{odd}");
        let second = ScreenToken::parse("second").unwrap();
        assert_eq!(users.ensure_overlay_token(id, &second).await.unwrap(), Some(token), "{odd}");
    }
}

/// A status that is absent is the default, to transitions and lists as well.
#[tokio::test]
async fn an_absent_status_can_be_left() {
    let store = Store::new().await;
    let ids: Vec<_> = (0..3).map(|_| ObjectId::new()).collect();
    let mut campaign = document(lines("campaigns").remove(0));
    campaign.insert("_id", ids[0]);
    campaign.remove("status");
    let mut participation = document(lines("campaignparticipations").remove(0));
    participation
        .extend(doc! {"_id": ids[1], "campaignId": ids[0], "streamerId": ids[2], "status": Bson::Null});
    store.insert("campaigns", [campaign]).await;
    store.insert("campaignparticipations", [participation]).await;
    let campaign: CampaignId = ids[0].to_hex().parse().unwrap();
    let participation: ParticipationId = ids[1].to_hex().parse().unwrap();
    let streamer: UserId = ids[2].to_hex().parse().unwrap();
    let Repositories { campaigns, participations, .. } = &store.repositories;
    let now = time("2026-03-01T12:00:00Z");

    let (from, to) = (CampaignStatus::Active, CampaignStatus::Paused);
    assert!(!campaigns.transition(campaign, from, to, now).await.unwrap());
    assert_eq!(participations.list_active(streamer).await.unwrap(), []);
    let (from, to) = (CampaignStatus::Draft, CampaignStatus::Active);
    assert!(campaigns.transition(campaign, from, to, now).await.unwrap());
    assert_eq!(participations.list_active(streamer).await.unwrap().len(), 1);
    let (from, to) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    assert!(participations.transition(participation, from, to, now).await.unwrap());
    assert_eq!(participations.list_active(streamer).await.unwrap(), []);
}

/// A document that nobody can read leaves the list; the others stay on screen.
#[tokio::test]
async fn a_corrupt_document_takes_no_other_off_the_screen() {
    let store = Store::new().await;
    for collection in COLLECTIONS {
        store.insert(collection, lines(collection).into_iter().map(document)).await;
    }
    let streamer: UserId = "6864d4187d06a675f2abb714".parse().unwrap();
    let listed = store.repositories.participations.list_active(streamer).await.unwrap();
    let broken = listed[0].1.id.to_string().parse::<ObjectId>().unwrap();
    let campaigns = store.database.raw().collection::<Document>("campaigns");
    campaigns.update_one(doc! {"_id": broken}, doc! {"$set": {"budget": "much"}}).await.unwrap();
    let left = store.repositories.participations.list_active(streamer).await.unwrap();
    assert_eq!(left, listed[1..]);
}

/// The previous system's money is a double. A change of such a budget is exact, and the ledger goes on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_the_previous_system_can_be_changed_and_released() {
    let store = Store::new().await;
    store.insert("campaigns", lines("campaigns").into_iter().map(document)).await;
    store.insert("campaignparticipations", lines("campaignparticipations").into_iter().map(document)).await;
    let Repositories { campaigns, journal, ledger, .. } = store.repositories.clone();
    let hinge: CampaignId = "685f9273332f9dae98cbd254".parse().unwrap();
    let request = Request::parse("raise").unwrap();
    let instruction = Instruction { at: time("2026-03-01T12:00:00Z"), by: None, note: None };
    let raised = units(83_000.1);
    let posting = journal.change_budget(hinge, raised, &request, &instruction).await.unwrap();
    assert!(matches!(posting, Posting::Posted(_)), "{posting:?}");
    let stored = campaigns.find_by_id(hinge).await.unwrap().unwrap();
    assert_eq!((stored.budget, stored.remaining_budget), (raised, units(82_991.8)));
    assert_eq!(ledger.reconcile(false).await.unwrap(), []);

    journal.release_budget(hinge, &instruction).await.unwrap();
    let settled = journal.settle(hinge, None, PageLimit::default(), &instruction).await.unwrap();
    assert_eq!(settled, Settling::Settled { settled: 2, next: None });
    let earned = journal.account("6864d4187d06a675f2abb714".parse().unwrap()).await.unwrap();
    assert_eq!(earned.settled, units(8.3));
    assert_eq!(ledger.reconcile(false).await.unwrap(), []);
}
