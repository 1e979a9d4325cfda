//! The settings for the selection of campaigns.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ME, SELECTION, read};
use crate::support::TestServer;

/// Settings that all differ from the defaults, in the format of answers.
fn chosen() -> Value {
    json!({
        "campaignSelectionStrategy": "weighted",
        "campaignRotationSettings": {
            "preferredStrategy": "weighted",
            "rotationIntervalMinutes": 10,
            "priorityWeights": {"paymentRate": 0.5, "performance": 0.25, "fairness": 1.0},
            "blackoutPeriods": [{"startTime": "22:00", "endTime": "06:00", "days": ["friday"]}],
            "timezone": "Europe/London",
        },
        "timezone": "Europe/London",
    })
}

/// The answer without its time.
fn settings(mut answer: Value) -> Value {
    assert!(answer.as_object_mut().unwrap().remove("updatedAt").is_some_and(|time| time.is_string()));
    answer
}

#[tokio::test]
async fn defaults_are_filled_in_and_the_profile_says_the_same() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let answer = read(&server, &streamer, SELECTION).await;
    assert_eq!(
        answer,
        json!({
            "campaignSelectionStrategy": "fair-rotation",
            "campaignRotationSettings": {
                "preferredStrategy": "fair-rotation",
                "rotationIntervalMinutes": 3,
                "priorityWeights": {"paymentRate": 0.4, "performance": 0.3, "fairness": 0.3},
                "blackoutPeriods": [],
                "timezone": "UTC",
            },
            "timezone": "UTC",
            "updatedAt": "2026-11-20T10:00:30Z",
        })
    );
    let put = server.choose(&streamer, chosen()).await;
    assert_eq!(read(&server, &streamer, SELECTION).await, put);
    let profile = read(&server, &streamer, ME).await;
    for field in ["campaignSelectionStrategy", "campaignRotationSettings", "updatedAt"] {
        assert_eq!(profile[field], put[field], "{field}");
    }
}

/// Defects S2 and S13: one setting had two fields, and a request that did not name all settings crashed the server.
#[tokio::test]
async fn s13_a_partial_change_changes_what_it_names_and_nothing_else() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let strategy = ["/campaignSelectionStrategy", "/campaignRotationSettings/preferredStrategy"];
    let zone = ["/timezone", "/campaignRotationSettings/timezone"];
    let rotation = |field: &str, value: Value| json!({"campaignRotationSettings": {field: value}});
    let weight = |field: &str| rotation("priorityWeights", json!({field: 0.125}));
    let noon = json!([{"startTime": "12:00", "endTime": "13:00", "days": ["monday", "sunday"]}]);
    let cases: [(Value, &[&str], Value); 11] = [
        (json!({"campaignSelectionStrategy": "performance"}), &strategy, json!("performance")),
        (rotation("preferredStrategy", json!("time-rotation")), &strategy, json!("time-rotation")),
        (
            json!({"campaignSelectionStrategy": "revenue-optimized",
                "campaignRotationSettings": {"preferredStrategy": "revenue-optimized"}}),
            &strategy,
            json!("revenue-optimized"),
        ),
        (
            rotation("rotationIntervalMinutes", json!(1)),
            &["/campaignRotationSettings/rotationIntervalMinutes"],
            json!(1),
        ),
        (
            rotation("rotationIntervalMinutes", json!(60.0)),
            &["/campaignRotationSettings/rotationIntervalMinutes"],
            json!(60),
        ),
        (weight("paymentRate"), &["/campaignRotationSettings/priorityWeights/paymentRate"], json!(0.125)),
        (weight("performance"), &["/campaignRotationSettings/priorityWeights/performance"], json!(0.125)),
        (weight("fairness"), &["/campaignRotationSettings/priorityWeights/fairness"], json!(0.125)),
        (rotation("blackoutPeriods", noon.clone()), &["/campaignRotationSettings/blackoutPeriods"], noon),
        (json!({"timezone": "Asia/Kolkata"}), &zone, json!("Asia/Kolkata")),
        (rotation("timezone", json!("America/New_York")), &zone, json!("America/New_York")),
    ];
    for (change, places, value) in cases {
        let mut expected = chosen();
        assert_eq!(settings(server.choose(&streamer, expected.clone()).await), expected);
        for place in places {
            *expected.pointer_mut(place).unwrap() = value.clone();
        }
        assert_eq!(settings(server.choose(&streamer, change.clone()).await), expected, "{change}");
        assert_eq!(settings(read(&server, &streamer, SELECTION).await), expected, "{change}");
    }
}

/// A request that changes nothing does not end the decision on screen.
#[tokio::test]
async fn a_change_of_nothing_leaves_everything_as_it_is() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(2).await;
    let before = server.choose(&streamer, chosen()).await;
    let shown = server.data(&streamer.token).await;
    server.clock.advance_seconds(5);
    for nothing in [
        json!({}),
        json!({"campaignSelectionStrategy": null, "campaignRotationSettings": null, "timezone": null}),
        json!({"campaignRotationSettings": {}}),
        json!({"campaignRotationSettings": {"preferredStrategy": null, "rotationIntervalMinutes": null,
            "priorityWeights": {"fairness": null}, "blackoutPeriods": null, "timezone": null}}),
    ] {
        assert_eq!(server.choose(&streamer, nothing.clone()).await, before, "{nothing}");
    }
    assert_eq!(server.data(&streamer.token).await, shown);
    server.clock.advance_seconds(5);
    let after = server.choose(&streamer, json!({"timezone": "Asia/Kolkata"})).await;
    assert_eq!(after["updatedAt"], "2026-11-20T10:00:40Z");
}

/// Defect S13: settings that had been read could not be saved again: `property _id should not exist`.
#[tokio::test]
async fn s13_what_was_read_can_be_saved_again() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let before = settings(server.choose(&streamer, chosen()).await);
    for body in [
        json!({"campaignRotationSettings": before["campaignRotationSettings"]}),
        json!({"campaignSelectionStrategy": before["campaignSelectionStrategy"],
            "campaignRotationSettings": before["campaignRotationSettings"]}),
        before.clone(),
    ] {
        assert_eq!(settings(server.choose(&streamer, body).await), before);
    }
}

/// Defect S13: the previous system's periods have an `_id`. The list is replaced as a whole.
#[tokio::test]
async fn s13_blackout_periods_are_replaced_whole_and_may_carry_an_id() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let put = async |periods: Value| {
        let body = json!({"campaignRotationSettings": {"blackoutPeriods": periods}});
        server.choose(&streamer, body).await["campaignRotationSettings"]["blackoutPeriods"].take()
    };
    let previous = json!([
        {"_id": "686511bdf5a1848d4e97338c", "startTime": "09:00", "endTime": "17:00", "days": ["monday", "tuesday"]},
        {"_id": {"$oid": "686511bdf5a1848d4e97338d"}, "startTime": "22:00", "endTime": "24:00", "days": ["Sunday", "sat", "sunday"]},
    ]);
    let kept = json!([
        {"startTime": "09:00", "endTime": "17:00", "days": ["monday", "tuesday"]},
        {"startTime": "22:00", "endTime": "24:00", "days": ["saturday", "sunday"]},
    ]);
    assert_eq!(put(previous).await, kept);
    assert_eq!(put(Value::Null).await, kept, "null is no value");
    let one = json!([{"startTime": "00:00", "endTime": "24:00", "days": ["wednesday"]}]);
    assert_eq!(put(one.clone()).await, one);
    assert_eq!(put(json!([])).await, json!([]));
}

/// The previous system saved settings as whole documents, so one of two concurrent changes was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_different_fields_at_once_lose_nothing() {
    let server = TestServer::start().await;
    let second = server.beside().await;
    let streamer = server.streamer().await;
    let wanted = chosen();
    let rotation = &wanted["campaignRotationSettings"];
    let mut changes = vec![
        json!({"campaignSelectionStrategy": "weighted"}),
        json!({"timezone": wanted["timezone"]}),
        json!({"campaignRotationSettings": {"rotationIntervalMinutes": 10}}),
        json!({"campaignRotationSettings": {"blackoutPeriods": rotation["blackoutPeriods"]}}),
    ];
    for (field, weight) in rotation["priorityWeights"].as_object().unwrap() {
        changes.push(json!({"campaignRotationSettings": {"priorityWeights": {field: weight}}}));
    }
    let servers = [&server, &second];
    let twice = changes.iter().chain(&changes).enumerate();
    join_all(twice.map(|(place, change)| servers[place % 2].choose(&streamer, change.clone()))).await;
    assert_eq!(settings(read(&second, &streamer, SELECTION).await), wanted);
    // Each of the seven changes adds to the version. A repetition adds to it if the first one was not stored yet when the
    // repetition was checked.
    let version = server.stored_user(streamer.user.id).await.selection.version;
    assert!((7..=14).contains(&version), "{version}");
}
