//! The list of the campaigns that a streamer has joined.

use gametriggers_types::{CampaignStatus, MediaType, Money, ParticipationId, ParticipationStatus};
use serde_json::{Value, json};

use crate::support::{Streamer, TestServer};

const JOINED: &str = "/api/v1/campaigns/streamer/active";

async fn joined(server: &TestServer, streamer: &Streamer, query: &str) -> Vec<Value> {
    let reply = server.get_as(streamer, &format!("{JOINED}{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_value(reply.json()).unwrap()
}

/// The ids of the participations in a list.
fn ids(list: &[Value]) -> Vec<ParticipationId> {
    list.iter().map(|pair| pair["participation"]["_id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_joined_campaign_comes_with_the_streamers_part_in_it() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let campaign = server
        .campaign_with(|campaign| {
            campaign.title = "RGB Gaming Keyboard".to_owned();
            campaign.description = Some("Clicks that light up".to_owned());
            campaign.media_type = MediaType::Video;
            campaign.categories = vec!["gaming".to_owned()];
            campaign.languages = vec!["English".to_owned(), "हिन्दी".to_owned()];
            campaign.start_date = Some("2026-11-01T00:00:00Z".parse().unwrap());
        })
        .await;
    server.join(&streamer, &campaign).await;
    let list = joined(&server, &streamer, "").await;
    let hex = |length: usize| {
        insta::dynamic_redaction(move |value, _| {
            let text = value.as_str().unwrap();
            assert!(text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
            format!("[{length} hexadecimal digits]")
        })
    };
    insta::assert_json_snapshot!(list, {
        "[].campaign._id" => hex(24),
        "[].campaign.brandId" => hex(24),
        "[].campaign.mediaUrl" => "[address]",
        "[].campaign.clickUrl" => "[address]",
        "[].participation._id" => hex(24),
        "[].participation.campaignId" => hex(24),
        "[].participation.streamerId" => hex(24),
        "[].participation.browserSourceToken" => hex(64),
        "[].participation.browserSourceUrl" => "/api/v1/overlay/[browserSourceToken]",
    });
    let participation = &list[0]["participation"];
    let token = participation["browserSourceToken"].as_str().unwrap();
    assert_eq!(participation["browserSourceUrl"], format!("/api/v1/overlay/{token}"));
    assert_eq!(participation["campaignId"], list[0]["campaign"]["_id"]);
    assert_eq!(participation["streamerId"], streamer.user.id.to_string());
    assert_eq!(server.get(&format!("/api/v1/overlay/{token}")).await.status, 200);
}

#[tokio::test]
async fn counters_and_money_are_those_of_the_ledger() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    server.display(&streamer.token, &shown).await.assert_event("counted", None);
    for kind in ["overlay", "overlay", "overlay", "chat", "qr", "qr", "link"] {
        let path = format!("/api/v1/overlay/{}/click/{kind}", streamer.token);
        server.post(&path, json!({})).await.assert_event("counted", None);
    }
    let visit = server.get(&format!("/c/{}?src=link", shown["participationId"].as_str().unwrap())).await;
    assert_eq!(visit.status, 302, "{}", visit.body);
    // A visit is recorded after the visitor was led on.
    server.visits.settled().await;
    let command = server.get(&format!("/api/v1/overlay/{}/chat-command", streamer.token)).await;
    let list = joined(&server, &streamer, "").await;
    let participation = &list[0]["participation"];
    let counters = json!({
        "impressions": 1, "clicks": 8, "chatClicks": 1, "qrScans": 2, "linkClicks": 2, "visits": 1,
        "estimatedEarnings": 1, "chatCommand": command.json()["command"],
    });
    for (counter, value) in counters.as_object().unwrap() {
        assert_eq!(&participation[counter], value, "{counter}");
    }
    assert_eq!(
        (&list[0]["campaign"]["budget"], &list[0]["campaign"]["remainingBudget"]),
        (&json!(1_000), &json!(999))
    );
    server.assert_reconciled().await;
}

/// Defect P15: the previous system hid paused participations, so that a streamer could not resume them.
#[tokio::test]
async fn p15_what_is_paused_is_listed_and_what_has_ended_is_not() {
    let server = TestServer::start().await;
    let (streamer, running) = server.streamer_in(1).await;
    let mut expected = vec![(running[0].id, "active", "active")];
    let storage = &server.storage;
    for status in ParticipationStatus::ALL.iter().skip(1) {
        let campaign = server.campaign().await;
        let id = server.join(&streamer, &campaign).await.id;
        let active = ParticipationStatus::Active;
        assert!(storage.participations.transition(id, active, *status, server.now()).await.unwrap());
        if matches!(status, ParticipationStatus::Paused | ParticipationStatus::ParticipationPaused) {
            expected.push((id, status.as_str(), "active"));
        }
    }
    for status in CampaignStatus::ALL.iter().filter(|status| **status != CampaignStatus::Active) {
        let campaign = server.campaign_with(|campaign| campaign.status = *status).await;
        let id = server.join(&streamer, &campaign).await.id;
        if *status == CampaignStatus::Paused {
            expected.push((id, "active", "paused"));
        }
    }
    // Neither the dates nor the money of a campaign end a participation.
    let early =
        server.campaign_with(|it| it.start_date = Some("2027-01-01T00:00:00Z".parse().unwrap())).await;
    let poor = server.campaign_with(|it| it.remaining_budget = Money::ZERO).await;
    for campaign in [early, poor] {
        expected.push((server.join(&streamer, &campaign).await.id, "active", "active"));
    }
    let list = joined(&server, &streamer, "").await;
    let statuses = list.iter().map(|pair| {
        (pair["participation"]["status"].as_str().unwrap(), pair["campaign"]["status"].as_str().unwrap())
    });
    let found: Vec<_> =
        ids(&list).into_iter().zip(statuses).map(|(id, (one, other))| (id, one, other)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_list_comes_in_pages_of_at_most_a_hundred_in_a_stable_order() {
    let server = TestServer::start().await;
    let (streamer, all) = server.streamer_in(103).await;
    let all: Vec<_> = all.iter().map(|participation| participation.id).collect();
    for (query, expected) in [
        ("", &all[..100]),
        ("?page=1", &all[..100]),
        ("?page=2", &all[100..]),
        ("?limit=100&page=2", &all[100..]),
        ("?page=3", &[]),
        ("?limit=1", &all[..1]),
        ("?limit=10&page=2", &all[10..20]),
        ("?limit=10&page=11", &all[100..]),
        ("?limit=100&page=4294967295", &[]),
    ] {
        assert_eq!(ids(&joined(&server, &streamer, query).await), expected, "{query}");
    }
}

/// Defect A9: the previous system showed everybody's earnings to any caller.
#[tokio::test]
async fn a9_only_the_callers_own_participations_are_listed() {
    let server = TestServer::start().await;
    let (one, of_one) = server.streamer_in(2).await;
    let (other, of_other) = server.streamer_in(1).await;
    let newcomer = server.streamer().await;
    let common = server.campaign().await;
    let (of_one_too, of_other_too) = (server.join(&one, &common).await, server.join(&other, &common).await);
    assert_eq!(ids(&joined(&server, &one, "").await), [of_one[0].id, of_one[1].id, of_one_too.id]);
    assert_eq!(ids(&joined(&server, &other, "").await), [of_other[0].id, of_other_too.id]);
    assert_eq!(joined(&server, &newcomer, "").await, Vec::<Value>::new());
}
