//! The test ad, which streamers show on their own screens for ten seconds.

use serde_json::{Value, json};

use super::{SELECTION, TEST_AD, ping, read};
use crate::support::{Streamer, TestServer};

async fn send(server: &TestServer, streamer: &Streamer, body: Value) -> Value {
    let reply = server.post_as(streamer, TEST_AD, body).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()
}

/// Stores a streamer with two campaigns, whose overlay is loaded.
async fn on_air(server: &TestServer) -> Streamer {
    let (streamer, _) = server.streamer_in(2).await;
    ping(server, &streamer.token).await;
    streamer
}

/// Defect O8: with a campaign on screen, the test ad never appeared although the answer said so.
#[tokio::test]
async fn o8_a_test_ad_is_above_any_campaign_for_ten_seconds() {
    let server = TestServer::start().await;
    let streamer = on_air(&server).await;
    let campaign = server.data(&streamer.token).await;
    let ad = json!({"title": "Is it there?", "mediaUrl": "https://media.example.com/test.mp4", "mediaType": "video"});
    let sent = send(&server, &streamer, json!({"overlayToken": streamer.token, "testCampaign": ad})).await;
    assert_eq!(sent, json!({"success": true, "message": "Test ad sent to overlay"}));
    let mut data = server.data(&streamer.token).await;
    assert_ne!(data["version"], campaign["version"]);
    assert!(data["receipt"].take().is_string() && data["version"].take().is_string());
    assert_eq!(
        data,
        json!({
            "kind": "test", "title": "Is it there?", "mediaUrl": "https://media.example.com/test.mp4",
            "mediaType": "video", "campaignId": null, "participationId": null, "decisionId": null,
            "receipt": null, "strategy": null, "slotStart": "2026-11-20T10:00:30Z",
            "slotEnd": "2026-11-20T10:00:40Z", "overlaySettings": campaign["overlaySettings"],
            "reason": null, "version": null,
        })
    );
    server.clock.set("2026-11-20T10:00:39.999Z");
    let page = server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
    assert!(page.body.contains("https://media.example.com/test.mp4"), "{}", page.body);
    // After the test ad, the campaign is back with the same decision.
    server.clock.set("2026-11-20T10:00:40Z");
    assert_eq!(server.data(&streamer.token).await, campaign);
}

#[tokio::test]
async fn a_test_ad_is_shown_whatever_else_would_be() {
    let server = TestServer::start().await;
    let streamer = on_air(&server).await;
    let title = async |token: &str| server.data(token).await["title"].take();
    let dark = json!([{"startTime": "00:00", "endTime": "24:00", "days": ["friday"]}]);
    server.choose(&streamer, json!({"campaignRotationSettings": {"blackoutPeriods": dark}})).await;
    send(&server, &streamer, json!({"testCampaign": {"title": "first"}})).await;
    assert_eq!(title(&streamer.token).await, "first");
    server.clock.advance_seconds(9);
    send(&server, &streamer, json!({"testCampaign": {"title": "second"}})).await;
    server.clock.advance_seconds(9);
    assert_eq!(title(&streamer.token).await, "second", "for ten seconds of its own");
    server.clock.advance_seconds(1);
    assert_eq!(server.data(&streamer.token).await["reason"], "blackout");
    // The test ad is only on the streamer's own screen, whichever token addresses the screen.
    let (streamer, joined) = server.streamer_in(1).await;
    ping(&server, &streamer.token).await;
    send(&server, &streamer, json!({"testCampaign": {"title": "mine"}})).await;
    assert_eq!(title(joined[0].browser_source_token.expose()).await, "mine");
    let (bystander, _) = server.streamer_in(1).await;
    assert_eq!(server.data(&bystander.token).await["kind"], "campaign");
}

/// Defect O8: the answer says that no overlay is loaded.
#[tokio::test]
async fn o8_without_an_active_overlay_nothing_is_sent_and_the_answer_says_so() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let campaign = server.data(&streamer.token).await;
    let not_active = json!({
        "success": false,
        "message": "Overlay is not active. Make sure it is added to your streaming software.",
    });
    assert_eq!(send(&server, &streamer, json!({})).await, not_active);
    ping(&server, &streamer.token).await;
    server.clock.advance_seconds(120);
    assert_eq!(send(&server, &streamer, json!({})).await, not_active);
    assert_eq!(server.data(&streamer.token).await["decisionId"], campaign["decisionId"]);
    // The test ad does not appear when the overlay is loaded later.
    ping(&server, &streamer.token).await;
    assert_eq!(server.data(&streamer.token).await["kind"], "campaign");
}

/// Defect O26: a request without a test campaign caused a 500, and the default picture came from another host.
#[tokio::test]
async fn o26_every_field_of_a_test_ad_has_a_default_of_our_own() {
    let server = TestServer::start().await;
    let streamer = on_air(&server).await;
    let own = json!(["Test Campaign", "/api/v1/test-ad.svg", "image"]);
    let other = "https://media.example.com/a.png";
    for (body, expected) in [
        (json!({}), own.clone()),
        (json!({"overlayToken": null, "testCampaign": null}), own.clone()),
        (json!({"testCampaign": {"title": null, "mediaUrl": null, "mediaType": null}}), own.clone()),
        (json!({"testCampaign": {"mediaType": "image"}}), own),
        (json!({"testCampaign": {"title": "T"}}), json!(["T", "/api/v1/test-ad.svg", "image"])),
        (json!({"testCampaign": {"mediaUrl": other}}), json!(["Test Campaign", other, "image"])),
    ] {
        assert_eq!(send(&server, &streamer, body.clone()).await["success"], true, "{body}");
        let data = server.data(&streamer.token).await;
        assert_eq!(json!([data["title"], data["mediaUrl"], data["mediaType"]]), expected, "{body}");
    }
    let picture = server.get("/api/v1/test-ad.svg").await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    assert!(picture.body.starts_with("<svg") && !picture.body.contains("<script"), "{}", picture.body);
}

/// Events on a test ad are credited to no campaign.
#[tokio::test]
async fn events_on_a_test_ad_are_rejected_with_or_without_its_receipt() {
    let server = TestServer::start().await;
    let streamer = on_air(&server).await;
    let campaign = server.data(&streamer.token).await;
    send(&server, &streamer, json!({})).await;
    let test = server.data(&streamer.token).await;
    let routes = ["overlay/{}/click", "overlay/{}/click/qr", "campaigns/click/{}", "campaigns/impression/{}"]
        .map(|route| format!("/api/v1/{}", route.replace("{}", &streamer.token)));
    let with_receipt = json!({"receipt": test["receipt"], "eventId": "on the test ad"});
    for path in &routes {
        for body in [json!({}), with_receipt.clone()] {
            let reply = server.post(path, body).await;
            reply.assert_event("rejected", Some("test-ad"));
            assert_eq!(reply.json()["participationId"], Value::Null);
        }
    }
    // The receipt of a test ad is valid for ten minutes after its end, like any other, even if the campaign is on screen again.
    server.clock.set("2026-11-20T10:10:40Z");
    for path in &routes {
        server.post(path, with_receipt.clone()).await.assert_event("rejected", Some("test-ad"));
    }
    server.clock.set("2026-11-20T10:10:40.001Z");
    for path in &routes {
        server.post(path, with_receipt.clone()).await.assert_error(400, "RECEIPT_EXPIRED");
    }
    for participation in server.storage.participations.list_active(streamer.user.id).await.unwrap() {
        assert_eq!(participation.0.counters, gametriggers_domain::ledger::Counters::default());
    }
    // A click on the display before the test ad is still credited.
    server.click(&streamer.token, &campaign).await.assert_event("counted", None);
    server.assert_reconciled().await;
}

#[tokio::test]
async fn a_test_ad_goes_to_the_callers_own_overlay_only() {
    let server = TestServer::start().await;
    let (streamer, other) = (on_air(&server).await, on_air(&server).await);
    for token in [other.token.as_str(), "unknown", ""] {
        let reply = server.post_as(&streamer, TEST_AD, json!({"overlayToken": token})).await;
        reply.assert_error(403, "NOT_YOUR_TOKEN");
    }
    for streamer in [&streamer, &other] {
        assert_eq!(server.data(&streamer.token).await["kind"], "campaign");
    }
    let before = read(&server, &streamer, SELECTION).await;
    send(&server, &streamer, json!({})).await;
    assert_eq!(read(&server, &streamer, SELECTION).await, before, "it is no setting");
}

/// The settings page of the previous system sends more fields than are shown.
#[tokio::test]
async fn a_test_ad_may_say_more_than_is_shown() {
    let server = TestServer::start().await;
    let streamer = on_air(&server).await;
    let ad = json!({"title": "Mine", "mediaUrl": "/a.png", "mediaType": "image", "link": "https://brand.example/x",
        "backgroundColor": "red", "expiresAt": "2099-01-01T00:00:00Z"});
    let body =
        json!({"overlayToken": streamer.token, "testCampaign": ad, "source": "settings", "__proto__": {}});
    assert_eq!(send(&server, &streamer, body).await["success"], true);
    let data = server.data(&streamer.token).await;
    assert_eq!((&data["title"], &data["slotEnd"]), (&json!("Mine"), &json!("2026-11-20T10:00:40Z")));
    assert_eq!(data["overlaySettings"]["backgroundColor"], "transparent");
}
