//! Screens stay in memory however much else changes. The tests make the store unreadable to see that it is not read.

use std::time::Duration;

use gametriggers_fixtures::{SOON, soon};
use gametriggers_persistence::OverlayPatch;
use gametriggers_types::Opacity;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{click, ping};
use crate::support::{Documents, Field, Streamer, TestServer};

/// A time longer than the memory is trusted without an answer of the store.
const LONG: Duration = Duration::from_secs(3);

/// Requests the content of the screen again and again, for longer than the memory is trusted without an answer of the store.
async fn poll(server: &TestServer, streamer: &Streamer, kind: &str) {
    let until = Instant::now() + LONG;
    while Instant::now() < until {
        assert_eq!(server.data(&streamer.token).await["kind"], kind);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_empty_screen_does_not_read_the_store() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    poll(&server, &streamer, "empty").await;
    server.store.make_unreadable(Documents::Decisions).await;
    poll(&server, &streamer, "empty").await;
    assert_eq!(click(&server, &streamer).await["reason"], "nothing-on-screen");
}

/// Another streamer's settings change 20 times a second, and then 100 times a second.
#[tokio::test]
async fn somebody_elses_changes_cost_no_read() {
    for pause in [Duration::from_millis(50), Duration::from_millis(10)] {
        let server = TestServer::start().await;
        let (streamer, _) = server.streamer_in(1).await;
        let nobody = server.streamer().await;
        let busy = server.streamer().await.user.id;
        let (users, now) = (server.storage.users.clone(), server.now());
        let changing = tokio::spawn(async move {
            for number in (0..=100_u8).cycle() {
                let opacity = Some(Opacity::try_from(f64::from(number)).unwrap());
                let patch = OverlayPatch { opacity, ..OverlayPatch::default() };
                users.update_overlay(busy, &patch, now).await.unwrap();
                sleep(pause).await;
            }
        });
        poll(&server, &streamer, "campaign").await;
        poll(&server, &nobody, "empty").await;
        server.data(&streamer.token).await;
        server.store.make_unreadable(Documents::Decisions).await;
        poll(&server, &streamer, "campaign").await;
        poll(&server, &nobody, "empty").await;
        changing.abort();
    }
}

/// No page needs to ask in between.
#[tokio::test]
async fn an_event_after_a_change_of_its_campaign_reads_the_store_once() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    // The first entry of a campaign may change its document, and the feed tells that, so it is recorded first.
    server.data(&streamer.token).await;
    assert_eq!(click(&server, &streamer).await["outcome"], "counted");
    poll(&server, &streamer, "campaign").await;
    let shown = server.data(&streamer.token).await;
    let change = async |title: &str| {
        server.store.set_one(Field::CAMPAIGN_TITLE, &joined[0].campaign_id.to_string(), title).await;
        sleep(SOON).await;
    };
    change("Another title").await;
    assert_eq!(click(&server, &streamer).await["outcome"], "counted");
    server.store.make_unreadable(Documents::Decisions).await;
    for _ in 0..3 {
        assert_eq!(click(&server, &streamer).await["outcome"], "counted");
        server.click(&streamer.token, &shown).await.assert_event("counted", None);
        let display =
            server.post(&format!("/api/v1/campaigns/impression/{}", streamer.token), json!({})).await;
        assert!(display.status == 201, "{}", display.body);
    }
    // The feed tells this change, so the store is read again.
    change("A third one").await;
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    let is_read = async || server.post(&path, json!({})).await.status >= 500;
    soon("the store is read after another change", is_read).await;
    assert_eq!(ping(&server, &streamer.token).await.status, 201);
}
