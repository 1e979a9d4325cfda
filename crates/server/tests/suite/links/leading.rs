//! Where links lead, and what people see where they lead nowhere.

use gametriggers_domain::ledger::Counters;
use gametriggers_types::{CampaignStatus, ParticipationStatus};

use super::{assert_leads, assert_page, counters, follow, joined, link, visits};
use crate::support::TestServer;

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

/// An address that is fine in a browser's address bar is fine here, too.
#[tokio::test]
async fn an_address_with_other_letters_is_led_to_in_the_form_that_a_header_can_carry() {
    let server = TestServer::start().await;
    for (click_url, location) in [
        ("https://brand.example.com/größe?q=ä b", "https://brand.example.com/gr%C3%B6%C3%9Fe?q=%C3%A4%20b"),
        ("https://größe.example.com/", "https://xn--gre-6ka8i.example.com/"),
        ("/über-uns", "/%C3%BCber-uns"),
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
    for source in ["tv", "", "QR", "qr%00", "overlay"] {
        let reply =
            follow(&server, &format!("{}?src={source}", link(&joined)), "203.0.113.7", "browser").await;
        assert_page(&reply, 400);
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

/// Links live on in chats and clips.
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
