//! Which visits count, and what they earn.

use gametriggers::HttpSettings;
use gametriggers_domain::{ledger::Counters, model::Campaign};
use gametriggers_fixtures::{cpc, units};
use gametriggers_http::ForwardedHeader;
use gametriggers_types::Money;
use reqwest::Method;

use super::{assert_leads, counters, follow, joined, link, visit, visits};
use crate::support::{Reply, TestServer};

/// Defects O11 and O12: in the previous system, `/c/` did not exist and campaigns had no target address.
#[tokio::test]
async fn o12_a_tracking_link_counts_by_its_source_and_leads_to_the_sponsor() {
    let server = TestServer::start().await;
    let (_, campaign, joined) = joined(&server, |_| {}).await;
    for (viewer, query) in
        ["", "?src=link", "?src=qr", "?src=chat", "?src=chat&fbclid=a%20b"].into_iter().enumerate()
    {
        let reply =
            follow(&server, &format!("{}{query}", link(&joined)), &format!("203.0.113.{viewer}"), "a").await;
        assert_leads(&reply, &campaign);
    }
    let counters = counters(&server, &joined).await;
    let expected =
        Counters { visits: 5, clicks: 5, link_clicks: 2, qr_scans: 1, chat_clicks: 2, ..Counters::default() };
    assert_eq!(counters, expected);
    server.assert_reconciled().await;
}

#[tokio::test]
async fn a_visitor_counts_once_an_hour_for_each_campaign_and_source() {
    let server = TestServer::start().await;
    let (streamer, campaign, joined) = joined(&server, |_| {}).await;
    let other_campaign = server.campaign().await;
    let other_joined = server.join(&streamer, &other_campaign).await;
    let colleague = server.join(&server.streamer().await, &campaign).await;
    let qr = format!("{}?src=qr", link(&joined));
    let (chat, plain) = (format!("{}?src=chat", link(&joined)), link(&joined));
    let colleagues = format!("{}?src=qr", link(&colleague));
    for (time, path, address, agent, total) in [
        ("10:00:30Z", &qr, "203.0.113.7", "browser", 1),
        ("10:00:31Z", &qr, "203.0.113.7", "browser", 1),
        ("10:00:32Z", &colleagues, "203.0.113.7", "browser", 1),
        ("10:59:59.999Z", &qr, "203.0.113.7", "browser", 1),
        ("11:00:00Z", &qr, "203.0.113.7", "browser", 2),
        ("11:00:01Z", &qr, "203.0.113.7", "other browser", 3),
        ("11:00:02Z", &qr, "203.0.113.8", "browser", 4),
        ("11:00:03Z", &chat, "203.0.113.7", "browser", 5),
        ("11:00:04Z", &chat, "203.0.113.7", "browser", 5),
        ("11:00:05Z", &plain, "203.0.113.7", "browser", 6),
    ] {
        server.clock.set(&format!("2026-11-20T{time}"));
        assert_leads(&follow(&server, path, address, agent).await, &campaign);
        assert_eq!(visits(&server, &joined).await, total, "{time}");
    }
    assert_leads(&follow(&server, &link(&other_joined), "203.0.113.7", "browser").await, &other_campaign);
    assert_eq!(visits(&server, &other_joined).await, 1, "another campaign");
    assert_eq!(visits(&server, &colleague).await, 0, "the same campaign, shown by another streamer");
    server.assert_reconciled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_visitor_at_many_connections_of_two_servers_counts_once() {
    let server = TestServer::start().await;
    let (_, campaign, joined) = joined(&server, |_| {}).await;
    let other = server.beside().await;
    let path = link(&joined);
    let visits_at_once = (0..40)
        .map(|place| follow(if place % 2 == 0 { &server } else { &other }, &path, "203.0.113.7", "browser"));
    for reply in futures_util::future::join_all(visits_at_once).await {
        assert_leads(&reply, &campaign);
    }
    other.visits.settled().await;
    assert_eq!(visits(&server, &joined).await, 1);
    server.assert_reconciled().await;
}

/// A browser's prefetch gets the same redirect and does not count as a visit.
#[tokio::test]
async fn looking_at_the_headers_and_fetching_ahead_count_nothing() {
    let server = TestServer::start().await;
    let (_, campaign, joined) = joined(&server, |_| {}).await;
    let head = server.client.request(Method::HEAD, server.url(&link(&joined)));
    assert_leads(&Reply::of(head).await, &campaign);
    for (name, value) in [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("X-Moz", "Prefetch"),
    ] {
        let request = visit(&server, &link(&joined), "203.0.113.7", "browser").header(name, value);
        assert_leads(&Reply::of(request).await, &campaign);
    }
    assert_eq!(counters(&server, &joined).await, Counters::default());
    follow(&server, &link(&joined), "203.0.113.7", "browser").await;
    assert_eq!(visits(&server, &joined).await, 1);
}

fn per_visit(rate: f64, budget: f64) -> impl FnOnce(&mut Campaign) {
    move |it| {
        it.payment = cpc(rate);
        (it.budget, it.remaining_budget) = (units(budget), units(budget));
    }
}

/// Each accepted visit is paid the rate, to the last micro-unit, until the budget does not cover another one.
#[tokio::test]
async fn cpc_pays_the_rate_per_visit_until_the_budget_is_spent() {
    let server = TestServer::start().await;
    for (rate, budget, paid, left) in
        [(1.66, 5.0, 3, 0.02), (0.333_333, 1.0, 3, 0.000_001), (0.1, 0.3, 3, 0.0)]
    {
        let (streamer, campaign, joined) = joined(&server, per_visit(rate, budget)).await;
        let shown = server.data(&streamer.token).await;
        server.click(&streamer.token, &shown).await.assert_event("counted", None);
        assert_eq!(counters(&server, &joined).await.earnings, Money::ZERO, "an own click never pays");
        for viewer in 0..8 {
            let address = format!("203.0.113.{viewer}");
            assert_leads(&follow(&server, &link(&joined), &address, "browser").await, &campaign);
            let counted = (viewer + 1).min(paid);
            let counters = counters(&server, &joined).await;
            assert_eq!((counters.visits, counters.clicks), (counted, counted + 1));
            let expected = Money::from_micros(units(rate).micros() * i64::try_from(counted).unwrap());
            assert_eq!(counters.earnings, expected);
            let stored = server.stored_campaign(campaign.id).await;
            assert_eq!(stored.remaining_budget, units(budget) - expected);
        }
        assert_eq!(server.stored_campaign(campaign.id).await.remaining_budget, units(left));
    }
    server.assert_reconciled().await;
}

/// The forwarded address is believed only from trusted proxies, and only if there are any.
#[tokio::test]
async fn the_entry_of_a_trusted_proxy_is_the_visitor() {
    let server = TestServer::start().await;
    let (_, _, joined) = joined(&server, |_| {}).await;
    for (forwarded, total) in [
        ("198.51.100.1, 203.0.113.7", 1),
        ("198.51.100.2,203.0.113.7", 1),
        ("203.0.113.7", 1),
        ("203.0.113.7, 198.51.100.1", 2),
    ] {
        follow(&server, &link(&joined), forwarded, "browser").await;
        assert_eq!(visits(&server, &joined).await, total, "{forwarded}");
    }
    let lines =
        visit(&server, &link(&joined), "192.0.2.1", "browser").header("X-Forwarded-For", "203.0.113.7");
    Reply::of(lines).await;
    assert_eq!(visits(&server, &joined).await, 2, "several lines are one list");

    let behind_two = server.beside_with(|settings| settings.trusted_proxies = 2).await;
    follow(&behind_two, &link(&joined), "192.0.2.1, 203.0.113.7, 198.51.100.1", "browser").await;
    assert_eq!(visits(&server, &joined).await, 2, "the last but one");

    let direct = server.beside_with(|settings| settings.trusted_proxies = 0).await;
    for forwarded in ["203.0.113.7", "203.0.113.8", "203.0.113.9"] {
        follow(&direct, &link(&joined), forwarded, "browser").await;
        direct.visits.settled().await;
        assert_eq!(visits(&server, &joined).await, 3, "the peer itself, once");
    }

    let forwarded = |settings: &mut HttpSettings| settings.forwarded_header = ForwardedHeader::Forwarded;
    let other_header = server.beside_with(forwarded).await;
    for node in ["203.0.113.7", "\"203.0.113.7:50001\"", "\"[::ffff:203.0.113.7]\""] {
        let visit = visit(&other_header, &link(&joined), "203.0.113.99", "browser");
        Reply::of(visit.header("Forwarded", format!("for={node};proto=https"))).await;
        assert_eq!(visits(&server, &joined).await, 3, "{node}: a visitor known by the other header");
    }
}

/// Addresses are compared by value and not as text: the port, the notation, and the part that the owner of a network chooses do
/// not make a visitor another one.
#[tokio::test]
async fn a_visitor_is_one_however_their_address_is_written() {
    let server = TestServer::start().await;
    let (_, _, joined) = joined(&server, |_| {}).await;
    for (address, total) in [
        ("203.0.113.7", 1),
        ("203.0.113.7:50001", 1),
        ("203.0.113.7:50002", 1),
        ("::ffff:203.0.113.7", 1),
        ("[::ffff:cb00:7107]:50003", 1),
        ("2001:db8:0:1::1", 2),
        ("2001:DB8:0:1:0:0:0:1", 2),
        ("[2001:db8:0:1::1]:50001", 2),
        ("2001:db8:0:1:ffff::2", 2),
        ("2001:db8:0:2::1", 3),
    ] {
        follow(&server, &link(&joined), address, "browser").await;
        assert_eq!(visits(&server, &joined).await, total, "{address}");
    }
}
