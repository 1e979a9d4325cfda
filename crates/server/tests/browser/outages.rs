//! Nobody reloads the page in OBS, so it must survive every failure.

use gametriggers_fixtures::eventually;
use gametriggers_services::new_token;
use serde_json::json;

use crate::support::{
    Browser, TestServer,
    media::{NIMBUS, SECOND_TRY_VIDEO, VOLT},
};

/// The tolerance of measured times. The page measures when it sends a request, and answers take a moment.
const TOLERANCE: f64 = 20.0;

/// Defect O4: the page of an unknown token did not work until it was reloaded by hand.
#[tokio::test]
async fn o4_the_page_of_an_unknown_token_is_transparent_and_wakes_up_by_itself() {
    let server = TestServer::start().await;
    let token = new_token().unwrap();
    let browser = Browser::open(&server.overlay(token.expose())).await;
    let status = "return performance.getEntriesByType('navigation')[0].responseStatus;";
    assert_eq!(browser.eval::<u16>(status, &[]).await, 404);
    browser.mark().await;
    browser.assert_dark().await;
    browser.polls(1).await;
    browser.assert_dark().await;

    let streamer = server.streamer_with(|user| user.overlay_token = Some(token)).await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    browser.shows(NIMBUS).await;
    browser.assert_never_reloaded().await;
    server.until_displays(&joined, 1).await;
}

/// Defect O3: the page reloaded itself every five seconds, and each reload was paid.
#[tokio::test]
async fn o3_while_the_server_is_away_the_page_keeps_its_slot_and_asks_ever_more_seldom() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let first = server.join_with(&streamer, NIMBUS).await;
    let second = server.join_with(&streamer, VOLT).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    browser.mark().await;
    server.until_displays(&first, 1).await;

    let server = server.stop().await;
    let asked = async || browser.requests("/data").await;
    let failed = async || asked().await.into_iter().filter(|request| request.status == 0).collect::<Vec<_>>();
    let failures =
        eventually("two attempts fail", async || Some(failed().await).filter(|failures| failures.len() == 2))
            .await;
    browser.shows(NIMBUS).await;

    server.clock.advance_seconds(180);
    let server = server.start().await;
    browser.shows(VOLT).await;
    browser.assert_never_reloaded().await;
    server.until_displays(&second, 1).await;
    assert_eq!(server.credited(&first).await.impressions, 1);

    let answered = asked().await.into_iter().find(|request| request.at > failures[1].at).unwrap();
    let pauses = [failures[1].at - failures[0].at, answered.at - failures[1].at];
    assert!(pauses[0] >= 5_000.0 - TOLERANCE && pauses[1] >= 10_000.0 - TOLERANCE, "{pauses:?}");
}

/// After the slot it is unknown whether the campaign may still be shown, and nobody would pay for it.
#[tokio::test]
async fn when_the_slot_is_over_and_the_server_away_the_screen_clears_and_fills_again() {
    let server = TestServer::start_behind().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    browser.mark().await;
    server.until_displays(&joined, 1).await;

    let server = server.stop().await;
    browser.goes_dark().await;
    let server = server.start().await;
    browser.shows(NIMBUS).await;
    browser.assert_never_reloaded().await;
    // For the server it is still the same decision.
    browser.polls(1).await;
    assert_eq!(server.credited(&joined).await.impressions, 1);
}

/// While media are loading or fail, the stream shows neither an empty coloured box nor a broken picture.
#[tokio::test]
async fn media_that_are_slow_or_fail_show_nothing_count_nothing_and_are_tried_again() {
    let server = TestServer::start().await;
    let settings =
        json!({"position": "top-left", "size": "large", "opacity": 100, "backgroundColor": "#f00"});
    let streamer =
        server.streamer_with(|user| user.overlay = serde_json::from_value(settings).unwrap()).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    let joined = server.join_with(&streamer, SECOND_TRY_VIDEO).await;
    eventually("the media are asked for", async || {
        browser.eval::<bool>("return document.querySelector('video') !== null;", &[]).await.then_some(())
    })
    .await;
    browser.assert_dark().await;
    eventually("the media fail", async || {
        (!browser.requests(SECOND_TRY_VIDEO).await.is_empty()).then_some(())
    })
    .await;
    browser.assert_dark().await;
    assert_eq!(browser.reports().await, 0);

    browser.shows(SECOND_TRY_VIDEO).await;
    server.until_displays(&joined, 1).await;
}
