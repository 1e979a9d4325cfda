//! The page as streamers of the previous system have it in OBS: through the previous front end, which forwards only the page,
//! `/data`, `/ping` and `/click`.

use gametriggers_fixtures::eventually;
use serde_json::json;

use crate::support::{
    Browser, FrontEnd, TestServer,
    media::{NIMBUS, VOLT},
};

/// The front end answered the report of a display with 404, so the picture was shown and nothing was counted.
#[tokio::test]
async fn displays_and_clicks_count_through_the_previous_front_end() {
    let server = TestServer::start().await;
    let front_end = FrontEnd::start(server.url(""));
    let streamer = server.streamer().await;
    // The media do not come through the front end, because it forwards none.
    let first = server.join_with(&streamer, &server.url(NIMBUS)).await;
    let second = server.join_with(&streamer, &server.url(VOLT)).await;
    let browser = Browser::open(&front_end.url(&format!("/api/overlay/{}", streamer.token))).await;
    browser.shows(NIMBUS).await;
    browser.mark().await;
    // The display is reported at once and not with the next ping after 30 seconds.
    server.until_displays(&first, 1).await;
    let at = "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/ping'))[1].startTime;";
    assert!(browser.eval::<f64>(at, &[]).await < 30_000.0);

    browser.click("#overlay").await;
    eventually("the click is credited", async || (server.credited(&first).await.clicks == 1).then_some(()))
        .await;
    let status = server.get_as(&streamer, "/api/v1/users/me/overlay/status").await;
    assert_eq!(status["active"], true);

    server.clock.advance_seconds(180);
    browser.shows(VOLT).await;
    server.until_displays(&second, 1).await;
    browser.polls(2).await;
    assert_eq!(browser.reports().await, 2);
    assert_eq!(server.credited(&first).await.impressions, 1);
    assert_eq!(server.credited(&second).await.impressions, 1);
    browser.assert_never_reloaded().await;
    server.assert_reconciled().await;
}

/// The settings page shows a test ad on the streamer's own screen and changes the overlay settings.
#[tokio::test]
async fn the_settings_page_reaches_a_screen_behind_the_previous_front_end() {
    let server = TestServer::start().await;
    let front_end = FrontEnd::start(server.url(""));
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, &server.url(NIMBUS)).await;
    let browser = Browser::open(&front_end.url(&format!("/api/overlay/{}", streamer.token))).await;
    browser.shows(NIMBUS).await;
    server.until_displays(&joined, 1).await;

    let settings =
        json!({"position": "top-left", "size": "small", "opacity": 50, "backgroundColor": "#102030"});
    server.put_as(&streamer, "/api/v1/users/me/overlay", settings).await;
    browser.sees(NIMBUS, |sight| sight.left < 20.0 && sight.top < 20.0).await;

    let ad = json!({"title": "Mine", "mediaUrl": server.url(VOLT), "mediaType": "image", "link": "https://brand.example"});
    let body = json!({"overlayToken": streamer.token, "testCampaign": ad});
    let sent = server.post_as(&streamer, "/api/v1/users/me/overlay/test", body).await;
    assert_eq!(sent["success"], true);
    browser.shows(VOLT).await;
    server.clock.advance_seconds(10);
    browser.shows(NIMBUS).await;
    assert_eq!(server.credited(&joined).await.impressions, 1);
}
