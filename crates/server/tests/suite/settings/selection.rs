//! The settings for the selection of campaigns.

use futures_util::future::join_all;
use gametriggers_domain::selection;
use gametriggers_fixtures::cpm;
use gametriggers_types::SelectionSettings;
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
            "strategyParameters": with_parameters([
                ("capped-fair", "share", json!(0.75)),
                ("daypart", "dayparts", json!([evening("gaming", 3.5)])),
                ("pacing", "tolerance", json!(0.1)),
            ]),
            "maxSlotsInARow": 2,
            "minSlotsBetweenCategory": 1,
            "blackoutPeriods": [{"startTime": "22:00", "endTime": "06:00", "days": ["friday"]}],
            "timezone": "Europe/London",
        },
        "timezone": "Europe/London",
    })
}

/// A daypart of one category.
fn evening(category: &str, weight: f64) -> Value {
    json!({"startTime": "18:00", "endTime": "24:00", "days": ["friday"], "category": category, "weight": weight})
}

/// The parameters of all strategies in the format of answers: these, and the defaults of the others.
fn with_parameters<const N: usize>(values: [(&str, &str, Value); N]) -> Value {
    let defaults = selection::effective_parameters(&SelectionSettings::default());
    let mut all = serde_json::to_value(defaults).unwrap();
    for (strategy, parameter, value) in values {
        all[strategy][parameter] = value;
    }
    all
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
                "strategyParameters": with_parameters([]),
                "maxSlotsInARow": 0,
                "minSlotsBetweenCategory": 0,
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
    let parameter = |strategy: &str, name: &str, value: &Value| {
        rotation("strategyParameters", json!({strategy: {name: value}}))
    };
    let (share, mornings) = (json!(0.05), json!([evening("food", 0.0), evening("travel", 100.0)]));
    let cases: [(Value, &[&str], Value); 15] = [
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
        (
            parameter("capped-fair", "share", &share),
            &["/campaignRotationSettings/strategyParameters/capped-fair/share"],
            share,
        ),
        (
            parameter("daypart", "dayparts", &mornings),
            &["/campaignRotationSettings/strategyParameters/daypart/dayparts"],
            mornings,
        ),
        (rotation("maxSlotsInARow", json!(20.0)), &["/campaignRotationSettings/maxSlotsInARow"], json!(20)),
        (
            rotation("minSlotsBetweenCategory", json!(0)),
            &["/campaignRotationSettings/minSlotsBetweenCategory"],
            json!(0),
        ),
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
            "priorityWeights": {"fairness": null}, "strategyParameters": {"capped-fair": {"share": null},
            "pacing": null}, "maxSlotsInARow": null, "minSlotsBetweenCategory": null, "blackoutPeriods": null,
            "timezone": null}}),
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
    let whole = server.choose(&streamer, chosen()).await;
    let before = settings(whole.clone());
    for body in [
        json!({"campaignRotationSettings": before["campaignRotationSettings"]}),
        json!({"campaignSelectionStrategy": before["campaignSelectionStrategy"],
            "campaignRotationSettings": before["campaignRotationSettings"]}),
        before.clone(),
        whole,
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
    for field in ["maxSlotsInARow", "minSlotsBetweenCategory"] {
        changes.push(json!({"campaignRotationSettings": {field: rotation[field]}}));
    }
    for (strategy, values) in rotation["strategyParameters"].as_object().unwrap() {
        let change = json!({"strategyParameters": {strategy: values}});
        changes.push(json!({"campaignRotationSettings": change}));
    }
    for (field, weight) in rotation["priorityWeights"].as_object().unwrap() {
        changes.push(json!({"campaignRotationSettings": {"priorityWeights": {field: weight}}}));
    }
    let servers = [&server, &second];
    let twice = changes.iter().chain(&changes).enumerate();
    join_all(twice.map(|(place, change)| servers[place % 2].choose(&streamer, change.clone()))).await;
    assert_eq!(settings(read(&second, &streamer, SELECTION).await), wanted);
    // Each of the changes adds to the version. A repetition adds to it if the first one was not stored yet when the repetition
    // was checked.
    let version = usize::try_from(server.stored_user(streamer.user.id).await.selection.version).unwrap();
    assert!((changes.len()..=2 * changes.len()).contains(&version), "{version}");
}

/// What a streamer has set for a strategy is there again when they come back to it, and it holds.
#[tokio::test]
async fn parameters_are_kept_while_another_strategy_is_chosen() {
    let server = TestServer::start().await;
    let (streamer, joined) = server
        .streamer_in_with(2, |campaign, number| {
            campaign.categories = vec![["gaming", "food"][number].to_owned()];
        })
        .await;
    let gaming_only = json!({"daypart": {"dayparts": [
        {"startTime": "00:00", "endTime": "24:00", "days": ["monday", "tuesday", "wednesday", "thursday", "friday",
            "saturday", "sunday"], "category": "food", "weight": 0},
    ]}});
    let parameters = json!({"campaignRotationSettings": {"strategyParameters": gaming_only}});
    server.choose(&streamer, parameters).await;
    server.choose(&streamer, json!({"campaignSelectionStrategy": "weighted"})).await;
    server.choose(&streamer, json!({"campaignSelectionStrategy": "daypart"})).await;
    for _ in 0..10 {
        server.clock.advance_seconds(180);
        let shown = server.data(&streamer.token).await;
        assert_eq!(
            (&shown["strategy"], &shown["participationId"]),
            (&json!("daypart"), &json!(joined[0].id))
        );
    }
}

/// With one slot in a row and separation of categories, the engine keeps the distance whatever the strategy: here one that would
/// always show the best paying campaign.
#[tokio::test]
async fn campaigns_keep_the_distance_that_the_streamer_wants() {
    let server = TestServer::start().await;
    let (streamer, joined) = server
        .streamer_in_with(3, |campaign, number| {
            campaign.payment = cpm([3_000.0, 2_000.0, 1_000.0][number]);
            campaign.categories = vec![["gaming", "Gaming", "food"][number].to_owned()];
        })
        .await;
    server.choose(&streamer, json!({"campaignSelectionStrategy": "revenue-optimized"})).await;
    let ids: Vec<String> = joined.iter().map(|one| one.id.to_string()).collect();
    let shown = async |slots: usize| {
        let mut shown = String::new();
        for _ in 0..slots {
            server.clock.advance_seconds(180);
            let data = server.data(&streamer.token).await;
            let id = data["participationId"].as_str().unwrap();
            shown += &ids.iter().position(|one| one == id).unwrap().to_string();
        }
        shown
    };
    assert_eq!(shown(3).await, "000");
    server.choose(&streamer, json!({"campaignRotationSettings": {"maxSlotsInARow": 1}})).await;
    assert_eq!(shown(4).await, "1010");
    server.choose(&streamer, json!({"campaignRotationSettings": {"minSlotsBetweenCategory": 1}})).await;
    assert_eq!(shown(4).await, "2020");
}

/// The catalogue says the same as what is accepted.
#[tokio::test]
async fn every_strategy_is_in_the_catalogue_with_its_parameters() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let catalogue = server.get("/api/v1/selection-strategies").await;
    assert_eq!(catalogue.status, 200, "{}", catalogue.body);
    let catalogue = catalogue.json();
    let names: Vec<_> = selection::all().iter().map(|strategy| json!(strategy.name())).collect();
    let strategies = catalogue.as_array().unwrap();
    assert_eq!(strategies.iter().map(|strategy| strategy["name"].clone()).collect::<Vec<_>>(), names);
    assert_eq!(strategies.iter().filter(|strategy| strategy["isDefault"] == true).count(), 1);
    for strategy in strategies {
        server.choose(&streamer, json!({"campaignSelectionStrategy": strategy["name"]})).await;
        for parameter in strategy["parameters"].as_array().unwrap() {
            for value in [&parameter["minimum"], &parameter["maximum"], &parameter["default"]] {
                let name = parameter["name"].as_str().unwrap();
                let change = match parameter["kind"].as_str().unwrap() {
                    "priority-weight" if value == 0.0 => continue,
                    "priority-weight" => json!({"priorityWeights": {name: value}}),
                    _ => json!({"strategyParameters": {strategy["name"].as_str().unwrap(): {name: value}}}),
                };
                server.choose(&streamer, json!({"campaignRotationSettings": change})).await;
            }
        }
    }
}
