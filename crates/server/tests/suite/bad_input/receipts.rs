//! Invalid receipts and invalid event ids.

use serde_json::json;

use super::{Refusal, Stage};
use crate::support::Reply;

const INVALID: Refusal<'_> = (400, "RECEIPT_INVALID", "use the one from the latest /data answer");

/// The routes that accept a receipt.
fn event_routes(token: &str) -> [String; 4] {
    ["overlay/{}/click", "overlay/{}/click/link", "campaigns/click/{}", "campaigns/impression/{}"]
        .map(|route| format!("/api/v1/{}", route.replace("{}", token)))
}

/// Copies of the receipt, each with another character replaced by one of the same alphabet.
fn altered(receipt: &str) -> Vec<String> {
    let one = |place: usize| {
        let replaced = if &receipt[place..=place] == "1" { "2" } else { "1" };
        format!("{}{replaced}{}", &receipt[..place], &receipt[place + 1..])
    };
    (0..receipt.len()).map(one).collect()
}

/// Defect M5: anybody could credit any participation. A receipt is signed for one display on one screen.
#[tokio::test]
async fn m5_a_forged_or_altered_or_foreign_receipt_is_refused_and_not_taken_for_none() {
    let mut stage = Stage::new().await;
    let (other, _) = stage.server.streamer_in(1).await;
    let foreign = stage.server.data(&other.token).await["receipt"].as_str().unwrap().to_owned();
    stage.before = stage.server.store.everything().await;
    let receipt = stage.shown["receipt"].as_str().unwrap().to_owned();
    let (subject, signature) = receipt.split_once('.').unwrap();
    let mut bad = altered(&receipt);
    bad.extend((0..receipt.len()).map(|end| receipt[..end].to_owned()));
    bad.extend([
        foreign,
        format!("{receipt}A"),
        format!("{receipt}="),
        format!(" {receipt}"),
        format!("{receipt}.{signature}"),
        format!("{subject}\u{0}.{signature}"),
        format!("d18446744073709551616.{signature}"),
        format!("{signature}.{subject}"),
        "d1.AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "t9999999999999.AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "😀".to_owned(),
        "a".repeat(10_000),
        stage.shown["decisionId"].as_str().unwrap().to_owned(),
    ]);
    let [click, .., impression] = event_routes(&stage.streamer.token);
    for receipt in &bad {
        for path in [&click, &impression] {
            let body = json!({"receipt": receipt, "eventId": "e"});
            stage.assert_refused(receipt, &stage.server.post(path, body).await, INVALID);
        }
    }
    for path in event_routes(&stage.streamer.token) {
        stage.assert_refused(&path, &stage.server.post(&path, json!({"receipt": bad[0]})).await, INVALID);
    }
    stage.assert_untouched().await;
}

#[tokio::test]
async fn an_expired_receipt_says_so_on_every_route() {
    let stage = Stage::new().await;
    stage.server.clock.set("2026-11-20T10:13:00.001Z");
    let body = json!({"receipt": stage.shown["receipt"], "eventId": "late"});
    for path in event_routes(&stage.streamer.token) {
        let reply = stage.server.post(&path, body.clone()).await;
        stage.assert_refused(
            &path,
            &reply,
            (400, "RECEIPT_EXPIRED", "10 minutes after the display has ended"),
        );
    }
    stage.server.clock.set(crate::support::START);
    stage.assert_untouched().await;
}

/// Defect O19: a new overlay token revoked nothing in the previous system.
#[tokio::test]
async fn o19_a_receipt_of_before_the_token_was_made_anew_is_void() {
    let mut stage = Stage::new().await;
    let reply = stage.server.post_as(&stage.streamer, "/api/v1/users/me/overlay/regenerate", json!({})).await;
    stage.streamer.token = reply.json()["overlayToken"].as_str().unwrap().to_owned();
    stage.before = stage.server.store.everything().await;
    for path in event_routes(&stage.streamer.token) {
        let body = json!({"receipt": stage.shown["receipt"], "eventId": "e"});
        stage.assert_refused(&path, &stage.server.post(&path, body).await, INVALID);
    }
    stage.shown = stage.server.data(&stage.streamer.token).await;
    stage.assert_untouched().await;
}

/// An event id may come in the body or in the header. If both have one, they must be the same.
#[tokio::test]
async fn an_event_id_is_1_to_255_printable_ascii_characters() {
    let stage = Stage::new().await;
    let long = "e".repeat(256);
    let paths = event_routes(&stage.streamer.token);
    for id in ["", "a\nb", "a\u{0}", "\u{7f}", "tab\there", "é", "😀", &long] {
        let refusal = (400, "VALIDATION_FAILED", "eventId is 1 to 255 printable ASCII characters");
        for path in &paths {
            let body = json!({"eventId": id, "receipt": stage.shown["receipt"]});
            stage.assert_refused(id, &stage.server.post(path, body).await, refusal);
        }
    }
    let with_header = |value: &[u8], body: serde_json::Value| {
        let request = stage.server.client.post(stage.server.url(&paths[0])).json(&body);
        Reply::of(request.header("Idempotency-Key", value))
    };
    for id in [b"".as_slice(), b"tab\there", "é".as_bytes(), b"\xff", long.as_bytes()] {
        let hint = "Idempotency-Key is 1 to 255 printable ASCII characters";
        let reply = with_header(id, json!({})).await;
        stage.assert_refused(hint, &reply, (400, "VALIDATION_FAILED", hint));
    }
    let reply = with_header(b"one", json!({"eventId": "other"})).await;
    stage.assert_refused("differing", &reply, (400, "VALIDATION_FAILED", "differ; send one of them"));
    stage.assert_untouched().await;
    let longest = "e".repeat(255);
    with_header(longest.as_bytes(), json!({"eventId": longest})).await.assert_event("counted", None);
    with_header(b" ~", json!({})).await.assert_event("counted", None);
}
