//! The QR code and the chat command of the campaign on screen.

use gametriggers_domain::model::Participation;
use gametriggers_types::WebUrl;
use reqwest::header::ACCEPT;
use serde_json::json;

use super::{assert_leads, counters, joined, link};
use crate::support::{Reply, TestServer};

fn of(token: &str, what: &str) -> String {
    format!("/api/v1/overlay/{token}/{what}")
}

fn read_qr(width: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let shade = |x, y| if is_dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, width, shade);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

fn read_png(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/png"), "{}", reply.body);
    let image = image::load_from_memory(&reply.bytes).unwrap().to_luma8();
    assert!(image.width() >= 300 && image.height() == image.width());
    let at = |place: usize| u32::try_from(place).unwrap();
    read_qr(image.width() as usize, |x, y| image.get_pixel(at(x), at(y)).0[0] < 128)
}

/// Reads the QR code. The drawing is a white square and one path with `M<x> <y>h<width>v<height>…` for each dark rectangle.
fn read_svg(reply: &Reply) -> String {
    assert_eq!((reply.status, reply.header("content-type")), (200, "image/svg+xml"), "{}", reply.body);
    let numbers = |text: &str| -> Vec<usize> {
        text.split(|sign: char| !sign.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    };
    let width = numbers(reply.body.split_once("viewBox=\"").unwrap().1)[2];
    assert!(width >= 300);
    let dark = reply.body.rsplit_once("d=\"M").unwrap().1.split_once('"').unwrap().0;
    let mut shades = vec![false; width * width];
    for square in dark.split('M').map(numbers) {
        for y in square[1]..square[1] + square[3] {
            shades[y * width + square[0]..][..square[2]].fill(true);
        }
    }
    read_qr(width, |x, y| shades[y * width + x])
}

/// Defects O12 and O14: the picture was written to a place that nothing served, and the link in it was answered with 404.
#[tokio::test]
async fn o14_the_qr_code_is_a_picture_that_leads_to_the_sponsor() {
    let server = TestServer::start().await;
    let (streamer, campaign, participation) = joined(&server, |_| {}).await;
    server.data(&streamer.token).await;
    let expected = server.url(&format!("{}?src=qr", link(&participation)));
    for (path, accept, svg) in [
        ("qr", None, false),
        ("qr", Some("image/png"), false),
        ("qr", Some("*/*"), false),
        ("qr", Some("text/html,*/*;q=0.8"), false),
        ("qr", Some("image/png,image/svg+xml;q=0.9"), false),
        ("qr", Some("image/svg+xml"), true),
        ("qr", Some("image/png;q=0.5,image/svg+xml"), true),
        ("qr.png", Some("image/svg+xml"), false),
        ("qr.svg", None, true),
        ("qr.svg", Some("image/png"), true),
    ] {
        for token in [&streamer.token, participation.browser_source_token.expose()] {
            let request = server.client.get(server.url(&of(token, path)));
            let request = accept.into_iter().fold(request, |request, accept| request.header(ACCEPT, accept));
            let reply = Reply::of(request).await;
            let read = if svg { read_svg(&reply) } else { read_png(&reply) };
            assert_eq!(read, expected, "{path} {accept:?}");
            assert_eq!(reply.header("cache-control"), "no-store");
        }
    }
    assert_leads(&Reply::of(server.client.get(expected)).await, &campaign);
    assert_eq!(counters(&server, &participation).await.qr_scans, 1);
}

/// Defects O13 and O15: the command held a link without a target, and a screen without a campaign caused errors.
#[tokio::test]
async fn o15_links_are_of_the_campaign_on_screen_and_decide_nothing() {
    let server = TestServer::start().await;
    let (streamer, _, participation) = joined(&server, |_| {}).await;
    let all = ["qr", "qr.png", "qr.svg", "chat-command", "chat-command.txt"];
    for what in all {
        server.get(&of(&streamer.token, what)).await.assert_error(404, "NOTHING_ON_SCREEN");
        server.get(&of("unknown", what)).await.assert_error(404, "UNKNOWN_TOKEN");
    }
    assert_eq!(server.storage.decisions.find_latest(streamer.user.id).await.unwrap(), None);

    server.data(&streamer.token).await;
    let chat = server.get(&of(&streamer.token, "chat-command")).await;
    let url = server.url(&format!("{}?src=chat", link(&participation)));
    assert_eq!(
        (chat.status, chat.json()),
        (200, json!({"command": format!("!sponsor Check out our sponsor: {url}")}))
    );

    // A test ad is no campaign, even if a campaign continues behind it.
    server.post(&of(&streamer.token, "ping"), json!({})).await;
    let test = server.post_as(&streamer, "/api/v1/users/me/overlay/test", json!({})).await;
    assert_eq!(test.json()["success"], true);
    for what in all {
        server.get(&of(&streamer.token, what)).await.assert_error(404, "NOTHING_ON_SCREEN");
    }
    server.clock.advance_seconds(10);
    assert_eq!(server.get(&of(&streamer.token, "chat-command")).await.status, 200);

    let always = json!([{"startTime": "00:00", "endTime": "24:00", "days": ["friday"]}]);
    server.choose(&streamer, json!({"campaignRotationSettings": {"blackoutPeriods": always}})).await;
    for what in all {
        server.get(&of(&streamer.token, what)).await.assert_error(404, "NOTHING_ON_SCREEN");
    }
    let latest = server.storage.decisions.find_latest(streamer.user.id).await.unwrap().unwrap();
    assert_eq!(latest.id.ordinal, 1);
}

/// Defect O13: tracking links were set on an object that was not stored, or stored with an example host.
#[tokio::test]
async fn o13_tracking_links_are_stored_when_missing_and_when_the_public_url_changes() {
    let server = TestServer::start().await;
    let moved = |url: &'static str| {
        server.beside_with(move |settings| settings.public_url = Some(WebUrl::parse(url).unwrap()))
    };
    let (streamer, _, joined) = joined(&server, |_| {}).await;
    server.data(&streamer.token).await;
    assert_eq!(server.stored_participation(joined.id).await.tracking.tracking_url, None);
    for (instance, base, what) in [
        (&server, server.url(""), "qr"),
        (&moved("https://sponsors.example/").await, "https://sponsors.example".to_owned(), "chat-command"),
        (&moved("https://example.com/ads").await, "https://example.com/ads".to_owned(), "qr.svg"),
        (&server, server.url(""), "chat-command"),
    ] {
        assert_eq!(instance.get(&of(&streamer.token, what)).await.status, 200);
        let stored = server.stored_participation(joined.id).await;
        let tracking_url = format!("{base}/c/{}", joined.id);
        assert_eq!(stored.tracking.qr_code_url, Some(format!("{tracking_url}/qr")));
        let command = format!("!sponsor Check out our sponsor: {tracking_url}?src=chat");
        assert_eq!(stored.tracking.chat_command, Some(command));
        assert_eq!(stored.tracking.tracking_url, Some(tracking_url));
        let untouched = Participation { tracking: joined.tracking.clone(), ..stored };
        assert_eq!(Participation { updated_at: joined.updated_at, ..untouched }, joined);
    }
}

/// The QR code of a participation needs no token and no screen, so it still works after a new token.
#[tokio::test]
async fn o19_the_stored_address_of_a_qr_code_outlives_the_tokens_of_before() {
    let server = TestServer::start().await;
    let (streamer, _, participation) = joined(&server, |_| {}).await;
    server.data(&streamer.token).await;
    server.get(&of(&streamer.token, "qr")).await;
    let stored = server.stored_participation(participation.id).await.tracking.qr_code_url.unwrap();
    let path = stored.strip_prefix(&server.url("")).unwrap();
    server.clock.advance_seconds(1);
    assert_eq!(server.post_as(&streamer, "/api/v1/users/me/overlay/regenerate", json!({})).await.status, 201);
    server
        .get(&of(participation.browser_source_token.expose(), "qr"))
        .await
        .assert_error(404, "UNKNOWN_TOKEN");
    let expected = server.url(&format!("{}?src=qr", link(&participation)));
    assert_eq!(read_png(&server.get(path).await), expected);
    for unknown in ["/c/6864d4ee7d06a675f2abb716/qr", "/c/not-an-id/qr"] {
        server.get(unknown).await.assert_error(404, "UNKNOWN_LINK");
    }
}

/// Chat bots print what they fetch. They cannot use JSON, and their users choose only the address.
#[tokio::test]
async fn a_chat_bot_gets_the_command_as_text() {
    const TEXT: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";
    let server = TestServer::start().await;
    let (streamer, _, participation) = joined(&server, |_| {}).await;
    server.data(&streamer.token).await;
    let command = format!(
        "!sponsor Check out our sponsor: {}",
        server.url(&format!("{}?src=chat", link(&participation)))
    );
    for (path, accept, content_type) in [
        ("chat-command", None, JSON),
        ("chat-command", Some("*/*"), JSON),
        ("chat-command", Some("application/json, text/plain, */*"), JSON),
        ("chat-command", Some("text/plain"), TEXT),
        ("chat-command", Some("text/*;q=0.9, */*;q=0.1"), TEXT),
        ("chat-command", Some("application/json;q=0.5, text/plain"), TEXT),
        ("chat-command", Some("text/html,application/xhtml+xml,*/*;q=0.8"), JSON),
        ("chat-command.txt", None, TEXT),
        ("chat-command.txt", Some("*/*"), TEXT),
    ] {
        let request = server.client.get(server.url(&of(&streamer.token, path)));
        let reply =
            Reply::of(accept.into_iter().fold(request, |request, accept| request.header(ACCEPT, accept)));
        let reply = reply.await;
        let found = (reply.status, reply.header("content-type"), reply.header("cache-control"));
        assert_eq!(found, (200, content_type, "no-store"), "{path} {accept:?}");
        if content_type == TEXT {
            assert_eq!(reply.body, command);
        } else {
            assert_eq!(reply.json(), json!({"command": command}));
        }
    }
}
