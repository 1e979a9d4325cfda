//! Unknown tokens and ids.

use super::{Refusal, Stage, send_raw};

const UNKNOWN: Refusal<'_> = (404, "UNKNOWN_TOKEN", "copy the overlay URL from your settings again");

const TOKEN_ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/v1/overlay/{}/data"),
    ("GET", "/api/v1/overlay/{}/qr"),
    ("GET", "/api/v1/overlay/{}/qr.png"),
    ("GET", "/api/v1/overlay/{}/qr.svg"),
    ("GET", "/api/v1/overlay/{}/chat-command"),
    ("POST", "/api/v1/overlay/{}/ping"),
    ("POST", "/api/v1/overlay/{}/click"),
    ("POST", "/api/v1/overlay/{}/click/qr"),
    ("POST", "/api/v1/campaigns/click/{}"),
    ("POST", "/api/v1/campaigns/impression/{}"),
];

/// Texts that take the place of the token in the address, sent as they are.
const JUNK: &[&str] = &[
    "unknown",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "..",
    "%2e%2e",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "%ff%fe",
    "%F0%9F%98%80",
    "%C2%B2",
    "a%20b",
    "%",
    "%zz",
    "%2500",
    "a;b=c",
    "'%20OR%20'1'='1",
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "null",
    "{}",
];

/// Texts that are nearly the streamer's token, and texts that are far too long.
fn spoilt(token: &str) -> Vec<String> {
    vec![
        token[..63].to_owned(),
        format!("{token}0"),
        format!("{token}%00"),
        format!("%20{token}"),
        format!("{token}{token}{token}"),
        "a".repeat(129),
        "a".repeat(10_000),
    ]
}

#[tokio::test]
async fn a_token_of_nobody_is_a_404_on_every_route_of_tokens() {
    let stage = Stage::new().await;
    let spoilt = spoilt(&stage.streamer.token);
    for token in JUNK.iter().copied().chain(spoilt.iter().map(String::as_str)) {
        for (method, route) in TOKEN_ROUTES {
            let path = route.replace("{}", token);
            stage.assert_refused(&path, &send_raw(&stage.server, method, &path).await, UNKNOWN);
        }
    }
    stage.assert_untouched().await;
}

/// Defect O4: an unknown token was answered with 200 and a page that never tried again.
#[tokio::test]
async fn o4_the_page_of_a_token_of_nobody_is_transparent_and_tries_again() {
    let stage = Stage::new().await;
    let spoilt = spoilt(&stage.streamer.token);
    for token in JUNK.iter().copied().chain(spoilt.iter().map(String::as_str)) {
        let page = send_raw(&stage.server, "GET", &format!("/api/v1/overlay/{token}")).await;
        assert_eq!(page.status, 404, "{token}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{token}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{token}");
        assert!(page.body.contains("background: transparent"), "{token}");
        assert!(page.body.contains(r#"id="state">null</script>"#), "{token}: {}", page.body);
        assert!(page.body.contains("/data`") && page.body.contains("backOff"), "{token}: it polls");
        assert!(!page.body.contains("location.reload"), "{token}");
        stage.assert_tells_nothing(token, &page);
    }
    stage.assert_untouched().await;
}

/// Defect T5: a text that is no id caused a database error and a 500.
#[tokio::test]
async fn t5_a_link_with_an_id_that_is_none_is_a_plain_404_page() {
    let stage = Stage::new().await;
    let streamer = stage.streamer.user.id.to_string();
    let id = stage.joined[0].id.to_string();
    let more =
        [streamer.clone(), id[..23].to_owned(), format!("{id}0"), format!("{id}%00"), "f".repeat(10_000)];
    for id in JUNK.iter().copied().chain(more.iter().map(String::as_str)) {
        for target in [format!("/c/{id}"), format!("/c/{id}?src=qr")] {
            let page = send_raw(&stage.server, "GET", &target).await;
            assert_eq!(page.status, 404, "{target}: {}", page.body);
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{target}");
            assert!(page.body.contains("This link leads to no campaign."), "{target}: {}", page.body);
            assert!(!page.body.contains("alert(1)"), "{target}: {}", page.body);
        }
    }
    stage.assert_untouched().await;
}

/// Defect O16: the previous system accepted any word as a kind of click and counted it.
#[tokio::test]
async fn o16_a_click_is_of_a_known_kind() {
    let stage = Stage::new().await;
    let long = "x".repeat(10_000);
    for kind in ["swipe", "Chat", "QR", "chat%20", "%00", "..", "overlay,chat", "%3Cb%3E", &long] {
        let path = format!("/api/v1/overlay/{}/click/{kind}", stage.streamer.token);
        let hint = "is not one of overlay, chat, qr, link";
        let reply = send_raw(&stage.server, "POST", &path).await;
        stage.assert_refused(kind, &reply, (400, "VALIDATION_FAILED", hint));
    }
    stage.assert_untouched().await;
}

#[tokio::test]
async fn what_is_no_route_is_a_404_in_json() {
    let stage = Stage::new().await;
    let hint = (404, "ROUTE_NOT_FOUND", "/api/v1/openapi.json lists those there are");
    for (method, path) in [
        ("GET", "/api"),
        ("GET", "/api/v2"),
        ("GET", "/api/v1/overlay/"),
        ("GET", "/api/users/me"),
        ("GET", "/api/v1/campaigns/debug-impressions"),
        ("GET", "/c/"),
        ("GET", "/..%2f..%2fetc/passwd"),
    ] {
        stage.assert_refused(path, &send_raw(&stage.server, method, path).await, hint);
    }
    stage.assert_untouched().await;
}
