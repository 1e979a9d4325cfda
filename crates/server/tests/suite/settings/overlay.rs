//! The overlay settings, the overlay token, and whether the overlay is loaded.

use gametriggers_types::ParticipationStatus;
use serde_json::{Value, json};

use super::{ME, OVERLAY, REGENERATE, STATUS, ping, read};
use crate::support::{Reply, Streamer, TestServer};

#[tokio::test]
async fn overlay_settings_are_changed_one_by_one_and_null_changes_nothing() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let mut expected = json!({
        "position": "bottom-right", "size": "medium", "opacity": 80.0, "backgroundColor": "transparent",
        "overlayToken": streamer.token,
    });
    assert_eq!(read(&server, &streamer, OVERLAY).await, expected);
    for (field, value) in [
        ("position", json!("top-left")),
        ("size", json!("small")),
        ("opacity", json!(20.0)),
        ("opacity", json!(33.5)),
        ("backgroundColor", json!("#10203040")),
        ("position", json!("bottom-left")),
        ("size", json!("large")),
        ("opacity", json!(100.0)),
        ("backgroundColor", json!("transparent")),
    ] {
        expected[field] = value.clone();
        for body in [json!({field: value}), json!({field: null}), json!({})] {
            let reply = server.put_as(&streamer, OVERLAY, body.clone()).await;
            assert_eq!((reply.status, reply.json()), (200, expected.clone()), "{body}");
        }
        let mut profile = read(&server, &streamer, ME).await;
        profile["overlaySettings"]["overlayToken"] = json!(streamer.token);
        assert_eq!(profile["overlaySettings"], expected);
    }
}

/// Defect O10: changed settings reached a loaded page only after a reload by hand.
#[tokio::test]
async fn o10_changed_settings_are_in_the_data_at_once_under_a_new_version() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(2).await;
    let before = server.data(&streamer.token).await;
    let change = json!({"position": "top-left", "size": "large", "opacity": 50, "backgroundColor": "#fff"});
    server.put_as(&streamer, OVERLAY, change).await;
    let url = server.url(&format!("/api/v1/overlay/{}/data", streamer.token));
    let request = server.client.get(url).header("If-None-Match", before["version"].as_str().unwrap());
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 200, "no longer the version that the page has");
    let after = reply.json();
    let settings =
        json!({"position": "top-left", "size": "large", "opacity": 50.0, "backgroundColor": "#fff"});
    assert_eq!(after["overlaySettings"], settings);
    let mut expected = before.clone();
    expected["overlaySettings"] = settings;
    expected["version"] = after["version"].clone();
    assert_eq!(after, expected, "the same decision stays on screen");
    assert_ne!(after["version"], before["version"]);
}

async fn regenerated(server: &TestServer, streamer: &Streamer) -> String {
    let reply = server.post_as(streamer, REGENERATE, Value::Null).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let token = reply.json()["overlayToken"].as_str().unwrap().to_owned();
    assert_eq!(reply.json(), json!({"overlayToken": token, "participationTokensRevoked": true}));
    token
}

/// Defect O19: a new token revoked nothing that was derived from the old one.
#[tokio::test]
async fn o19_a_new_overlay_token_revokes_the_old_one_and_what_was_derived_before() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(2).await;
    let (other, of_other) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    ping(&server, &streamer.token).await;
    server.clock.advance_seconds(1);
    let token = regenerated(&server, &streamer).await;
    assert!(token.len() == 64 && token != streamer.token);
    let old = joined.iter().map(|joined| joined.browser_source_token.expose());
    for dead in old.chain([streamer.token.as_str()]) {
        server.get(&format!("/api/v1/overlay/{dead}/data")).await.assert_error(404, "UNKNOWN_TOKEN");
        assert_eq!(server.get(&format!("/api/v1/overlay/{dead}")).await.status, 404);
        let path = format!("/api/v1/campaigns/impression/{dead}");
        server.post(&path, json!({"receipt": shown["receipt"]})).await.assert_error(404, "UNKNOWN_TOKEN");
    }
    for path in [ME, OVERLAY] {
        assert_eq!(read(&server, &streamer, path).await["overlayToken"], token);
    }
    assert_eq!(read(&server, &streamer, STATUS).await, json!({"active": false, "lastSeen": null}));
    // The screen continues under the new token, with a new receipt.
    let now = server.data(&token).await;
    assert_eq!(now["decisionId"], shown["decisionId"]);
    assert_ne!(now["receipt"], shown["receipt"]);
    server.display(&token, &shown).await.assert_error(400, "RECEIPT_INVALID");
    server.display(&token, &now).await.assert_event("counted", None);
    // A participation that is joined later has a valid token. An earlier one keeps its stored token, which is void.
    server.clock.advance_seconds(1);
    let later = server.join(&streamer, &server.campaign().await).await;
    assert_eq!(server.data(later.browser_source_token.expose()).await, now);
    for participation in &joined {
        let stored = server.stored_participation(participation.id).await;
        assert_eq!(stored.browser_source_token, participation.browser_source_token);
    }
    // The tokens of other streamers stay valid.
    for token in [other.token.as_str(), of_other[0].browser_source_token.expose()] {
        assert_eq!(server.data(token).await["kind"], "campaign");
    }
    server.clock.advance_seconds(1);
    let third = regenerated(&server, &streamer).await;
    for dead in [token.as_str(), later.browser_source_token.expose()] {
        server.get(&format!("/api/v1/overlay/{dead}/data")).await.assert_error(404, "UNKNOWN_TOKEN");
    }
    assert_eq!(server.data(&third).await["decisionId"], shown["decisionId"]);
}

/// Defect O25: `active` was missing, null, or true forever.
#[tokio::test]
async fn o25_an_overlay_is_active_for_120_seconds_after_it_was_seen() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let never = json!({"active": false, "lastSeen": null});
    assert_eq!(read(&server, &streamer, STATUS).await, never);
    // A request for the data does not prove that the page is loaded.
    server.data(&streamer.token).await;
    assert_eq!(read(&server, &streamer, STATUS).await, never);
    ping(&server, &streamer.token).await;
    for (time, active) in [
        ("2026-11-20T10:00:30Z", true),
        ("2026-11-20T10:02:29.999Z", true),
        ("2026-11-20T10:02:30Z", false),
        ("2026-11-21T10:00:30Z", false),
    ] {
        server.clock.set(time);
        let status = read(&server, &streamer, STATUS).await;
        assert_eq!(status, json!({"active": active, "lastSeen": "2026-11-20T10:00:30Z"}), "{time}");
    }
    assert_eq!(read(&server, &streamer, ME).await["overlayLastSeen"], "2026-11-20T10:00:30Z");
}

/// Defect O2: pages pinged with a participation's token, which the previous system did not accept, and became inactive after two
/// minutes.
#[tokio::test]
async fn o2_a_ping_under_either_kind_of_token_keeps_the_overlay_active() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(2).await;
    let (bystander, _) = server.streamer_in(1).await;
    let tokens = joined.iter().map(|joined| joined.browser_source_token.expose());
    for token in tokens.chain([streamer.token.as_str()]) {
        server.clock.advance_seconds(120);
        assert_eq!(read(&server, &streamer, STATUS).await["active"], false);
        ping(&server, token).await;
        let status = json!({"active": true, "lastSeen": server.now()});
        assert_eq!(read(&server, &streamer, STATUS).await, status);
    }
    // The participation may have ended. The token still addresses the streamer's screen.
    let (active, left) = (ParticipationStatus::Active, ParticipationStatus::LeftEarly);
    let now = server.now();
    assert!(server.storage.participations.transition(joined[0].id, active, left, now).await.unwrap());
    server.clock.advance_seconds(120);
    ping(&server, joined[0].browser_source_token.expose()).await;
    assert_eq!(read(&server, &streamer, STATUS).await["active"], true);
    assert_eq!(read(&server, &bystander, STATUS).await["active"], false);
}

#[tokio::test]
async fn the_status_of_another_overlay_is_nobodys_business() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    let other = server.streamer().await;
    let own = read(&server, &streamer, &format!("{STATUS}?overlayToken={}", streamer.token)).await;
    assert_eq!(own["active"], false);
    for token in [other.token.as_str(), joined[0].browser_source_token.expose(), "unknown", ""] {
        let reply = server.get_as(&streamer, &format!("{STATUS}?overlayToken={token}")).await;
        reply.assert_error(403, "NOT_YOUR_TOKEN");
    }
}
