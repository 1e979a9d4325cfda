//! No event is lost, no event is counted twice, and no budget is overspent.

use futures_util::{StreamExt, stream};
use gametriggers_fixtures::units;
use gametriggers_types::Money;
use serde_json::json;

use crate::support::{Reply, TestServer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clicks_at_64_connections_count_a_thousand() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    let shown = server.data(&streamer.token).await;
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    let replies: Vec<Reply> = stream::iter(0..1_000)
        .map(|_| server.post(&path, json!({"receipt": shown["receipt"]})))
        .buffer_unordered(64)
        .collect()
        .await;
    for reply in &replies {
        reply.assert_event("counted", None);
    }
    let id = shown["participationId"].as_str().unwrap().parse().unwrap();
    assert_eq!(server.stored_participation(id).await.counters.clicks, 1_000);
    server.assert_reconciled().await;
}

/// An event counts once, however its id is given. Another kind of click with the same id is another event.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_event_id_sent_a_hundred_times_counts_once() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(2).await;
    let shown = server.data(&streamer.token).await;
    let path = format!("/api/v1/overlay/{}/click/chat", streamer.token);
    let outcomes: Vec<String> = stream::iter(0..100)
        .map(|place| {
            let request = server.client.post(server.url(&path));
            let request = if place % 2 == 0 {
                request.json(&json!({"eventId": "chat-message-1"}))
            } else {
                request.header("Idempotency-Key", "chat-message-1")
            };
            async { Reply::of(request).await.json()["outcome"].as_str().unwrap().to_owned() }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "counted").count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "duplicate").count(), 99);
    let path = format!("/api/v1/overlay/{}/click/link", streamer.token);
    server.post(&path, json!({"eventId": "chat-message-1"})).await.assert_event("counted", None);
    let id = shown["participationId"].as_str().unwrap().parse().unwrap();
    let counters = server.stored_participation(id).await.counters;
    assert_eq!((counters.clicks, counters.chat_clicks, counters.link_clicks), (2, 1, 1));
    server.assert_reconciled().await;
}

/// Defects M2 and M6: the previous system overspent budgets by 1,250 % under load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m6_money_for_ten_impressions_pays_ten_of_fifty() {
    let server = TestServer::start().await;
    let campaign = server.campaign_with(|it| it.remaining_budget = units(10.0)).await;
    let mut shown = Vec::new();
    for _ in 0..50 {
        let streamer = server.streamer().await;
        let participation = server.join(&streamer, &campaign).await;
        let data = server.data(&streamer.token).await;
        shown.push((streamer, participation, data));
    }
    let replies: Vec<Reply> = stream::iter(&shown)
        .map(|(streamer, _, data)| server.display(&streamer.token, data))
        .buffer_unordered(50)
        .collect()
        .await;
    let (counted, rejected): (Vec<_>, Vec<_>) =
        replies.iter().partition(|reply| reply.json()["outcome"] == "counted");
    assert_eq!((counted.len(), rejected.len()), (10, 40));
    for reply in rejected {
        reply.assert_event("rejected", Some("budget-exhausted"));
    }
    assert_eq!(server.stored_campaign(campaign.id).await.remaining_budget, Money::ZERO);
    let mut earned = Money::ZERO;
    for (streamer, participation, data) in &shown {
        earned += server.stored_participation(participation.id).await.counters.earnings;
        // The reason is stored with the event: a repetition gets the same one.
        let again = server.display(&streamer.token, data).await.json();
        assert_eq!(again["outcome"], "duplicate");
    }
    assert_eq!(earned, units(10.0));
    server.assert_reconciled().await;
}

/// Defect M3: the previous system billed impressions by page load. Here the display of one decision counts once.
#[tokio::test]
async fn m3_a_display_counts_once_whatever_the_caller_sends() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    let path = format!("/api/v1/campaigns/impression/{}", streamer.token);
    server.post(&path, json!({})).await.assert_event("counted", None);
    for body in [
        json!({"eventId": "a"}),
        json!({"eventId": "b", "receipt": shown["receipt"]}),
        json!({"receipt": shown["receipt"]}),
        json!({}),
    ] {
        server.post(&path, body).await.assert_event("duplicate", None);
    }
    for _ in 0..5 {
        server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
    }
    let id = shown["participationId"].as_str().unwrap().parse().unwrap();
    let counters = server.stored_participation(id).await.counters;
    assert_eq!((counters.impressions, counters.earnings), (1, units(1.0)));
    assert_eq!(
        server.stored_campaign(shown["campaignId"].as_str().unwrap().parse().unwrap()).await.remaining_budget,
        units(999.0)
    );
    server.assert_reconciled().await;
}

/// Clicks under a streamer's own token are reported by the person who would earn, so they count and are never paid.
#[tokio::test]
async fn clicks_of_every_kind_are_counted_and_never_paid() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    for kind in ["click", "click/overlay", "click/chat", "click/qr", "click/link"] {
        server
            .post(&format!("/api/v1/overlay/{}/{kind}", streamer.token), json!({}))
            .await
            .assert_event("counted", None);
    }
    let id = shown["participationId"].as_str().unwrap().parse().unwrap();
    let counters = server.stored_participation(id).await.counters;
    assert_eq!(
        (counters.clicks, counters.chat_clicks, counters.qr_scans, counters.link_clicks),
        (5, 1, 1, 1)
    );
    assert_eq!((counters.earnings, counters.impressions), (Money::ZERO, 0));
    server.assert_reconciled().await;
}
