//! Scripts in stored values: they reach the page as text or not at all.

use gametriggers_fixtures::soon;
use serde_json::{Value, json};

use crate::support::{Field, Reply, TestServer};

const TITLES: &[&str] = &[
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"><img src=x onerror=alert(1)>",
    "'};alert(1);//",
    "&lt;script&gt; & \u{2028}\u{2029} \u{0}",
    "{{ 7 * 7 }} ${alert(1)}",
];

const MEDIA: &[&str] = &[
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//evil.example/a.png",
    "/\\evil.example/a.png",
    "https://",
    "evil.png",
    "",
];

/// The state in the page, as a browser reads it: up to the first `</script`.
#[track_caller]
fn island(page: &Reply) -> Value {
    let after = page.body.split_once(r#"<script type="application/json" id="state">"#).unwrap().1;
    let text = after.split_once("</script").unwrap().0;
    assert!(!text.contains(['<', '>', '&']), "{text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Fails if the page has other script elements than its own two.
#[track_caller]
fn assert_own_script_only(page: &Reply) {
    assert_eq!(page.body.matches("<script").count(), 2, "{}", page.body);
    assert_eq!(page.body.matches("</script").count(), 2);
    assert!(!page.header("content-security-policy").contains("script-src 'unsafe"));
}

/// Defect O1: the previous system put titles into the page without escaping them.
#[tokio::test]
async fn o1_a_title_with_script_is_text_on_every_page() {
    let server = TestServer::start().await;
    for title in TITLES {
        let streamer = server.streamer().await;
        let campaign = server
            .campaign_with(|campaign| {
                campaign.title = (*title).to_owned();
                campaign.click_url = Some("javascript:alert(1)".to_owned());
            })
            .await;
        let participation = server.join(&streamer, &campaign).await;
        let data = server.get(&format!("/api/v1/overlay/{}/data", streamer.token)).await;
        assert_eq!(data.json()["title"], *title);
        assert_eq!(data.header("content-type"), "application/json");
        assert_eq!(data.header("x-content-type-options"), "nosniff");
        let page = server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
        assert_own_script_only(&page);
        assert_eq!(island(&page), data.json());
        // The link shows its plain page, because the campaign's address is not one that may be followed.
        let visit = server.get(&format!("/c/{}", participation.id)).await;
        assert_eq!((visit.status, visit.header("location")), (200, ""), "{}", visit.body);
        assert!(!visit.body.contains("<script") && !visit.body.contains("<img"), "{}", visit.body);
        assert!(visit.header("content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn o1_a_campaign_whose_media_would_run_script_is_never_shown() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    for media in MEDIA {
        let campaign = server.campaign_with(|campaign| campaign.media_url = (*media).to_owned()).await;
        server.join(&streamer, &campaign).await;
    }
    let data = server.data(&streamer.token).await;
    assert_eq!((&data["kind"], &data["reason"]), (&json!("empty"), &json!("no-campaign")));
    let page = server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
    assert!(!page.body.contains("alert(1)") && !page.body.contains("evil"), "{}", page.body);
    let click = server.post(&format!("/api/v1/overlay/{}/click", streamer.token), json!({})).await;
    click.assert_event("rejected", Some("nothing-on-screen"));
    let good = server.campaign().await;
    server.join(&streamer, &good).await;
    let is_shown = async || server.data(&streamer.token).await["campaignId"] == good.id.to_string();
    soon("the good campaign is on the screen", is_shown).await;
    for _ in 0..MEDIA.len() * 2 {
        server.clock.advance_seconds(180);
        assert_eq!(server.data(&streamer.token).await["campaignId"], good.id.to_string());
    }
}

/// If the address of a campaign's media becomes invalid while the campaign is on screen, the campaign leaves the screen.
#[tokio::test]
async fn o1_media_that_become_script_leave_the_screen() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let shown = server.data(&streamer.token).await;
    server.store.set_all(Field::CAMPAIGN_MEDIA_URL, "javascript:alert(1)").await;
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    let is_off = async || server.post(&path, json!({})).await.json()["reason"] == "nothing-on-screen";
    soon("nothing is on the screen", is_off).await;
    assert_eq!(server.data(&streamer.token).await["kind"], "empty");
    server.click(&streamer.token, &shown).await.assert_event("counted", None);
}

#[tokio::test]
async fn o1_a_test_ad_with_script_in_its_title_is_text() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    server.post(&format!("/api/v1/overlay/{}/ping", streamer.token), json!({})).await;
    for title in TITLES {
        let body =
            json!({"testCampaign": {"title": title, "mediaUrl": "/a.png?\"><script>alert(1)</script>"}});
        let sent = server.post_as(&streamer, "/api/v1/users/me/overlay/test", body).await;
        assert_eq!(sent.json()["success"], true, "{}", sent.body);
        let data = server.data(&streamer.token).await;
        assert_eq!((&data["kind"], &data["title"]), (&json!("test"), &json!(title)));
        let page = server.get(&format!("/api/v1/overlay/{}", streamer.token)).await;
        assert_own_script_only(&page);
        assert_eq!(island(&page), data);
    }
}
