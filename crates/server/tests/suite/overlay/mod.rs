//! The answers of the overlay page and of `/data`, also when something is wrong.

mod data;
mod headers;
mod outages;
mod page;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_types::{MediaType, SignedDuration, WebUrl};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::Reply;

fn page_of(token: &str) -> String {
    format!("/api/v1/overlay/{token}")
}

fn data_of(token: &str) -> String {
    format!("/api/v1/overlay/{token}/data")
}

fn with_test_ad(user: &mut User) {
    user.test_campaign = Some(TestCampaign {
        title: "Test Campaign".to_owned(),
        media_url: WebUrl::parse("/api/v1/test-ad.svg").unwrap(),
        media_type: MediaType::Image,
        expires_at: user.created_at + SignedDuration::from_secs(10),
    });
}

/// Cuts the page into three parts: the text before its state, the state, and the text after it.
fn parts(page: &Reply) -> (&str, &str, &str) {
    let (before, rest) = page.body.split_once("<script type=\"application/json\" id=\"state\">").unwrap();
    let (state, after) = rest.split_once("</script>").unwrap();
    (before, state, after)
}

#[track_caller]
fn state_of(page: &Reply) -> Value {
    serde_json::from_str(parts(page).1).unwrap_or_else(|error| panic!("{error}: {}", page.body))
}

/// Fails unless this is the page, and its policy allows only its own script.
#[track_caller]
fn assert_page(page: &Reply, status: u16) {
    assert_eq!((page.status, page.header("content-type")), (status, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.body.matches("<script").count(), 2, "{}", page.body);
    let (before, _, after) = parts(page);
    let script = after.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).unwrap().0;
    let hash = STANDARD.encode(Sha256::digest(script));
    let policy: BTreeMap<_, _> = page
        .header("content-security-policy")
        .split(';')
        .map(|directive| directive.trim().split_once(' ').unwrap())
        .collect();
    assert_eq!(policy["default-src"], "'none'");
    assert_eq!(policy["script-src"], format!("'sha256-{hash}'"));
    for own in ["connect-src", "base-uri", "form-action"] {
        assert!(["'self'", "'none'"].contains(&policy[own]), "{own} {}", policy[own]);
    }
    // Defects O7 and O23: only the campaign's own media may come from another host.
    for own in [before, after] {
        assert!(!own.contains("://") && !own.contains("=\"//"), "{own}");
    }
}
