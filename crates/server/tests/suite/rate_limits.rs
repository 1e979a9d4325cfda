//! Rate limits on expensive requests.

use gametriggers::LimitSettings;
use gametriggers_fixtures::eventually;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Reply, TestServer};

/// A small limit. One request comes back after 60 / 4 seconds, which is longer than a test runs.
const FEW: u32 = 4;
const SELECTION: &str = "/api/v1/users/me/campaign-selection";
const ORIGIN: &str = "http://localhost:3000";

/// Sends a request of a page of another origin, as a proxy forwards it for this address.
async fn from(address: &str, request: RequestBuilder) -> Reply {
    Reply::of(request.header("X-Forwarded-For", address).header("Origin", ORIGIN)).await
}

/// Fails unless the reply refuses the request for now, in a form that a page of another origin can read.
#[track_caller]
fn assert_limited(reply: &Reply) {
    assert_eq!(reply.status, 429, "{}", reply.body);
    let wait: u32 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(reply.header("access-control-allow-origin"), ORIGIN);
}

#[track_caller]
fn assert_limited_with_code(reply: &Reply) {
    assert_limited(reply);
    reply.assert_error(429, "RATE_LIMITED");
}

/// Without this limit, the store would be asked for every unknown token.
#[tokio::test]
async fn unknown_tokens_of_one_address_are_soon_no_longer_looked_up_and_watched_screens_go_on() {
    let limits = LimitSettings { unknown_tokens_per_minute: FEW, ..LimitSettings::default() };
    let server = TestServer::start_limited(limits).await;
    let (streamer, _) = server.streamer_in(1).await;
    let (watched, unwatched) = (&streamer.token, server.streamer().await.token);
    let data = |token: &str| server.client.get(server.url(&format!("/api/v1/overlay/{token}/data")));
    let ping = |token: &str| server.client.post(server.url(&format!("/api/v1/overlay/{token}/ping")));
    assert_eq!(from("203.0.113.7", data(watched)).await.status, 200);
    let unknown = |number: u32| format!("{number:064}");
    from("203.0.113.7", data("no,token")).await.assert_error(404, "UNKNOWN_TOKEN");
    for number in 0..FEW - 1 {
        from("203.0.113.7", data(&unknown(number))).await.assert_error(404, "UNKNOWN_TOKEN");
    }
    for number in 0..2 {
        // The second of these requests exceeds the limit, so refusals begin with the next one. The token of a page is looked up
        // like any other.
        let page = server.client.get(server.url(&format!("/api/v1/overlay/{}", unknown(number))));
        assert_eq!(from("203.0.113.7", page).await.status, 404);
    }
    let click = server.client.post(server.url(&format!("/api/v1/campaigns/click/{}", unknown(7))));
    for refused in [data(&unknown(8)), ping(&unknown(8)), click, data(&unwatched)] {
        assert_limited_with_code(&from("203.0.113.7", refused).await);
    }
    // Pages are still answered with pages. The overlay page is transparent and tries again.
    for path in ["/api/v1/overlay/{}", "/api/overlay/{}", "/api/v1/overlay/{}/click"] {
        let page = server.client.get(server.url(&path.replace("{}", &unknown(9))));
        let page = from("203.0.113.7", page).await;
        assert_limited(&page);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
    // Other addresses are not affected, and neither is a screen in memory.
    from("203.0.113.8", data(&unknown(8))).await.assert_error(404, "UNKNOWN_TOKEN");
    assert_eq!(from("203.0.113.8", data(&unwatched)).await.status, 200);
    eventually("a screen that others watch goes on", async || {
        assert_eq!(from("203.0.113.8", data(watched)).await.status, 200);
        (from("203.0.113.7", data(watched)).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_are_limited_under_each_token_and_not_by_address() {
    let limits = LimitSettings { events_per_minute: FEW, ..LimitSettings::default() };
    let server = TestServer::start_limited(limits).await;
    let ((one, _), (other, _)) = (server.streamer_in(1).await, server.streamer_in(1).await);
    let post = |path: String| server.client.post(server.url(&path)).json(&json!({}));
    for streamer in [&one, &other] {
        let token = &streamer.token;
        server.data(token).await;
        for number in 0..FEW {
            let click = post(format!("/api/v1/overlay/{token}/click/chat"));
            from(&format!("203.0.113.{number}"), click).await.assert_event("counted", None);
        }
        for path in [
            format!("/api/v1/overlay/{token}/click"),
            format!("/api/v1/campaigns/click/{token}"),
            format!("/api/v1/campaigns/impression/{token}"),
        ] {
            assert_limited_with_code(&from("203.0.113.9", post(path)).await);
        }
        let ping = post(format!("/api/v1/overlay/{token}/ping"));
        assert_eq!(from("203.0.113.9", ping).await.status, 201, "a ping is no event");
        assert_eq!(server.get(&format!("/api/v1/overlay/{token}/data")).await.status, 200);
    }
    server.assert_reconciled().await;
}

#[tokio::test]
async fn visits_and_qr_codes_are_limited_by_address_and_one_64_is_one_address() {
    let limits =
        LimitSettings { visits_per_minute: FEW, qr_codes_per_minute: FEW, ..LimitSettings::default() };
    let server = TestServer::start_limited(limits).await;
    let (streamer, joined) = server.streamer_in(1).await;
    server.data(&streamer.token).await;
    let link = format!("/c/{}", joined[0].id);
    let codes = [
        format!("{link}/qr"),
        format!("/api/v1/overlay/{}/qr", streamer.token),
        format!("/api/v1/overlay/{}/qr.png", streamer.token),
        format!("/api/v1/overlay/{}/qr.svg", streamer.token),
    ];
    let get = |path: &str| server.client.get(server.url(path));
    for number in 0..FEW {
        let reply = from(&format!("2001:db8::{number}"), get(&link)).await;
        assert!([200, 302].contains(&reply.status), "{}", reply.body);
        assert_eq!(from(&format!("2001:db8::{number}"), get(&codes[number as usize])).await.status, 200);
    }
    let refused = from("2001:db8::ffff", get(&link)).await;
    assert_limited(&refused);
    assert_eq!(refused.header("content-type"), "text/html; charset=utf-8", "it is a viewer who reads it");
    for code in &codes {
        assert_limited_with_code(&from("2001:db8::ffff", get(code)).await);
        assert_eq!(from("2001:db8:0:1::", get(code)).await.status, 200);
    }
    assert_ne!(from("2001:db8:0:1::", get(&link)).await.status, 429);
}

#[tokio::test]
async fn changes_of_settings_are_limited_by_account_and_a_preflight_is_none() {
    let limits = LimitSettings { settings_changes_per_minute: FEW, ..LimitSettings::default() };
    let server = TestServer::start_limited(limits).await;
    let (one, other) = (server.streamer().await, server.streamer().await);
    for _ in 0..2 * FEW {
        let preflight =
            server.client.request(Method::OPTIONS, server.url(SELECTION)).header("Origin", ORIGIN);
        let reply = Reply::of(preflight.header("Access-Control-Request-Method", "PUT")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let requests = [
        (Method::PUT, SELECTION, json!({})),
        (Method::PUT, "/api/v1/users/me/overlay", json!({})),
        (Method::POST, "/api/v1/users/me/overlay/test", json!({})),
        (Method::POST, "/api/v1/users/me/overlay/regenerate", json!({})),
    ];
    let send = async |streamer, number: usize| {
        let (method, path, body) = &requests[number];
        let request = server.client.request(method.clone(), server.url(path)).json(body);
        server.as_user(streamer, request.header("Origin", ORIGIN)).await
    };
    for streamer in [&one, &other] {
        for number in 0..requests.len() {
            let reply = send(streamer, number).await;
            assert!([200, 201].contains(&reply.status), "{}", reply.body);
        }
        for number in 0..requests.len() {
            assert_limited_with_code(&send(streamer, number).await);
        }
        assert_eq!(server.get_as(streamer, SELECTION).await.status, 200, "to look is no change");
    }
}

/// A limit of 0 means "no limit".
#[tokio::test]
async fn without_a_limit_there_is_none() {
    let limits = LimitSettings {
        unknown_tokens_per_minute: 0,
        qr_codes_per_minute: 0,
        events_per_minute: 0,
        visits_per_minute: 0,
        settings_changes_per_minute: 0,
        ..LimitSettings::default()
    };
    let server = TestServer::start_limited(limits).await;
    for number in 0..200 {
        server.get(&format!("/api/v1/overlay/{number:064}/data")).await.assert_error(404, "UNKNOWN_TOKEN");
    }
}
