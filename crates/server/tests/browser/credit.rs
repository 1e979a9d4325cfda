//! The reports of the page, and the campaigns to which they are credited.

use gametriggers_domain::model::Participation;
use gametriggers_fixtures::eventually;
use serde_json::json;

use crate::support::{
    Browser, Streamer, TestServer,
    media::{NIMBUS, VOLT},
};

const STATUS: &str = "/api/v1/users/me/overlay/status";
const TEST_AD: &str = "/api/v1/users/me/overlay/test";
const TEST_AD_PICTURE: &str = "/api/v1/test-ad.svg";

async fn assert_displays(server: &TestServer, expected: &[(&Participation, u64)]) {
    for (participation, displays) in expected {
        assert_eq!(server.credited(participation).await.impressions, *displays);
    }
    server.assert_reconciled().await;
}

/// Defect M3: the previous system paid for every page load.
#[tokio::test]
async fn m3_a_display_counts_once_however_long_it_lasts_and_however_often_the_page_is_loaded() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    server.until_displays(&joined, 1).await;
    browser.polls(2).await;
    assert_eq!(browser.reports().await, 1);
    assert_eq!(browser.console().await, Vec::<String>::new());

    browser.client.refresh().await.unwrap();
    browser.shows(NIMBUS).await;
    // The new page cannot know that the display was reported. The server knows it.
    eventually("the display is reported", async || (browser.reports().await == 1).then_some(())).await;
    browser.polls(1).await;
    assert_displays(&server, &[(&joined, 1)]).await;
}

/// Defect M4: most events were credited to another campaign than the one on screen.
#[tokio::test]
async fn m4_the_next_campaign_appears_without_a_reload_and_each_gets_its_own_displays() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let first = server.join_with(&streamer, NIMBUS).await;
    let second = server.join_with(&streamer, VOLT).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    browser.mark().await;
    server.until_displays(&first, 1).await;

    server.clock.advance_seconds(180);
    browser.shows(VOLT).await;
    server.until_displays(&second, 1).await;
    assert_displays(&server, &[(&first, 1), (&second, 1)]).await;

    server.clock.advance_seconds(180);
    browser.shows(NIMBUS).await;
    server.until_displays(&first, 2).await;
    assert_displays(&server, &[(&first, 2), (&second, 1)]).await;
    assert_eq!(browser.reports().await, 3);
    browser.assert_never_reloaded().await;
}

/// Defect O9: the page did not notice another campaign with the same media, so clicks went to the previous one.
#[tokio::test]
async fn o9_a_campaign_with_the_same_media_gets_its_own_displays_and_clicks() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let first = server.join_with(&streamer, NIMBUS).await;
    let second = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    server.until_displays(&first, 1).await;

    server.clock.advance_seconds(180);
    server.until_displays(&second, 1).await;
    browser.click("#overlay").await;
    eventually("the click is credited", async || (server.credited(&second).await.clicks == 1).then_some(()))
        .await;
    assert_eq!(server.credited(&first).await.clicks, 0);
    assert_displays(&server, &[(&first, 1), (&second, 1)]).await;
}

/// Defect O2: a page with one kind of token pinged with the other kind and was reported as inactive.
#[tokio::test]
async fn o2_a_loaded_page_is_active_and_a_click_on_it_counts_once_by_either_kind_of_token() {
    let server = TestServer::start().await;
    let browser = Browser::start().await;
    for by_participation in [false, true] {
        let streamer = server.streamer().await;
        let joined = server.join_with(&streamer, NIMBUS).await;
        let other = server.join_with(&streamer, VOLT).await;
        assert_eq!(server.get_as(&streamer, STATUS).await["active"], false);
        // The token of either participation addresses the streamer's screen, whatever its own campaign is.
        let token = if by_participation { other.browser_source_token.expose() } else { &streamer.token };
        browser.client.goto(&server.overlay(token)).await.unwrap();
        browser.shows(NIMBUS).await;
        until_active(&server, &streamer).await;

        browser.click("#overlay").await;
        eventually("the click is credited", async || {
            (server.credited(&joined).await.clicks > 0).then_some(())
        })
        .await;
        browser.polls(1).await;
        assert_eq!(server.credited(&joined).await.clicks, 1);
        assert_eq!(server.credited(&other).await.clicks, 0);
    }
    server.assert_reconciled().await;
}

/// Defect O8: a test ad never appeared while a campaign was on screen.
#[tokio::test]
async fn o8_a_test_ad_takes_the_place_of_the_campaign_and_counts_nothing() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    server.until_displays(&joined, 1).await;
    until_active(&server, &streamer).await;

    assert_eq!(server.post_as(&streamer, TEST_AD, json!({})).await["success"], true);
    browser.shows(TEST_AD_PICTURE).await;
    browser.click("#overlay").await;
    eventually("the click is judged", async || {
        browser.requests("/click").await.first().map(|click| assert_eq!(click.status, 201))
    })
    .await;

    server.clock.advance_seconds(10);
    browser.shows(NIMBUS).await;
    let credited = server.credited(&joined).await;
    assert_eq!((credited.impressions, credited.clicks), (1, 0));
    assert_eq!(browser.reports().await, 1);
}

async fn until_active(server: &TestServer, streamer: &Streamer) {
    eventually("the overlay is active", async || {
        (server.get_as(streamer, STATUS).await["active"] == true).then_some(())
    })
    .await;
}
