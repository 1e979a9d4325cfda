//! Documents that hold what cannot be read: bytes that are not UTF-8, dates beyond all that can be told, fields of other types.
//! One such document keeps nobody else from anything, and is itself read as far as it can be.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod support;

use std::time::Duration;

use bson::{Bson, DateTime, Document, RawArrayBuf, RawDocumentBuf, doc, oid::ObjectId, rawdoc};
use gametriggers_domain::{
    eligibility::{Hindrance, hindrance},
    ledger::{Entry, EntryId, EntryKind},
    model::{Campaign, Participation},
};
use gametriggers_persistence::{Change, Outcome, Repositories};
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{ClickKind, PageLimit, PageRequest, ScreenToken, Timestamp, UserId};

use crate::support::migrated;

const STREAMER: &str = "6864d4187d06a675f2abb714";
const NOW: &str = "2026-03-01T12:00:00Z";

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

    /// Inserts the document with a byte that is not UTF-8 in place of each `#`.
    async fn insert(&self, collection: &str, document: Document) {
        let mut bytes = RawDocumentBuf::try_from(&document).unwrap().into_bytes();
        bytes.iter_mut().filter(|byte| **byte == b'#').for_each(|byte| *byte = 0xff);
        let mut documents = RawArrayBuf::new();
        documents.push(RawDocumentBuf::from_bytes(bytes).unwrap());
        // The driver's own method looks at the id.
        let command = rawdoc! {"insert": collection, "documents": documents};
        let reply = self.database.raw().run_raw_command(command).await.unwrap();
        assert_eq!(reply.get_i32("n").unwrap(), 1, "{reply}");
    }

    /// Inserts the streamer's part in a campaign, both with these fields.
    async fn insert_pair(&self, number: u32, campaign: Document, participation: Document) {
        self.insert("campaigns", with(campaign_document(number), campaign)).await;
        self.insert("campaignparticipations", with(participation_document(number), participation)).await;
    }

    /// What may be on the streamer's screen; the other list holds the same.
    async fn list(&self) -> Vec<(Participation, Campaign)> {
        let participations = &self.repositories.participations;
        let listed = participations.list_active(streamer()).await.unwrap();
        let page = PageRequest::first(PageLimit::default());
        assert_eq!(participations.list_current(streamer(), page).await.unwrap().items, listed);
        listed
    }
}

fn with(mut document: Document, fields: Document) -> Document {
    document.extend(fields);
    document
}

fn id(kind: u32, number: u32) -> ObjectId {
    format!("{kind:08x}{number:016x}").parse().unwrap()
}

fn streamer() -> UserId {
    STREAMER.parse().unwrap()
}

fn campaign_document(number: u32) -> Document {
    doc! {
        "_id": id(1, number), "title": format!("Campaign {number}"), "brandId": ObjectId::new(), "budget": 100,
        "remainingBudget": 100, "mediaUrl": "https://media.example.com/a.png", "mediaType": "image",
        "status": "active", "paymentRate": 1660, "paymentType": "cpm",
    }
}

fn participation_document(number: u32) -> Document {
    doc! {
        "_id": id(2, number), "campaignId": id(1, number), "streamerId": STREAMER.parse::<ObjectId>().unwrap(),
        "status": "active", "browserSourceToken": format!("token-{number}"),
    }
}

fn user_document(number: u32) -> Document {
    doc! {
        "_id": id(3, number), "email": format!("{number}@example.com"), "name": "Zoe", "role": "streamer",
        "authProvider": "twitch", "overlayToken": format!("overlay-{number}"),
    }
}

fn click(number: u32) -> Entry {
    let event = EntryId::click(streamer(), ClickKind::Overlay, &format!("event-{number}"));
    let (participation, campaign) =
        (id(2, number).to_hex().parse().unwrap(), id(1, number).to_hex().parse().unwrap());
    let kind = EntryKind::Display;
    Entry { basis: kind.basis(), ..Entry::new(event, kind, participation, campaign, NOW.parse().unwrap()) }
}

/// Where a campaign or a participation can hold the byte, and whether it is on screen all the same.
fn places() -> Vec<(Document, Document, bool)> {
    vec![
        (doc! {"title": "#"}, doc! {}, true),
        (doc! {"description": "a#b"}, doc! {}, true),
        (doc! {"categories": ["#", "Gaming"]}, doc! {}, true),
        (doc! {"languages": "#"}, doc! {}, true),
        (doc! {"clickUrl": "https://brand.example.com/#"}, doc! {}, true),
        (doc! {"completionReason": "#"}, doc! {}, true),
        (doc! {"deep": {"er": [{"text": "#"}]}}, doc! {}, true),
        (doc! {"#": 1}, doc! {}, true),
        (doc! {"deep": {"#": "#"}}, doc! {}, true),
        (doc! {}, doc! {"chatCommand": "#"}, true),
        (doc! {}, doc! {"trackingUrl": "#"}, true),
        (doc! {}, doc! {"browserSourceUrl": "#"}, true),
        (doc! {}, doc! {"leftReason": "#"}, true),
        (doc! {}, doc! {"#": 1}, true),
        (doc! {"mediaUrl": "https://media.example.com/#"}, doc! {}, false),
        (doc! {}, doc! {"browserSourceToken": "#"}, false),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_that_is_not_utf8_takes_nobody_else_off_the_screen() {
    let store = Store::new().await;
    store.insert_pair(0, doc! {}, doc! {}).await;
    let mut shown = vec![0];
    for (number, (campaign, participation, is_shown)) in (1..).zip(places()) {
        store.insert_pair(number, campaign, participation).await;
        shown.extend(is_shown.then_some(number));
    }
    let listed = store.list().await;
    let numbers: Vec<_> = listed.iter().map(|(part, _)| part.id.to_string()).collect();
    let expected: Vec<_> = shown.iter().map(|number| id(2, *number).to_hex()).collect();
    assert_eq!(numbers, expected);
    assert_eq!(listed[1].1.title, "\u{fffd}");
    assert_eq!(listed[2].1.description.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(listed[3].1.categories, ["\u{fffd}", "Gaming"]);
    assert_eq!(listed[5].1.click_url, None, "nobody is led to an address that was not stored");
    for (part, campaign) in listed {
        let campaigns = &store.repositories.campaigns;
        assert_eq!(campaigns.find_by_id(campaign.id).await.unwrap(), Some(campaign));
        let participations = &store.repositories.participations;
        let found = participations.find_by_token(&part.browser_source_token).await.unwrap();
        assert_eq!(found, Some(part));
    }
}

/// Also those that cannot be shown: what is credited is read field by field.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_that_is_not_utf8_keeps_nobody_from_their_credit() {
    let store = Store::new().await;
    let mut batch = Vec::new();
    for (number, (campaign, participation, _)) in (1..).zip(places()) {
        store.insert_pair(number, campaign, participation).await;
        batch.push(click(number));
    }
    let ledger = &store.repositories.ledger;
    let outcomes = ledger.record(batch.clone().into()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Counted(_))), "{outcomes:?}");
    for entry in &batch {
        assert_eq!(ledger.list_rollups(entry.participation).await.unwrap().len(), 1);
    }
    let collection = store.database.raw().collection::<Document>("campaignparticipations");
    collection.update_many(doc! {}, doc! {"$set": {"clicks": 999_i64}}).await.unwrap();
    assert_eq!(ledger.reconcile(true).await.unwrap().len(), batch.len());
    assert_eq!(ledger.reconcile(false).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_read_as_far_as_they_can_be() {
    let store = Store::new().await;
    let cases = [
        doc! {"name": "Z#e"},
        doc! {"email": "#@example.com"},
        doc! {"description": "#"},
        doc! {"category": ["#"], "language": "#"},
        doc! {"image": "#", "channelUrl": "#", "authProviderId": "#"},
        doc! {"campaignSelectionStrategy": "#"},
        doc! {"campaignRotationSettings": {"blackoutPeriods": [{"startTime": "#", "endTime": "06:00", "days": ["#"]}]}},
        doc! {"testCampaign": {"title": "#"}},
        doc! {"#": "#"},
        doc! {"isActive": 1},
        doc! {"isActive": 1.0},
        doc! {"email": Bson::Null},
        doc! {"createdAt": DateTime::MAX, "updatedAt": DateTime::MIN, "overlayLastSeen": DateTime::MAX},
    ];
    for (number, fields) in (1..).zip(cases) {
        let shown = fields.clone();
        store.insert("users", with(user_document(number), fields)).await;
        let users = &store.repositories.users;
        let user = users.find_by_id(id(3, number).to_hex().parse().unwrap()).await;
        let user = user.unwrap_or_else(|error| panic!("{shown}: {error:?}")).unwrap();
        assert!(user.is_active && user.role.is_streamer(), "{shown}");
        assert!(!user.email.is_empty(), "{shown}");
        let token = ScreenToken::parse(&format!("overlay-{number}")).unwrap();
        assert_eq!(users.find_by_overlay_token(&token).await.unwrap(), Some(user), "{shown}");
    }
    let inactive = with(user_document(99), doc! {"isActive": 0});
    store.insert("users", inactive).await;
    let user = store.repositories.users.find_by_id(id(3, 99).to_hex().parse().unwrap()).await.unwrap();
    assert!(!user.unwrap().is_active);
}

/// 9999-12-31, the year 10000 and the end of all dates stand for never.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_far_end_is_none_and_a_far_beginning_never_comes() {
    let store = Store::new().await;
    let far = [253_402_214_400_000, 253_402_300_800_000, i64::MAX].map(DateTime::from_millis);
    for (number, far) in (1..).zip(far) {
        store.insert_pair(number, doc! {"endDate": far}, doc! {"joinedAt": far}).await;
        store.insert_pair(number + 10, doc! {"startDate": far, "endDate": far}, doc! {}).await;
        store.insert_pair(number + 20, doc! {"startDate": DateTime::MIN}, doc! {}).await;
        store.insert_pair(number + 30, doc! {"endDate": DateTime::MIN}, doc! {}).await;
    }
    let listed = store.list().await;
    assert_eq!(listed.len(), 12);
    let now: Timestamp = NOW.parse().unwrap();
    let hindrances: Vec<_> = listed.iter().map(|(part, campaign)| hindrance(campaign, part, now)).collect();
    let never = Some(Hindrance::CampaignNotActive);
    assert_eq!(hindrances, [None, None, None, never, never, never, None, None, None, never, never, never]);
    assert!(listed[..6].iter().all(|(_, campaign)| campaign.end_date.is_none()));
}

/// A stream does not end at an id that cannot be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_document_with_an_unreadable_id_is_passed_over() {
    let store = Store::new().await;
    store.insert("users", with(user_document(1), doc! {"_id": "#", "name": "odd"})).await;
    store.insert("users", user_document(2)).await;
    let mut stream = store.repositories.changes.subscribe().await.unwrap();
    let users = store.database.raw().collection::<Document>("users");
    for filter in [doc! {"name": "odd"}, doc! {"_id": id(3, 2)}] {
        users.update_one(filter, doc! {"$set": {"role": "brand"}}).await.unwrap();
    }
    let expected = Change::User(id(3, 2).to_hex().parse().unwrap());
    let told = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let told = stream.next().await.unwrap().changes;
            if !told.is_empty() {
                break told;
            }
        }
    });
    assert_eq!(told.await.unwrap(), [expected]);
}
