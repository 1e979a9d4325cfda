//! The content of the screen, its place, and changes of settings without a reload.

use gametriggers_fixtures::eventually;
use gametriggers_types::ParticipationStatus;
use serde_json::json;

use crate::support::{
    Browser, Sight, TestServer,
    media::{NIMBUS, ORBIT_VIDEO},
};

const SETTINGS: &str = "/api/v1/users/me/overlay";
const SELECTION: &str = "/api/v1/users/me/campaign-selection";

/// Compares lengths, which the browser computes in fractions of a pixel.
fn close(length: f64, wanted: f64) -> bool {
    (length - wanted).abs() < 0.5
}

fn is_in_corner(sight: &Sight, position: &str) -> bool {
    let (vertical, horizontal) = position.split_once('-').unwrap();
    let vertical = if vertical == "top" { sight.top } else { sight.bottom };
    let horizontal = if horizontal == "left" { sight.left } else { sight.right };
    close(vertical, 10.0) && close(horizontal, 10.0)
}

#[tokio::test]
async fn a_picture_is_in_the_corner_and_size_of_the_settings() {
    let server = TestServer::start().await;
    let browser = Browser::start().await;
    for (position, size, screen, width) in [
        ("top-left", "small", (800, 600), 160.0),
        ("bottom-right", "medium", (800, 600), 240.0),
        ("top-right", "large", (800, 600), 320.0),
        ("bottom-left", "small", (1920, 1080), 200.0),
        ("top-left", "medium", (1920, 1080), 300.0),
        ("bottom-right", "large", (1920, 1080), 400.0),
        // The source is too low for the whole picture, so the picture is scaled down.
        ("bottom-right", "large", (800, 120), 320.0),
    ] {
        let settings = json!({
            "position": position, "size": size, "opacity": 50, "backgroundColor": "#336699",
        });
        let streamer =
            server.streamer_with(|user| user.overlay = serde_json::from_value(settings).unwrap()).await;
        server.join_with(&streamer, NIMBUS).await;
        browser.resize(screen).await;
        browser.client.goto(&server.overlay(&streamer.token)).await.unwrap();

        let sight = browser.shows(NIMBUS).await;
        assert!(is_in_corner(&sight, position) && close(sight.width, width), "{position} {size}: {sight:?}");
        assert!(sight.top >= 9.5 && sight.bottom >= 9.5, "cut off: {sight:?}");
        let colour = "return getComputedStyle(document.getElementById('overlay')).backgroundColor;";
        assert_eq!(browser.eval::<String>(colour, &[]).await, "rgb(51, 102, 153)");

        let picture = browser.screenshot().await;
        let (left, top) =
            (sight.left + sight.width / 2.0, f64::midpoint(sight.top, f64::from(screen.1) - sight.bottom));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place on the screen
        let alpha = picture.get_pixel(left as u32, top as u32)[3];
        assert!((126..=129).contains(&alpha), "half transparent, but alpha is {alpha}");
        let middle = picture.get_pixel(screen.0 / 2, screen.1 / 2);
        assert_eq!(middle[3], 0, "the rest of the screen is transparent");
    }
}

#[tokio::test]
async fn a_video_plays_silently_again_and_again_and_on_into_the_next_slot() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, ORBIT_VIDEO).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(ORBIT_VIDEO).await;
    let [muted, again, running]: [bool; 3] = browser
        .eval(
            "window.__video = document.querySelector('video');
             return [__video.muted, __video.loop, !__video.paused];",
            &[],
        )
        .await;
    assert!(muted && again && running, "muted {muted}, loop {again}, running {running}");
    let before: f64 = browser.eval("return __video.currentTime;", &[]).await;
    eventually("the video moves on", async || {
        let moved = "return __video.currentTime !== arguments[0];";
        browser.eval::<bool>(moved, &[before.into()]).await.then_some(())
    })
    .await;
    server.until_displays(&joined, 1).await;

    // The streamer has only one campaign, so the next slot shows it, too.
    server.clock.advance_seconds(180);
    server.until_displays(&joined, 2).await;
    let plays_on = "return __video.isConnected && !__video.paused;";
    assert!(browser.eval::<bool>(plays_on, &[]).await, "the video was interrupted");
    server.assert_reconciled().await;
}

/// Defect O10: changed settings were visible only after a reload, which never came.
#[tokio::test]
async fn o10_changed_settings_are_seen_without_a_reload() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    let sight = browser.shows(NIMBUS).await;
    assert!(is_in_corner(&sight, "bottom-right") && close(sight.width, 240.0), "{sight:?}");
    browser.mark().await;

    let settings =
        json!({"position": "top-left", "size": "large", "opacity": 100, "backgroundColor": "#0f08"});
    server.put_as(&streamer, SETTINGS, settings).await;
    browser.sees(NIMBUS, |sight| is_in_corner(sight, "top-left") && close(sight.width, 320.0)).await;
    let look = "const { opacity, backgroundColor } = getComputedStyle(document.getElementById('overlay'));
                return `${opacity} ${backgroundColor}`;";
    assert_eq!(browser.eval::<String>(look, &[]).await, "1 rgba(0, 255, 0, 0.533)");
    browser.assert_never_reloaded().await;
    // It is still the same display.
    assert_eq!(browser.reports().await, 1);
    assert_eq!(server.credited(&joined).await.impressions, 1);
}

/// Defect O7: with nothing to show, the stream showed a picture from another host.
#[tokio::test]
async fn o7_a_pause_and_a_blackout_leave_the_screen_transparent() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let joined = server.join_with(&streamer, NIMBUS).await;
    let browser = Browser::open(&server.overlay(&streamer.token)).await;
    browser.shows(NIMBUS).await;
    browser.mark().await;

    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::Paused);
    let participations = &server.storage.participations;
    assert!(participations.transition(joined.id, active, paused, server.now()).await.unwrap());
    browser.goes_dark().await;
    assert!(participations.transition(joined.id, paused, active, server.now()).await.unwrap());
    browser.shows(NIMBUS).await;

    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let always = json!([{"startTime": "00:00", "endTime": "24:00", "days": days}]);
    let blackouts = |periods| json!({"campaignRotationSettings": {"blackoutPeriods": periods}});
    server.put_as(&streamer, SELECTION, blackouts(always)).await;
    browser.goes_dark().await;
    server.put_as(&streamer, SELECTION, blackouts(json!([]))).await;
    browser.shows(NIMBUS).await;
    browser.assert_never_reloaded().await;
    server.until_displays(&joined, 3).await;
    server.assert_reconciled().await;
}
