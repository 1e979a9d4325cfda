//! `/data`: it has all keys, one version and one receipt.

use gametriggers_fixtures::soon;
use gametriggers_types::Timestamp;
use reqwest::header::IF_NONE_MATCH;
use serde_json::{Value, json};

use super::{data_of, page_of, state_of, with_test_ad};
use crate::support::{Field, Reply, TestServer};

const KEYS: [&str; 14] = [
    "campaignId",
    "decisionId",
    "kind",
    "mediaType",
    "mediaUrl",
    "overlaySettings",
    "participationId",
    "reason",
    "receipt",
    "slotEnd",
    "slotStart",
    "strategy",
    "title",
    "version",
];

#[track_caller]
fn assert_keys(data: &Value, null: &[&str]) {
    let mut found: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, KEYS);
    for key in KEYS {
        assert_eq!(data[key].is_null(), null.contains(&key), "{key} in {data}");
    }
    for time in ["slotStart", "slotEnd"].iter().filter_map(|key| data[key].as_str()) {
        assert!(time.ends_with('Z') && time.parse::<Timestamp>().is_ok(), "{time}");
    }
}

/// Defects O3 and O10: keys appeared and disappeared, and settings were missing.
#[tokio::test]
async fn o10_data_has_every_key_whatever_is_on_screen() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    let campaign = server.data(&streamer.token).await;
    assert_keys(&campaign, &["reason"]);
    let stored = server.stored_campaign(joined[0].campaign_id).await;
    let expected = json!({
        "kind": "campaign", "title": stored.title, "mediaUrl": stored.media_url, "mediaType": "image",
        "campaignId": stored.id.to_string(), "participationId": joined[0].id.to_string(),
        "decisionId": format!("{}-1", streamer.user.id), "strategy": "fair-rotation",
        "slotStart": "2026-11-20T10:00:00Z", "slotEnd": "2026-11-20T10:03:00Z", "reason": null,
        "overlaySettings": {"position": "bottom-right", "size": "medium", "opacity": 80.0, "backgroundColor": "transparent"},
        "receipt": campaign["receipt"], "version": campaign["version"],
    });
    assert_eq!(campaign, expected);

    let tested = server.streamer_with(with_test_ad).await;
    let test = server.data(&tested.token).await;
    assert_keys(&test, &["campaignId", "participationId", "decisionId", "strategy", "reason"]);
    assert_eq!((&test["kind"], &test["title"]), (&json!("test"), &json!("Test Campaign")));
    assert_eq!(test["slotEnd"], "2026-11-20T10:00:40Z");

    let idle = server.streamer_with(|user| user.is_active = false).await;
    let null: Vec<_> = KEYS.into_iter().filter(|key| !["kind", "reason", "version"].contains(key)).collect();
    for (streamer, reason) in [(server.streamer().await, "no-campaign"), (idle, "streamer-inactive")] {
        let empty = server.data(&streamer.token).await;
        assert_keys(&empty, &null);
        assert_eq!((&empty["kind"], &empty["reason"]), (&json!("empty"), &json!(reason)));
    }
}

#[tokio::test]
async fn a_known_version_is_answered_with_304() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(2).await;
    let path = data_of(&streamer.token);
    let first = server.get(&path).await;
    let version = first.json()["version"].as_str().unwrap().to_owned();
    let tag = format!("\"{version}\"");
    assert_eq!((first.header("etag"), first.header("cache-control")), (tag.as_str(), "private, no-cache"));
    let ask = |values: Vec<String>| {
        let request = server.client.get(server.url(&path));
        Reply::of(values.into_iter().fold(request, |request, value| request.header(IF_NONE_MATCH, value)))
    };
    for known in [
        vec![tag.clone()],
        vec![version.clone()],
        vec![format!("W/{tag}")],
        vec![format!("\"other\", {tag}")],
        vec![format!("W/\"other\",W/{tag} , \"third\"")],
        vec!["\"other\"".to_owned(), tag.clone()],
    ] {
        let reply = ask(known.clone()).await;
        assert_eq!((reply.status, reply.body.as_str()), (304, ""), "{known:?}");
        assert_eq!(
            (reply.header("etag"), reply.header("cache-control")),
            (tag.as_str(), "private, no-cache")
        );
    }
    for unknown in
        [String::new(), "\"\"".to_owned(), "\"other\"".to_owned(), format!("\"{}\"", &version[1..])]
    {
        let reply = ask(vec![unknown.clone()]).await;
        assert_eq!((reply.status, reply.json()), (200, first.json()), "{unknown:?}");
    }
    // An empty screen has a version, too.
    let empty = server.get(&data_of(&server.streamer().await.token)).await;
    assert_eq!(empty.header("etag"), format!("\"{}\"", empty.json()["version"].as_str().unwrap()));
}

/// Defect O9: the page noticed only a change of the media URL.
#[tokio::test]
async fn o9_the_version_changes_with_all_that_is_shown_and_with_nothing_else() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let mut campaigns = Vec::new();
    for _ in 0..2 {
        let same = |it: &mut gametriggers_domain::model::Campaign| {
            (it.title, it.media_url) = ("Same".to_owned(), "https://media.example.com/same.png".to_owned());
        };
        campaigns.push(server.campaign_with(same).await);
        server.join(&streamer, &campaigns[campaigns.len() - 1]).await;
    }
    let first = server.data(&streamer.token).await;
    server.display(&streamer.token, &first).await.assert_event("counted", None);
    server.post(&format!("/api/v1/overlay/{}/ping", streamer.token), json!({})).await;
    server.clock.advance_seconds(60);
    assert_eq!(server.data(&streamer.token).await, first, "displays, pings and time change nothing");

    let mut seen = vec![first];
    let mut assert_new = |data: Value| {
        assert!(seen.iter().all(|before| before["version"] != data["version"]), "{data}");
        seen.push(data);
    };
    server.clock.advance_seconds(180);
    let second = server.data(&streamer.token).await;
    assert_ne!(second["campaignId"], campaigns[0].id.to_string());
    assert_eq!(second["mediaUrl"], "https://media.example.com/same.png");
    assert_new(second);
    server.clock.advance_seconds(360);
    assert_new(server.data(&streamer.token).await);
    for setting in [
        json!({"position": "top-left"}),
        json!({"size": "large"}),
        json!({"opacity": 55}),
        json!({"backgroundColor": "#102030"}),
    ] {
        assert_eq!(server.put_as(&streamer, "/api/v1/users/me/overlay", setting.clone()).await.status, 200);
        let data = server.data(&streamer.token).await;
        let (name, value) = setting.as_object().unwrap().iter().next().unwrap();
        let shown = &data["overlaySettings"][name];
        assert!(shown == value || shown.as_f64() == value.as_f64() && value.is_number(), "{data}");
        assert_new(data);
    }
    for (field, value) in [
        (Field::CAMPAIGN_TITLE, "Other"),
        (Field::CAMPAIGN_MEDIA_URL, "https://media.example.com/2.mp4"),
        (Field::CAMPAIGN_MEDIA_TYPE, "video"),
    ] {
        let before = server.data(&streamer.token).await;
        server.store.set_all(field, value).await;
        soon("it is shown", async || server.data(&streamer.token).await != before).await;
        assert_new(server.data(&streamer.token).await);
    }
    let last = server.data(&streamer.token).await;
    assert_eq!(server.beside().await.data(&streamer.token).await, last);
    assert_eq!(server.restarted().await.data(&streamer.token).await, last);
}

#[tokio::test]
async fn all_displays_of_a_decision_carry_one_receipt() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(2).await;
    let first = server.data(&streamer.token).await;
    let page = server.get(&page_of(joined[0].browser_source_token.expose())).await;
    let in_page = state_of(&page);
    // This holds also if the overlay settings have changed meanwhile.
    server.put_as(&streamer, "/api/v1/users/me/overlay", json!({"opacity": 30})).await;
    let again = server.data(joined[1].browser_source_token.expose()).await;
    let elsewhere = server.beside().await.data(&streamer.token).await;
    let server = server.restarted().await;
    let later = server.data(&streamer.token).await;
    for shown in [&in_page, &again, &elsewhere, &later] {
        assert_eq!((&shown["decisionId"], &shown["receipt"]), (&first["decisionId"], &first["receipt"]));
    }
    server.clock.advance_seconds(180);
    assert_ne!(server.data(&streamer.token).await["receipt"], first["receipt"]);
}
