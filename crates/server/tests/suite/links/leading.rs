//! The targets of links, and the pages of links without a target.

use gametriggers_domain::ledger::Counters;
use gametriggers_types::{CampaignStatus, ParticipationStatus};

use super::{assert_leads, assert_page, counters, follow, joined, link, visits};
use crate::support::{Reply, TestServer};

#[tokio::test]
async fn a_campaign_without_an_address_gets_a_plain_page() {
    let server = TestServer::start().await;
    for click_url in [None, Some("javascript:alert(1)"), Some(""), Some("https://")] {
        let (_, _, joined) = joined(&server, |it| {
            it.title = "<script>alert(1)</script> & \"more\"".to_owned();
            it.click_url = click_url.map(str::to_owned);
        })
        .await;
        let reply = follow(&server, &link(&joined), "203.0.113.7", "browser").await;
        assert_page(&reply, 200);
        assert_eq!(reply.header("location"), "");
        assert!(reply.body.contains("alert(1)") && !reply.body.contains("<script"), "{}", reply.body);
        assert_eq!(visits(&server, &joined).await, 1);
    }
}

/// An address that works in a browser's address bar works here, too.
#[tokio::test]
async fn an_address_with_other_letters_is_led_to_in_the_form_that_a_header_can_carry() {
    let server = TestServer::start().await;
    for (click_url, location) in [
        ("https://brand.example.com/größe?q=ä b", "https://brand.example.com/gr%C3%B6%C3%9Fe?q=%C3%A4%20b"),
        ("https://größe.example.com/", "https://xn--gre-6ka8i.example.com/"),
        ("/über-uns", "/%C3%BCber-uns"),
        // An address that a header can carry is not changed, because parsing and writing it again led elsewhere.
        ("/.//evil.example/x", "/.//evil.example/x"),
        ("http://own.invalid.evil.example/x", "http://own.invalid.evil.example/x"),
        ("HTTPS://Brand.example.com:443/a/../b", "HTTPS://Brand.example.com:443/a/../b"),
    ] {
        let (_, _, joined) = joined(&server, |it| it.click_url = Some(click_url.to_owned())).await;
        let reply = follow(&server, &link(&joined), "203.0.113.7", "browser").await;
        assert_eq!((reply.status, reply.header("location")), (302, location), "{}", reply.body);
    }
}

#[tokio::test]
async fn links_that_lead_nowhere_get_a_page_for_people() {
    let server = TestServer::start().await;
    let (_, _, joined) = joined(&server, |_| {}).await;
    for id in ["ffffffffffffffffffffffff", "unknown", "%3Cscript%3E", &"a".repeat(5_000)] {
        assert_page(&follow(&server, &format!("/c/{id}"), "203.0.113.7", "browser").await, 404);
    }
    for status in [CampaignStatus::Draft, CampaignStatus::Pending, CampaignStatus::Rejected] {
        let (_, campaign, unpublished) = super::joined(&server, |it| it.status = status).await;
        let reply = follow(&server, &link(&unpublished), "203.0.113.7", "browser").await;
        assert_page(&reply, 404);
        assert!(!reply.body.contains(&campaign.title));
        assert_eq!(counters(&server, &unpublished).await, Counters::default());
    }
    assert_eq!(counters(&server, &joined).await, Counters::default());
}

/// Links remain in chats and clips after a campaign.
#[tokio::test]
async fn what_is_paused_or_over_still_leads_and_counts_nothing() {
    let server = TestServer::start().await;
    let mut over = Vec::new();
    for status in [CampaignStatus::Paused, CampaignStatus::Completed, CampaignStatus::Cancelled] {
        let (_, campaign, participation) = joined(&server, |it| it.status = status).await;
        over.push((campaign, participation));
    }
    let (_, campaign, participation) = joined(&server, |it| it.end_date = Some(it.created_at)).await;
    over.push((campaign, participation));
    let (_, campaign, participation) = joined(&server, |_| {}).await;
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    let now = server.now();
    assert!(server.storage.participations.transition(participation.id, active, paused, now).await.unwrap());
    over.push((campaign, participation));
    let gone = server.streamer_with(|user| user.is_active = false).await;
    let campaign = server.campaign().await;
    let participation = server.join(&gone, &campaign).await;
    over.push((campaign, participation));
    for (campaign, participation) in over {
        let reply = follow(&server, &link(&participation), "203.0.113.7", "browser").await;
        assert_leads(&reply, &campaign);
        assert_eq!(counters(&server, &participation).await, Counters::default(), "{:?}", campaign.status);
    }
}

/// Links are copied into sentences, written in capitals, cut short and decorated by platforms. Everybody who follows one wants to
/// reach the sponsor.
#[tokio::test]
async fn a_link_leads_however_it_was_copied() {
    let server = TestServer::start().await;
    for (query, kind) in [
        ("?src=chat.", "chat"),
        ("?src=CHAT", "chat"),
        ("?src=(chat)&fbclid=x", "chat"),
        ("?fbclid=x&src=qr%22", "qr"),
        ("?src=qr&src=chat", "qr"),
        ("?src=", "link"),
        ("?src", "link"),
        ("?src=tv", "link"),
        ("?utm_source=chat", "link"),
        (".", "link"),
        (")%20and", "link"),
        (",?src=chat%00", "chat"),
        ("%E2%80%A6", "link"),
    ] {
        let (_, campaign, joined) = joined(&server, |_| {}).await;
        let path = format!("{}{query}", link(&joined));
        let head = Reply::of(server.client.head(server.url(&path))).await;
        assert_leads(&head, &campaign);
        assert_eq!(counters(&server, &joined).await, Counters::default(), "{path}");
        assert_leads(&follow(&server, &path, "203.0.113.7", "browser").await, &campaign);
        let credited = counters(&server, &joined).await;
        let kinds =
            [("chat", credited.chat_clicks), ("qr", credited.qr_scans), ("link", credited.link_clicks)];
        for (name, counted) in kinds {
            assert_eq!(counted, u64::from(name == kind), "{path}: {name}");
        }
        let picture = server.get(&format!("{}./qr?utm_source=x", link(&joined))).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    }
}

/// The page of the previous system reports a click and then opens the same address to reach the sponsor.
#[tokio::test]
async fn the_address_of_a_click_leads_to_the_sponsor_on_screen_and_counts_nothing() {
    let server = TestServer::start().await;
    let (streamer, campaign, participation) = joined(&server, |_| {}).await;
    let click = |token: &str, prefix: &str| format!("{prefix}/overlay/{token}/click");
    assert_page(&server.get(&click(&streamer.token, "/api/v1")).await, 404);
    assert_page(&server.get(&click("unknown", "/api/v1")).await, 404);
    server.data(&streamer.token).await;
    let before = server.store.everything().await;
    for token in [streamer.token.as_str(), participation.browser_source_token.expose()] {
        for prefix in ["/api/v1", "/api"] {
            assert_leads(&server.get(&click(token, prefix)).await, &campaign);
            let head = server.client.head(server.url(&click(token, prefix)));
            assert_leads(&Reply::of(head).await, &campaign);
        }
    }
    assert_eq!(server.store.everything().await, before);
}
