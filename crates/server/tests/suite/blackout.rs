//! Blackout periods: times in which a streamer's screen shows nothing.

use serde_json::{Value, json};

use crate::support::{Streamer, TestServer};

async fn streamer_dark_from_22_to_6(server: &TestServer) -> Streamer {
    let (streamer, _) = server.streamer_in(2).await;
    let settings = json!({
        "timezone": "Asia/Kolkata",
        "campaignRotationSettings": {
            // The period begins within a slot.
            "rotationIntervalMinutes": 60,
            "blackoutPeriods": [{"startTime": "22:00", "endTime": "06:00", "days": ["friday"]}],
        },
    });
    server.choose(&streamer, settings).await;
    streamer
}

fn assert_dark(data: &Value) {
    assert_eq!((&data["kind"], &data["reason"]), (&json!("empty"), &json!("blackout")));
    for key in [
        "title",
        "mediaUrl",
        "mediaType",
        "campaignId",
        "participationId",
        "decisionId",
        "receipt",
        "slotEnd",
    ] {
        assert_eq!(data[key], Value::Null, "{key}");
    }
}

/// Defects S9 and S10: the previous system used the server's time zone, and tested the part after midnight against the wrong day.
/// India is 5:30 ahead of UTC, so the period is from Friday 16:30 to Saturday 0:30.
#[tokio::test]
async fn s10_a_blackout_of_yesterday_evening_is_in_force_after_midnight() {
    let server = TestServer::start().await;
    let streamer = streamer_dark_from_22_to_6(&server).await;
    for (time, dark) in [
        ("2026-11-20T16:29:59.999Z", false),
        ("2026-11-20T16:30:00Z", true),
        ("2026-11-20T18:29:00Z", true),
        ("2026-11-20T18:31:00Z", true),
        ("2026-11-21T00:29:59.999Z", true),
        ("2026-11-21T00:30:00Z", false),
        ("2026-11-21T16:31:00Z", false),
    ] {
        server.clock.set(time);
        let data = server.data(&streamer.token).await;
        if dark { assert_dark(&data) } else { assert_eq!(data["kind"], "campaign", "{time}") }
    }
}

/// Defect O6: under a participation's token, the previous system showed the campaign at any time.
#[tokio::test]
async fn o6_a_blackout_holds_for_both_kinds_of_token_and_for_the_page() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(2).await;
    let always = json!([{"startTime": "00:00", "endTime": "24:00", "days":
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]}]);
    server.choose(&streamer, json!({"campaignRotationSettings": {"blackoutPeriods": always}})).await;
    assert_dark(&server.data(&streamer.token).await);
    assert_dark(&server.data(joined[0].browser_source_token.expose()).await);
    let page = server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
    assert!(page.status == 200 && !page.body.contains("media.example.com"), "{}", page.body);
}

/// No display during a blackout is credited. A click on a display just before it is credited until ten minutes after the blackout
/// began, whether or not anybody has asked for the screen since.
#[tokio::test]
async fn a_click_on_what_was_shown_before_the_blackout_still_counts() {
    let server = TestServer::start().await;
    let streamer = streamer_dark_from_22_to_6(&server).await;
    let (click, impression) = (
        format!("/api/v1/overlay/{}/click", streamer.token),
        format!("/api/v1/campaigns/impression/{}", streamer.token),
    );
    server.clock.set("2026-11-20T16:29:30Z");
    let shown = server.data(&streamer.token).await;
    // The display ends when the period begins, in the middle of a one-hour slot.
    assert_eq!(shown["slotEnd"], "2026-11-20T16:30:00Z");
    server.clock.set("2026-11-20T16:30:00Z");
    for _ in 0..2 {
        // Without a receipt, nothing proves an earlier display.
        server
            .post(&click, json!({"eventId": "in the dark"}))
            .await
            .assert_event("rejected", Some("blackout"));
        server.post(&impression, json!({})).await.assert_event("rejected", Some("blackout"));
        assert_dark(&server.data(&streamer.token).await);
    }
    server.clock.set("2026-11-20T16:40:00Z");
    server.click(&streamer.token, &shown).await.assert_event("counted", None);
    server.display(&streamer.token, &shown).await.assert_event("counted", None);
    let again = server.post(&click, json!({"eventId": "in the dark", "receipt": shown["receipt"]})).await;
    again.assert_event("counted", None);
    server.clock.set("2026-11-20T16:40:00.001Z");
    server.click(&streamer.token, &shown).await.assert_error(400, "RECEIPT_EXPIRED");
    let id = shown["participationId"].as_str().unwrap().parse().unwrap();
    let counters = server.stored_participation(id).await.counters;
    assert_eq!((counters.clicks, counters.impressions), (2, 1));
    server.assert_reconciled().await;
}

/// A display ends exactly at the end of its campaign.
#[tokio::test]
async fn a_display_ends_with_its_campaign() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let ending = server.campaign_with(|it| it.end_date = Some("2026-11-20T10:01:15Z".parse().unwrap())).await;
    server.join(&streamer, &ending).await;
    let shown = server.data(&streamer.token).await;
    assert_eq!(
        (&shown["slotStart"], &shown["slotEnd"]),
        (&json!("2026-11-20T10:00:00Z"), &json!("2026-11-20T10:01:15Z"))
    );
    server.clock.set("2026-11-20T10:11:15.001Z");
    server.click(&streamer.token, &shown).await.assert_error(400, "RECEIPT_EXPIRED");
}

/// A blackout period that is added while a campaign is on screen ends the display, whether or not anybody has asked for the
/// screen since.
#[tokio::test]
async fn a_blackout_that_is_chosen_ends_what_is_on_screen() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    let now = json!([{"startTime": "10:00", "endTime": "11:00", "days": ["friday"]}]);
    server.choose(&streamer, json!({"campaignRotationSettings": {"blackoutPeriods": now}})).await;
    let click = format!("/api/v1/overlay/{}/click", streamer.token);
    server.post(&click, json!({})).await.assert_event("rejected", Some("blackout"));
    assert_dark(&server.data(&streamer.token).await);
    server.click(&streamer.token, &shown).await.assert_event("counted", None);
    server.assert_reconciled().await;
}
