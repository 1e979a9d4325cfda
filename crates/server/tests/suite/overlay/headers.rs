//! Rules for every answer: origins, headers, slashes and methods.

use reqwest::{Method, header::IF_NONE_MATCH};
use serde_json::json;

use super::{data_of, page_of};
use crate::support::{Reply, TestServer};

#[tokio::test]
async fn only_the_configured_origin_may_read_the_answers() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let ask = |method: Method, path: &str, origin: &str| {
        let request = server.client.request(method, server.url(path)).header("Origin", origin);
        let request = request.header("Access-Control-Request-Headers", "authorization,content-type");
        Reply::of(request.header("Access-Control-Request-Method", "PUT"))
    };
    let settings = "/api/v1/users/me/overlay";
    for (path, method) in [(settings, Method::GET), (settings, Method::OPTIONS)] {
        let own = ask(method.clone(), path, "http://localhost:3000").await;
        assert_eq!(own.status, if method == Method::GET { 401 } else { 200 });
        assert_eq!(own.header("access-control-allow-origin"), "http://localhost:3000");
        assert_eq!(own.header("access-control-allow-credentials"), "true");
        assert!(own.header("vary").to_lowercase().contains("origin"));
        for foreign in ["http://localhost:3001", "https://localhost:3000", "http://evil.example", "null"] {
            let reply = ask(method.clone(), path, foreign).await;
            assert_eq!(reply.header("access-control-allow-origin"), "", "{foreign}");
            assert!(method == Method::GET || reply.status >= 400, "{foreign}");
        }
    }
    // The configured origin may read a screen with credentials, too.
    let screen = ask(Method::GET, &data_of(&streamer.token), "http://localhost:3000").await;
    assert_eq!(screen.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(screen.header("access-control-allow-credentials"), "true");
    let preflight = ask(Method::OPTIONS, settings, "http://localhost:3000").await;
    assert!(preflight.header("access-control-allow-methods").contains("PUT"));
    assert!(preflight.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn every_answer_forbids_sniffing_and_referrers() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let data = server.get(&data_of(&streamer.token)).await;
    let known = server.client.get(server.url(&data_of(&streamer.token)));
    let mut replies = vec![Reply::of(known.header(IF_NONE_MATCH, data.header("etag"))).await, data];
    assert_eq!(replies[0].status, 304);
    for path in [
        page_of(&streamer.token),
        page_of("unknown"),
        data_of("unknown"),
        format!("{}/qr", page_of(&streamer.token)),
        "/c/unknown".to_owned(),
        "/nowhere".to_owned(),
        "/health/ready".to_owned(),
        "/api/v1/users/me".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ] {
        replies.push(server.get(&path).await);
    }
    replies.push(server.post(&format!("{}/ping", page_of(&streamer.token)), json!({})).await);
    for reply in replies {
        let found = (reply.header("x-content-type-options"), reply.header("referrer-policy"));
        assert_eq!(found, ("nosniff", "no-referrer"), "{} {}", reply.status, reply.body);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_and_a_look_at_the_headers_are_answered_alike() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    for path in [page_of(&streamer.token), data_of(&streamer.token)] {
        let plain = server.get(&path).await;
        let slash = server.get(&format!("{path}/")).await;
        assert_eq!((slash.status, &slash.body), (200, &plain.body));
        let head = Reply::of(server.client.head(server.url(&path))).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        for name in ["content-type", "etag", "cache-control", "content-security-policy"] {
            assert_eq!(head.header(name), plain.header(name), "{name}");
        }
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let reply = Reply::of(server.client.request(method, server.url(&path))).await;
            reply.assert_error(405, "METHOD_NOT_ALLOWED");
            assert_eq!(reply.header("allow"), "GET, HEAD");
        }
    }
}

/// Answers with private data or a token must not be cached.
#[tokio::test]
async fn private_answers_are_kept_by_nobody() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    server.data(&streamer.token).await;
    let me = "/api/v1/users/me";
    let mut replies = vec![server.get(me).await];
    for path in ["", "/overlay", "/overlay/status", "/campaign-selection"] {
        replies.push(server.get_as(&streamer, &format!("{me}{path}")).await);
    }
    replies.push(server.get_as(&streamer, "/api/v1/campaigns/streamer/active").await);
    for path in ["/overlay", "/campaign-selection"] {
        replies.push(server.put_as(&streamer, &format!("{me}{path}"), json!({})).await);
    }
    for path in ["/overlay/test", "/overlay/regenerate"] {
        replies.push(server.post_as(&streamer, &format!("{me}{path}"), json!({})).await);
    }
    let (streamer, _) = server.streamer_in(1).await;
    server.data(&streamer.token).await;
    for path in ["ping", "click", "click/chat"] {
        replies.push(server.post(&format!("{}/{path}", page_of(&streamer.token)), json!({})).await);
    }
    for path in ["", "/qr", "/chat-command"] {
        replies.push(server.get(&format!("{}{path}", page_of(&streamer.token))).await);
    }
    for path in ["/nowhere", "/health/ready", "/c/unknown"] {
        replies.push(server.get(path).await);
    }
    for reply in replies {
        assert_eq!(reply.header("cache-control"), "no-store", "{} {}", reply.status, reply.body);
    }
    assert_eq!(server.get(&data_of(&streamer.token)).await.header("cache-control"), "private, no-cache");
}
