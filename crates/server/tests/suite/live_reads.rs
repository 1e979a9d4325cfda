//! Two servers share a store, and each has the screens in memory: a change through one takes effect in the other.

mod empty;
mod kept;

use std::time::Duration;

use gametriggers_fixtures::{SOON, soon};
use gametriggers_types::ParticipationStatus;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, Streamer, TestServer};

/// Starts a second server and pings both, so that both have the streamer in memory. A server keeps what it reads after the store
/// has told it of changes for the first time. No answer of a server shows whether that has happened, so the pings last as long as
/// a change may take.
async fn two_servers(first: TestServer, tokens: &[&str]) -> [TestServer; 2] {
    let second = first.beside().await;
    let servers = [first, second];
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        for (server, token) in
            servers.iter().flat_map(|server| tokens.iter().map(move |token| (server, token)))
        {
            assert_eq!(ping(server, token).await.status, 201);
        }
        sleep(Duration::from_millis(100)).await;
    }
    servers
}

async fn ping(server: &TestServer, token: &str) -> Reply {
    server.post(&format!("/api/v1/overlay/{token}/ping"), json!({})).await
}

/// Sends a click without a receipt.
async fn click(server: &TestServer, streamer: &Streamer) -> Value {
    let reply = server.post(&format!("/api/v1/overlay/{}/click", streamer.token), json!({})).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()
}

#[tokio::test]
async fn overlay_settings_changed_through_one_server_are_shown_by_the_other() {
    let first = TestServer::start().await;
    let (streamer, _) = first.streamer_in(1).await;
    let servers = two_servers(first, &[&streamer.token]).await;
    for (number, size) in [(0, "small"), (1, "large"), (0, "medium")] {
        let changed =
            servers[number].put_as(&streamer, "/api/v1/users/me/overlay", json!({"size": size})).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        for server in &servers {
            let shown = async || server.data(&streamer.token).await["overlaySettings"]["size"] == size;
            soon("the size that was set", shown).await;
        }
    }
}

#[tokio::test]
async fn o19_a_token_revoked_through_one_server_is_unknown_to_both() {
    let first = TestServer::start().await;
    let (streamer, joined) = first.streamer_in(2).await;
    let source = joined[0].browser_source_token.expose();
    let servers = two_servers(first, &[&streamer.token, source]).await;
    let receipt = servers[1].data(&streamer.token).await;
    servers[0].clock.advance_seconds(1);
    let renewed =
        servers[0].post_as(&streamer, "/api/v1/users/me/overlay/regenerate", json!({})).await.json();
    let renewed = renewed["overlayToken"].as_str().unwrap();
    for server in &servers {
        for token in [&streamer.token, source] {
            soon("the old token is unknown", async || ping(server, token).await.status == 404).await;
            // The old token stays invalid.
            for path in ["", "/data", "/qr", "/chat-command"] {
                assert_eq!(server.get(&format!("/api/v1/overlay/{token}{path}")).await.status, 404, "{path}");
            }
            server.click(token, &receipt).await.assert_error(404, "UNKNOWN_TOKEN");
            server.display(token, &receipt).await.assert_error(404, "UNKNOWN_TOKEN");
        }
        let shown = server.data(renewed).await;
        assert_eq!(shown["decisionId"], receipt["decisionId"]);
        server.click(renewed, &shown).await.assert_event("counted", None);
        server.click(renewed, &receipt).await.assert_error(400, "RECEIPT_INVALID");
    }
}

/// Defect O17: the previous system saved the whole user at each ping. Here a ping without news writes nothing, even if the
/// streamer comes from memory. A page under a new token is noted at once.
#[tokio::test]
async fn o17_a_ping_that_says_nothing_new_is_not_written() {
    let first = TestServer::start().await;
    let streamer = first.streamer().await;
    let servers = two_servers(first, &[&streamer.token]).await;
    let seen = async || servers[0].stored_user(streamer.user.id).await.overlay_last_seen.unwrap();
    let at_first = seen().await;
    for (seconds, is_written) in [(5, false), (9, false), (2, true), (14, false), (1, true)] {
        servers[0].clock.advance_seconds(seconds);
        let before = seen().await;
        for server in &servers {
            assert_eq!(ping(server, &streamer.token).await.status, 201);
        }
        let now = servers[0].now();
        assert_eq!(seen().await, if is_written { now } else { before }, "{at_first}, now {now}");
    }
    let renewed =
        servers[0].post_as(&streamer, "/api/v1/users/me/overlay/regenerate", json!({})).await.json();
    servers[0].clock.advance_seconds(1);
    assert_eq!(ping(&servers[0], renewed["overlayToken"].as_str().unwrap()).await.status, 201);
    assert_eq!(seen().await, servers[0].now());
}

/// An operator deactivates an account directly in the store.
#[tokio::test]
async fn a_deactivated_streamer_is_off_screen_everywhere() {
    let first = TestServer::start().await;
    let (streamer, _) = first.streamer_in(2).await;
    let servers = two_servers(first, &[&streamer.token]).await;
    for server in &servers {
        assert_eq!(server.data(&streamer.token).await["kind"], "campaign");
        assert_eq!(click(server, &streamer).await["outcome"], "counted");
    }
    servers[0].deactivate(streamer.user.id).await;
    for server in &servers {
        let is_off = async || server.data(&streamer.token).await["reason"] == "streamer-inactive";
        soon("nothing is on the screen", is_off).await;
        let refused = async || click(server, &streamer).await["reason"] == "nothing-on-screen";
        soon("clicks are refused", refused).await;
    }
    servers[0].assert_reconciled().await;
}

#[tokio::test]
async fn a_test_ad_sent_through_one_server_is_shown_and_known_by_the_other() {
    let first = TestServer::start().await;
    let (streamer, _) = first.streamer_in(1).await;
    let servers = two_servers(first, &[&streamer.token]).await;
    for (number, title) in [(1, "One"), (0, "Two")] {
        let ad = json!({"testCampaign": {"title": title}});
        let sent = servers[number].post_as(&streamer, "/api/v1/users/me/overlay/test", ad).await;
        assert_eq!((sent.status, &sent.json()["success"]), (201, &json!(true)), "{}", sent.body);
        for server in &servers {
            soon("the ad is shown", async || server.data(&streamer.token).await["title"] == title).await;
            let known = async || click(server, &streamer).await["reason"] == "test-ad";
            soon("a click is known to be on a test ad", known).await;
        }
        servers[0].clock.advance_seconds(11);
        for server in &servers {
            assert_eq!(server.data(&streamer.token).await["kind"], "campaign");
        }
    }
    servers[0].assert_reconciled().await;
}

/// The server through which the settings are changed has the next decision at once. The other server has the same decision soon.
#[tokio::test]
async fn selection_settings_changed_through_one_server_end_the_decision_in_both() {
    let first = TestServer::start().await;
    let (streamer, _) = first.streamer_in(3).await;
    let servers = two_servers(first, &[&streamer.token]).await;
    let mut last = servers[0].data(&streamer.token).await;
    for (number, strategy) in [(0, "weighted"), (1, "performance"), (0, "fair-rotation"), (1, "weighted")] {
        servers[number].choose(&streamer, json!({"campaignSelectionStrategy": strategy})).await;
        let next = servers[number].data(&streamer.token).await;
        assert_eq!((&next["strategy"], &next["kind"]), (&json!(strategy), &json!("campaign")));
        assert_ne!(next["decisionId"], last["decisionId"]);
        let other = &servers[1 - number];
        soon("the same decision", async || other.data(&streamer.token).await == next).await;
        last = next;
    }
}

/// The token of a new participation works at once, and a paused participation leaves the screen soon.
#[tokio::test]
async fn participations_are_as_the_store_has_them() {
    let first = TestServer::start().await;
    let streamer = first.streamer().await;
    let servers = two_servers(first, &[&streamer.token]).await;
    let campaign = servers[0].campaign().await;
    let joined = servers[0].join(&streamer, &campaign).await;
    let token = joined.browser_source_token.expose();
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    for (from, to, kind) in [(active, paused, "empty"), (paused, active, "campaign")] {
        let storage = &servers[0].storage;
        assert!(storage.participations.transition(joined.id, from, to, servers[0].now()).await.unwrap());
        for server in &servers {
            soon(kind, async || server.data(token).await["kind"] == kind).await;
        }
    }
}
