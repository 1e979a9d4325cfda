//! Requests of the previous system's client, and answers that it reads: its front end's proxy, its settings page and its media.

use std::fs;

use gametriggers_fixtures::units;
use gametriggers_http::Uploads;
use gametriggers_types::WebUrl;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{FrontEnd, Reply, Streamer, TestServer, TestStore};

const STATUS: &str = "/api/v1/users/me/overlay/status";

async fn ping(server: &TestServer, prefix: &str, token: &str, body: Value) -> Reply {
    server.post(&format!("{prefix}/overlay/{token}/ping"), body).await
}

/// The proxy of the previous front end forwarded no path by which the page could report a display, so the picture was shown and
/// nothing was counted.
#[tokio::test]
async fn a_display_is_proven_by_a_ping_with_its_receipt() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(2).await;
    let shown = server.data(&streamer.token).await;
    let receipt = json!({"receipt": shown["receipt"]});
    let participation = &shown["participationId"];
    for (token, prefix, outcome) in [
        (streamer.token.as_str(), "/api/v1", "counted"),
        (streamer.token.as_str(), "/api", "duplicate"),
        (joined[1].browser_source_token.expose(), "/api/v1", "duplicate"),
    ] {
        let reply = ping(&server, prefix, token, receipt.clone()).await;
        let display =
            json!({"success": true, "outcome": outcome, "reason": null, "participationId": participation});
        assert_eq!(reply.status, 201, "{}", reply.body);
        let answer = reply.json();
        assert_eq!(answer["success"], true);
        for (field, value) in display.as_object().unwrap() {
            assert_eq!(&answer["display"][field], value, "{field}");
        }
    }
    // The old endpoint does not count the same display again, and a ping without a receipt counts nothing.
    server.display(&streamer.token, &shown).await.assert_event("duplicate", None);
    assert_eq!(ping(&server, "/api/v1", &streamer.token, json!({})).await.json(), json!({"success": true}));
    server.clock.advance_seconds(180);
    let next = server.data(&streamer.token).await;
    assert_ne!(next["decisionId"], shown["decisionId"]);
    assert_eq!(ping(&server, "/api/v1", &streamer.token, Value::Null).await.json(), json!({"success": true}));
    let id = next["participationId"].as_str().unwrap().parse().unwrap();
    assert_eq!(server.stored_participation(id).await.counters.impressions, 0);
    let id = participation.as_str().unwrap().parse().unwrap();
    assert_eq!(server.stored_participation(id).await.counters.impressions, 1);
    server.assert_reconciled().await;
}

/// A ping notes that the overlay is loaded, even if its receipt is invalid.
#[tokio::test]
async fn a_ping_whose_receipt_is_refused_is_still_a_sign_of_life() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let campaign = server.campaign_with(|it| it.remaining_budget = units(0.5)).await;
    server.join(&streamer, &campaign).await;
    let active = async || server.get_as(&streamer, STATUS).await.json()["active"].take();
    let forged = json!({"receipt": "d1.forged"});
    ping(&server, "/api/v1", &streamer.token, forged).await.assert_error(400, "RECEIPT_INVALID");
    assert_eq!(active().await, true);
    server.clock.advance_seconds(120);
    assert_eq!(active().await, false);
    ping(&server, "/api/v1", "unknown", json!({})).await.assert_error(404, "UNKNOWN_TOKEN");
    ping(&server, "/api/v1", &streamer.token, json!({"recipt": "d1.x"}))
        .await
        .assert_error(400, "VALIDATION_FAILED");
    assert_eq!(active().await, false);
}

/// The page works through the proxy of the previous front end, which forwards four paths and no header.
#[tokio::test]
async fn the_flow_of_the_page_through_the_old_front_end_counts_displays_and_clicks() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let front_end = FrontEnd::start(server.url(""));
    let at = |rest: &str| front_end.url(&format!("/api/overlay/{}{rest}", streamer.token));
    let page = Reply::of(server.client.get(at(""))).await;
    assert_eq!((page.status, page.body.contains("<script>")), (200, true));
    let data = Reply::of(server.client.get(at("/data"))).await.json();
    let receipt = json!({"receipt": data["receipt"]});
    let old_way = front_end.url(&format!("/api/campaigns/impression/{}", streamer.token));
    assert_eq!(Reply::of(server.client.post(old_way).json(&receipt)).await.status, 404);
    let ping = Reply::of(server.client.post(at("/ping")).json(&receipt)).await;
    assert_eq!((ping.status, &ping.json()["display"]["outcome"]), (200, &json!("counted")));
    let click = json!({"receipt": data["receipt"], "eventId": "1"});
    let click = Reply::of(server.client.post(at("/click")).json(&click)).await;
    assert_eq!((click.status, &click.json()["outcome"]), (200, &json!("counted")));
    let id = data["participationId"].as_str().unwrap().parse().unwrap();
    let counters = server.stored_participation(id).await.counters;
    assert_eq!((counters.impressions, counters.clicks), (1, 1));
    assert_eq!(server.get_as(&streamer, STATUS).await.json()["active"], true);
    server.assert_reconciled().await;
}

/// Streamers pasted addresses without the version.
#[tokio::test]
async fn the_routes_of_a_screen_are_the_same_without_the_version() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    for rest in ["", "/data", "/qr", "/qr.svg", "/chat-command", "/click"] {
        let with = server.get(&format!("/api/v1/overlay/{}{rest}", streamer.token)).await;
        let without = server.get(&format!("/api/overlay/{}{rest}", streamer.token)).await;
        assert!(with.status < 400, "{rest}: {}", with.body);
        assert_eq!((without.status, &without.bytes), (with.status, &with.bytes), "{rest}");
        for header in ["content-type", "etag", "location", "cache-control", "content-security-policy"] {
            assert_eq!(without.header(header), with.header(header), "{rest} {header}");
        }
        let unknown = server.get(&format!("/api/overlay/unknown{rest}")).await;
        assert_eq!(unknown.status, 404);
    }
    for rest in ["ping", "click", "click/chat"] {
        assert_eq!(
            server.post(&format!("/api/overlay/{}/{rest}", streamer.token), json!({})).await.status,
            201
        );
    }
    server
        .post(&format!("/api/overlay/{}/data", streamer.token), json!({}))
        .await
        .assert_error(405, "METHOD_NOT_ALLOWED");
    server.get("/api/users/me").await.assert_error(404, "ROUTE_NOT_FOUND");
}

/// A page of any origin may show a screen if it has the token. A page that was opened from a file has the origin `null`.
#[tokio::test]
async fn a_page_of_any_origin_may_call_the_routes_of_a_screen_without_credentials() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let token = &streamer.token;
    for (method, path) in [
        ("GET", format!("/api/v1/overlay/{token}/data")),
        ("GET", format!("/api/overlay/{token}/data")),
        ("POST", format!("/api/v1/overlay/{token}/ping")),
        ("POST", format!("/api/v1/overlay/{token}/click")),
        ("POST", format!("/api/v1/campaigns/impression/{token}")),
        ("POST", format!("/api/v1/campaigns/click/{token}")),
        ("GET", "/api/v1/overlay/unknown/data".to_owned()),
    ] {
        for origin in ["null", "https://anybody.example"] {
            let preflight = server.client.request(reqwest::Method::OPTIONS, server.url(&path));
            let preflight =
                preflight.header("Origin", origin).header("Access-Control-Request-Method", method);
            let headers = "content-type,if-none-match,idempotency-key";
            let preflight = Reply::of(preflight.header("Access-Control-Request-Headers", headers)).await;
            assert_eq!(preflight.status, 200, "{method} {path} {origin}: {}", preflight.body);
            let request = server.client.request(method.parse().unwrap(), server.url(&path));
            let reply = Reply::of(request.header("Origin", origin)).await;
            for reply in [&preflight, &reply] {
                assert_eq!(reply.header("access-control-allow-origin"), "*", "{method} {path} {origin}");
                assert_eq!(reply.header("access-control-allow-credentials"), "", "{method} {path} {origin}");
            }
        }
    }
    // Endpoints with an account allow only the configured origins.
    let foreign = server.client.get(server.url("/api/v1/users/me")).header("Origin", "null");
    assert_eq!(Reply::of(foreign).await.header("access-control-allow-origin"), "");
}

async fn with_uploads(uploads: Option<Uploads>) -> TestServer {
    TestServer::start_with(TestStore::create().await, |settings| settings.uploads = uploads).await
}

/// Media of the previous system have addresses on this server.
#[tokio::test]
async fn old_uploads_are_served_from_a_folder() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("media")).unwrap();
    for name in ["a b.png", "media/clip.MP4", "page.html", ".hidden.png"] {
        fs::write(folder.path().join(name), format!("the bytes of {name}")).unwrap();
    }
    fs::write(folder.path().with_extension("png"), "outside").unwrap();
    let outside = folder.path().with_extension("png");
    let server = with_uploads(Some(Uploads::In(folder.path().to_owned()))).await;
    for (path, content_type) in
        [("/uploads/a%20b.png", "image/png"), ("/uploads/media/clip.MP4?v=2", "video/mp4")]
    {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, content_type), "{}", reply.body);
        assert!(reply.body.starts_with("the bytes of "));
        assert!(reply.header("cache-control").contains("max-age"));
        assert_eq!(reply.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        let head = Reply::of(server.client.head(server.url(path))).await;
        assert_eq!((head.status, head.header("content-type"), head.body.as_str()), (200, content_type, ""));
        let part = server.client.get(server.url(path)).header("Range", "bytes=4-8");
        let part = Reply::of(part).await;
        assert_eq!((part.status, part.body.as_str()), (206, "bytes"));
    }
    let name = outside.file_name().unwrap().to_str().unwrap();
    for path in ["page.html", ".hidden.png", "media", "nothing.png", &format!("..%2f{name}"), "a%00.png"] {
        server.get(&format!("/uploads/{path}")).await.assert_error(404, "UPLOAD_NOT_FOUND");
    }
    let wrong = Reply::of(server.client.delete(server.url("/uploads/media/clip.MP4"))).await;
    wrong.assert_error(405, "METHOD_NOT_ALLOWED");
    fs::remove_file(outside).unwrap();
}

#[tokio::test]
async fn whoever_asks_for_old_uploads_is_sent_to_where_they_are() {
    let base = WebUrl::parse("https://old.example/files/").unwrap();
    let server = with_uploads(Some(Uploads::At(base))).await;
    for (path, target) in [
        ("/uploads/a%20b.png", "https://old.example/files/a%20b.png"),
        ("/uploads/media/clip.mp4?v=2", "https://old.example/files/media/clip.mp4?v=2"),
        ("/uploads///evil.example/x.png", "https://old.example/files/evil.example/x.png"),
    ] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.header("location")), (302, target));
    }
    let without = TestServer::start().await;
    let reply = without.get("/uploads/a.png").await;
    reply.assert_error(404, "UPLOAD_NOT_FOUND");
    assert!(reply.body.contains("media.uploads"), "{}", reply.body);
}

/// Scripts that monitored the previous system request these paths.
#[tokio::test]
async fn the_root_and_the_prefix_answer() {
    let server = TestServer::start().await;
    for path in ["/", "/api/v1", "/api/v1/"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
        assert_eq!(Reply::of(server.client.head(server.url(path))).await.status, 200, "{path}");
    }
}

/// The previous client shows null as the first of January 1970.
#[tokio::test]
async fn what_is_not_known_is_missing_where_the_previous_system_left_it_out() {
    fn assert_no_null(value: &Value, place: &str) {
        match value {
            Value::Null => panic!("{place} is null"),
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| assert_no_null(value, &format!("{place}.{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| assert_no_null(item, place)),
            _ => {}
        }
    }
    let server = TestServer::start().await;
    let streamer: Streamer = server.streamer().await;
    let campaign = server.campaign_with(|it| (it.click_url, it.description) = (None, None)).await;
    server.join(&streamer, &campaign).await;
    let path = "/api/v1/campaigns/streamer/active";
    let reply = server.get_as(&streamer, path).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_no_null(&reply.json(), path);
}
