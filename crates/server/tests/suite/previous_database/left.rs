//! The database as the previous system left it can be served without a correction.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc, oid::ObjectId};
use gametriggers_domain::selection;
use gametriggers_types::{Money, SelectionSettings};
use serde_json::{Value, json};

use super::{
    BRAND, COLLECTIONS, EARLY_BIRD, KARMA, LATER_ROLE, WEIGHTY, account, left_behind, start_as_it_was_left,
};
use crate::support::{Reply, TestServer, TestStore};

const ME: &str = "/api/v1/users/me";
const JOINED: &str = "/api/v1/campaigns/streamer/active";
const HINGE: &str = "685f9273332f9dae98cbd254";
const KEYBOARD: &str = "68626579d05bf40ec8267ffd";
const ENERGY_DRINK: &str = "68626579d05bf40ec8267ffe";
const KARMA_IN_HINGE: &str = "6864d4ee7d06a675f2abb716";
const KARMA_IN_ENERGY_DRINK: &str = "686511bdf5a1848d4e97338d";
const KARMA_IN_KEYBOARD: &str = "686511bdf5a1848d4e97338c";
const EARLY_BIRD_IN_KEYBOARD: &str = "686511bdf5a1848d4e973390";
/// The token of [`EARLY_BIRD_IN_KEYBOARD`].
const EARLY_BIRDS_SOURCE: &str = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
/// The number of visitors of each followed link.
const VISITS: i64 = 10;
/// The fields that the ledger writes.
const LEDGERS: [&str; 14] = [
    "budget",
    "remainingBudget",
    "paymentRate",
    "impressions",
    "clicks",
    "chatClicks",
    "qrScans",
    "linkClicks",
    "visits",
    "estimatedEarnings",
    "avgViewerCount",
    "peakViewerCount",
    "viewerSum",
    "viewerSamples",
];

async fn read(server: &TestServer, id: &str, path: &str) -> Value {
    let reply = server.get_as(&account(server, id).await, path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

#[tokio::test]
async fn whoever_has_no_settings_has_the_defaults() {
    let server = start_as_it_was_left().await;
    let overlay = json!({
        "position": "bottom-right", "size": "medium", "opacity": 80.0, "backgroundColor": "transparent",
    });
    let rotation = json!({
        "preferredStrategy": "fair-rotation", "rotationIntervalMinutes": 3, "timezone": "UTC",
        "priorityWeights": {"paymentRate": 0.4, "performance": 0.3, "fairness": 0.3}, "blackoutPeriods": [],
        "strategyParameters": selection::effective_parameters(&SelectionSettings::default()),
        "maxSlotsInARow": 0, "minSlotsBetweenCategory": 0,
    });
    let me = read(&server, EARLY_BIRD, ME).await;
    let token = &me["overlayToken"];
    assert_eq!(token.as_str().map(str::len), Some(64), "made when it is asked for");
    let expected = json!({
        "_id": EARLY_BIRD, "email": "old@example.com", "name": "early_bird", "image": null, "role": "streamer",
        "authProvider": "email", "authProviderId": null, "channelUrl": null, "category": [], "language": [],
        "description": null, "isActive": true, "overlaySettings": overlay, "overlayToken": token,
        "overlayLastSeen": null, "campaignSelectionStrategy": "fair-rotation",
        "campaignRotationSettings": rotation, "createdAt": "2025-07-02T06:30:00.123Z",
        "updatedAt": "2025-07-02T07:10:31.456Z",
    });
    assert_eq!(me, expected);
    let mut access = overlay;
    access["overlayToken"] = token.clone();
    assert_eq!(read(&server, EARLY_BIRD, "/api/v1/users/me/overlay").await, access, "and kept");
    let selection = read(&server, EARLY_BIRD, "/api/v1/users/me/campaign-selection").await;
    assert_eq!(selection["campaignRotationSettings"], rotation);
    assert_eq!(server.data(token.as_str().unwrap()).await["campaignId"], KEYBOARD);
}

#[tokio::test]
async fn settings_are_what_they_were_where_they_make_sense() {
    let server = start_as_it_was_left().await;
    let overlay =
        json!({"position": "top-left", "size": "large", "opacity": 55.5, "backgroundColor": "#102030"});
    let weights = json!({"paymentRate": 0.6, "performance": 0.1, "fairness": 0.3});
    let me = read(&server, WEIGHTY, ME).await;
    assert_eq!(me["overlaySettings"], overlay);
    assert_eq!(me["campaignSelectionStrategy"], "weighted");
    assert_eq!(me["campaignRotationSettings"]["priorityWeights"], weights);
    assert_eq!(me["campaignRotationSettings"]["rotationIntervalMinutes"], 7);

    let later = read(&server, LATER_ROLE, ME).await;
    assert_eq!((&later["role"], &later["name"]), (&json!("streamer_individual"), &json!("later_role")));
    // The stored strategies are `bogus` and `performance`, and the stored interval is a double.
    assert_eq!(later["campaignSelectionStrategy"], "fair-rotation");
    assert_eq!(later["campaignRotationSettings"]["preferredStrategy"], "fair-rotation");
    assert_eq!(later["campaignRotationSettings"]["rotationIntervalMinutes"], 3);

    let karma = read(&server, KARMA, ME).await;
    let nights = json!([{
        "startTime": "22:00", "endTime": "06:00",
        "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    }]);
    assert_eq!(karma["campaignRotationSettings"]["blackoutPeriods"], nights);
    assert_eq!(karma["overlayLastSeen"], "2025-07-02T07:10:31.456Z");
    server.clock.set("2026-11-20T22:00:00Z");
    assert_eq!(server.data(karma["overlayToken"].as_str().unwrap()).await["reason"], "blackout");

    let brand = read(&server, BRAND, ME).await;
    assert_eq!((&brand["role"], &brand["overlayToken"]), (&json!("brand"), &Value::Null));
}

/// The counters and the earnings of a participation.
fn counted(participation: &Value) -> Value {
    let keys =
        ["impressions", "clicks", "chatClicks", "qrScans", "linkClicks", "visits", "estimatedEarnings"];
    keys.iter().map(|key| participation[key].clone()).collect()
}

#[tokio::test]
async fn odd_numbers_and_old_names_are_read_as_what_they_meant() {
    let server = start_as_it_was_left().await;
    let joined = read(&server, KARMA, JOINED).await;
    let of = |id: &str| {
        let mut pairs = joined.as_array().unwrap().iter();
        pairs.find(|pair| pair["participation"]["_id"] == id).unwrap_or_else(|| panic!("no {id} in {joined}"))
    };
    assert_eq!(joined.as_array().unwrap().len(), 3);
    let hinge = of(KARMA_IN_HINGE);
    // The stored values are 8.299999999999999 and 82991.7.
    assert_eq!(counted(&hinge["participation"]), json!([5, 2, 0, 0, 0, 0, 8.3]));
    assert_eq!(hinge["participation"]["avgViewerCount"], 1.5);
    assert_eq!(hinge["campaign"]["title"], "Hinge");
    let drink = of(KARMA_IN_ENERGY_DRINK);
    assert_eq!(counted(&drink["participation"]), json!([13_888, 9, 0, 4, 1, 0, 12_500.2]));
    assert_eq!(drink["campaign"]["startDate"], "2025-07-01T00:00:00Z");
    // The stored field is `viewerImpressions`, its name until June 2025.
    let early_bird = read(&server, EARLY_BIRD, JOINED).await;
    assert_eq!(counted(&early_bird[0]["participation"]), json!([42, 0, 0, 0, 0, 0, 0]));
    // One participation is paused, and one was left.
    let weighty = read(&server, WEIGHTY, JOINED).await;
    let statuses: Vec<_> =
        weighty.as_array().unwrap().iter().map(|pair| &pair["participation"]["status"]).collect();
    assert_eq!(statuses, ["participation_paused"]);
}

/// The events of a participation.
#[derive(Default)]
struct Traffic {
    displays: i64,
    clicks: i64,
}

/// Requests the content of the screen, reports its display and clicks on it, some of it twice.
async fn look(server: &TestServer, token: &str, seen: &mut BTreeMap<String, Traffic>) {
    let shown = server.data(token).await;
    assert_eq!(shown["kind"], "campaign", "{shown}");
    server.display(token, &shown).await.assert_event("counted", None);
    server.display(token, &shown).await.assert_event("duplicate", None);
    let click = json!({"receipt": shown["receipt"], "eventId": shown["decisionId"]});
    let path = format!("/api/v1/overlay/{token}/click");
    server.post(&path, click.clone()).await.assert_event("counted", None);
    server.post(&path, click).await.assert_event("duplicate", None);
    let traffic = seen.entry(shown["participationId"].as_str().unwrap().to_owned()).or_default();
    traffic.displays += 1;
    traffic.clicks += 1;
}

async fn stored(server: &TestServer, collection: &str, id: &str) -> Document {
    let TestStore::MongoDb(store) = &*server.store else { panic!("only MongoDB holds it as it was left") };
    let id: ObjectId = id.parse().unwrap();
    store.database().raw().collection(collection).find_one(doc! {"_id": id}).await.unwrap().unwrap()
}

/// An amount as this system stores it. The API would show the same for a double, so tests compare stored values.
fn exactly(micros: i64) -> Bson {
    Bson::Decimal128(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000).parse().unwrap())
}

/// Looks at screens and follows links for half an hour. Returns the events of each participation.
async fn half_an_hour(server: &TestServer) -> BTreeMap<String, Traffic> {
    let karma = account(server, KARMA).await;
    let mut seen = BTreeMap::new();
    for round in 0..VISITS {
        look(server, &karma.token, &mut seen).await;
        look(server, EARLY_BIRDS_SOURCE, &mut seen).await;
        for id in [KARMA_IN_HINGE, KARMA_IN_ENERGY_DRINK] {
            let visit = server.client.get(server.url(&format!("/c/{id}?src=qr")));
            let visit = Reply::of(visit.header("X-Forwarded-For", format!("203.0.113.{round}"))).await;
            assert_eq!(visit.status, 200, "no address to lead to: {}", visit.body);
        }
        server.clock.advance_seconds(180);
    }
    assert!(!seen.contains_key(KARMA_IN_ENERGY_DRINK), "its budget is less than the price of a display");
    seen
}

#[tokio::test]
async fn after_traffic_its_money_is_exact() {
    let server = start_as_it_was_left().await;
    let seen = half_an_hour(&server).await;
    server.assert_reconciled().await;

    let joined = [read(&server, KARMA, JOINED).await, read(&server, EARLY_BIRD, JOINED).await];
    let joined: Vec<&Value> = joined.iter().flat_map(|list| list.as_array().unwrap()).collect();
    for (id, impressions, clicks, earned, price, visits) in [
        (KARMA_IN_HINGE, 5, 2, 8_300_000, 1_660_000, VISITS),
        (KARMA_IN_KEYBOARD, 0, 0, 0, 1_245_000, 0),
        (EARLY_BIRD_IN_KEYBOARD, 42, 0, 0, 1_245_000, 0),
    ] {
        let pair = joined.iter().find(|pair| pair["participation"]["_id"] == id).unwrap();
        let Traffic { displays, clicks: clicked } = seen[id];
        let earned = earned + displays * price;
        let (impressions, clicks) = (impressions + displays, clicks + clicked + visits);
        let expected = json!([impressions, clicks, 0, visits, 0, visits, Money::from_micros(earned)]);
        assert_eq!(counted(&pair["participation"]), expected, "{id}");
        let stored = stored(&server, "campaignparticipations", id).await;
        assert_eq!(stored.get("estimatedEarnings"), Some(&exactly(earned)), "{id}");
    }
    let displays = |id: &str| seen[id].displays;
    let in_keyboard = displays(KARMA_IN_KEYBOARD) + displays(EARLY_BIRD_IN_KEYBOARD);
    for (id, remaining) in [
        (HINGE, 82_991_700_000 - displays(KARMA_IN_HINGE) * 1_660_000),
        (KEYBOARD, 40_000_000_000 - in_keyboard * 1_245_000),
        // Visits cost nothing. The stored value was 0.30000000000000004.
        (ENERGY_DRINK, 300_000),
    ] {
        let campaign = stored(&server, "campaigns", id).await;
        assert_eq!(campaign.get("remainingBudget"), Some(&exactly(remaining)), "{id}");
    }
}

/// The previous service's own fields stay as they are, and so do documents without events.
#[tokio::test]
async fn what_is_not_ours_stays_as_it_was() {
    let server = start_as_it_was_left().await;
    half_an_hour(&server).await;
    let mut kept = BTreeMap::<&str, usize>::new();
    for collection in COLLECTIONS {
        for before in left_behind(collection) {
            let id = before.get_object_id("_id").unwrap().to_hex();
            let after = stored(&server, collection, &id).await;
            let is_in_ledger = after.get_bool("inLedger").unwrap_or(false);
            for (key, value) in &before {
                if is_in_ledger && LEDGERS.contains(&key.as_str()) {
                    continue;
                }
                assert_eq!(after.get(key), Some(value), "{collection} {id}: {key}");
            }
            if !is_in_ledger {
                assert_eq!(after, before, "{collection}: nothing is added either");
                *kept.entry(collection).or_default() += 1;
            }
        }
    }
    assert_eq!(kept, BTreeMap::from([("users", 6), ("campaigns", 3), ("campaignparticipations", 2)]));
}
