//! An empty screen is kept in memory like any other, and whatever fills it is shown soon.

use gametriggers_fixtures::soon;
use gametriggers_types::{CampaignStatus, ParticipationStatus};
use serde_json::json;

use super::two_servers;
use crate::support::{Field, Streamer, TestServer};

async fn kind(server: &TestServer, streamer: &Streamer) -> String {
    server.data(&streamer.token).await["kind"].as_str().unwrap().to_owned()
}

/// Starts a second server and lets both keep the streamer's empty screen in memory.
async fn two_that_know_it_empty(first: TestServer, streamer: &Streamer) -> [TestServer; 2] {
    let servers = two_servers(first, &[&streamer.token]).await;
    for server in &servers {
        soon("nothing is on the screen", async || kind(server, streamer).await == "empty").await;
    }
    servers
}

async fn is_filled_soon(servers: &[TestServer; 2], streamer: &Streamer, what: &str) {
    for server in servers {
        soon(what, async || kind(server, streamer).await == "campaign").await;
    }
}

#[tokio::test]
async fn a_join_fills_an_empty_screen() {
    let first = TestServer::start().await;
    let streamer = first.streamer().await;
    let servers = two_that_know_it_empty(first, &streamer).await;
    let campaign = servers[0].campaign().await;
    servers[0].join(&streamer, &campaign).await;
    is_filled_soon(&servers, &streamer, "the campaign that was joined").await;
}

/// This happens in an import, whose files may come in any order.
#[tokio::test]
async fn a_campaign_that_comes_after_those_who_joined_it_fills_their_screens() {
    let first = TestServer::start().await;
    let streamer = first.streamer().await;
    let campaign = first.new_campaign();
    first.join(&streamer, &campaign).await;
    let servers = two_that_know_it_empty(first, &streamer).await;
    servers[0].store_campaign(&campaign).await;
    is_filled_soon(&servers, &streamer, "the campaign that has come").await;
}

#[tokio::test]
async fn a_participation_or_campaign_that_goes_on_fills_an_empty_screen() {
    let first = TestServer::start().await;
    let (streamer, joined) = first.streamer_in(1).await;
    let storage = first.storage.clone();
    let (participation, now) = (&joined[0], first.now());
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    assert!(storage.participations.transition(participation.id, active, paused, now).await.unwrap());
    let servers = two_that_know_it_empty(first, &streamer).await;
    assert!(storage.participations.transition(participation.id, paused, active, now).await.unwrap());
    is_filled_soon(&servers, &streamer, "the participation goes on").await;

    let (active, paused, id) = (CampaignStatus::Active, CampaignStatus::Paused, participation.campaign_id);
    assert!(storage.campaigns.transition(id, active, paused, now).await.unwrap());
    let [first, _] = servers;
    let servers = two_that_know_it_empty(first, &streamer).await;
    assert!(storage.campaigns.transition(id, paused, active, now).await.unwrap());
    is_filled_soon(&servers, &streamer, "the campaign goes on").await;
}

/// An operator changes the money, the media and the account directly in the store.
#[tokio::test]
async fn what_an_operator_mends_fills_an_empty_screen() {
    let first = TestServer::start().await;
    let (streamer, joined) = first.streamer_in(1).await;
    let campaign = joined[0].campaign_id.to_string();
    let store = first.store.clone();
    store.set_one(Field::CAMPAIGN_REMAINING, &campaign, 0).await;
    let servers = two_that_know_it_empty(first, &streamer).await;
    store.set_one(Field::CAMPAIGN_REMAINING, &campaign, 5_000_000).await;
    // The MongoDB backend does not tell a change of the remaining budget alone.
    store.set_one(Field::CAMPAIGN_TITLE, &campaign, "Funded again").await;
    is_filled_soon(&servers, &streamer, "the budget was raised").await;

    store.set_one(Field::CAMPAIGN_MEDIA_URL, &campaign, "javascript:alert(1)").await;
    let [first, _] = servers;
    let servers = two_that_know_it_empty(first, &streamer).await;
    store.set_one(Field::CAMPAIGN_MEDIA_URL, &campaign, "https://media.example.com/mended.png").await;
    is_filled_soon(&servers, &streamer, "its media can be shown").await;

    let [first, _] = servers;
    first.deactivate(streamer.user.id).await;
    let servers = two_that_know_it_empty(first, &streamer).await;
    store.set_one(Field::USER_IS_ACTIVE, &streamer.user.id.to_string(), true).await;
    is_filled_soon(&servers, &streamer, "the account is active again").await;
}

/// The store tells no change that comes by time alone, and such a change is shown without delay.
#[tokio::test]
async fn a_campaign_that_begins_and_a_blackout_that_ends_fill_an_empty_screen_at_once() {
    let first = TestServer::start().await;
    let streamer = first.streamer().await;
    let begins = "2026-11-20T12:00:00Z".parse().unwrap();
    let campaign = first.campaign_with(|it| it.start_date = Some(begins)).await;
    first.join(&streamer, &campaign).await;
    let servers = two_that_know_it_empty(first, &streamer).await;
    for (time, expected) in [("11:59:59.999Z", "empty"), ("12:00:00Z", "campaign")] {
        servers[0].clock.set(&format!("2026-11-20T{time}"));
        for server in &servers {
            assert_eq!(kind(server, &streamer).await, expected, "{time}");
        }
    }

    let blackout = |end: &str| {
        json!({"campaignRotationSettings": {
            "blackoutPeriods": [{"startTime": "11:00", "endTime": end, "days": ["friday"]}],
        }})
    };
    servers[0].choose(&streamer, blackout("13:00")).await;
    let [first, _] = servers;
    let servers = two_that_know_it_empty(first, &streamer).await;
    for (time, expected) in [("12:59:59.999Z", "empty"), ("13:00:00Z", "campaign")] {
        servers[0].clock.set(&format!("2026-11-20T{time}"));
        for server in &servers {
            assert_eq!(kind(server, &streamer).await, expected, "{time}");
        }
    }

    servers[0].choose(&streamer, blackout("14:00")).await;
    let [first, _] = servers;
    let servers = two_that_know_it_empty(first, &streamer).await;
    servers[1].choose(&streamer, blackout("13:00")).await;
    is_filled_soon(&servers, &streamer, "the blackout was ended").await;
}
