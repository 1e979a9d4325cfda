//! Counted visits: which of them are paid.

use futures_util::future::join_all;
use gametriggers_domain::{
    ledger::Counters,
    model::{Campaign, Participation},
};
use gametriggers_fixtures::cpc;

use super::{counters, follow, joined, link, visit};
use crate::support::{Reply, TestServer};

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// Stores a campaign that pays one unit of money for a visit and has a budget of a thousand. Returns a participation in it.
async fn campaign(server: &TestServer, change: impl FnOnce(&mut Campaign)) -> Participation {
    let (_, _, joined) = joined(server, |it| {
        it.payment = cpc(1.0);
        change(it);
    })
    .await;
    joined
}

/// Fails unless this many visits count and this many of them are paid.
#[track_caller]
fn assert_paid(counters: Counters, visits: u64, paid: u64) {
    assert_eq!((counters.visits, counters.clicks), (visits, visits));
    assert_eq!((counters.paid_units, counters.earnings.micros()), (paid, 1_000_000 * paid.cast_signed()));
}

/// One address must not drain a budget by using another agent, port or address of its /64 at each visit.
#[tokio::test]
async fn an_address_is_paid_three_visits_an_hour_whatever_it_says_that_it_is() {
    let server = TestServer::start().await;
    let joined = campaign(&server, |_| {}).await;
    let mut visits = 0;
    for (hour, paid_before) in [("10", 0), ("11", 6)] {
        server.clock.set(&format!("2026-11-20T{hour}:00:00Z"));
        for number in 0..40 {
            let address = match number % 4 {
                0 => format!("203.0.113.7:{}", 50_000 + number),
                1 => format!("::ffff:203.0.113.7%{number}"),
                2 => format!("2001:db8:1:2:{number:x}::1"),
                _ => format!("[2001:db8:1:2::{number:x}]:{}", 50_000 + number),
            };
            let source = ["qr", "chat", "link"][number % 3];
            let path = format!("{}?src={source}", link(&joined));
            follow(&server, &path, &address, &format!("{BROWSER} {number}")).await;
            visits += 1;
            server.clock.advance_seconds(80);
        }
        assert_paid(counters(&server, &joined).await, visits, paid_before + 6);
    }
    server.assert_reconciled().await;
}

/// A visitor at another address is paid for, and so is a visitor of another campaign.
#[tokio::test]
async fn other_addresses_and_other_campaigns_are_paid_by_themselves() {
    let server = TestServer::start().await;
    let (one, other) = (campaign(&server, |_| {}).await, campaign(&server, |_| {}).await);
    for number in 0..5 {
        let agent = format!("{BROWSER} {number}");
        follow(&server, &link(&one), "203.0.113.7", &agent).await;
        follow(&server, &link(&one), "203.0.113.8", &agent).await;
        follow(&server, &link(&one), "2001:db8:1:2::1", &agent).await;
        follow(&server, &link(&one), "2001:db8:1:3::1", &agent).await;
        follow(&server, &link(&other), "203.0.113.7", &agent).await;
    }
    assert_paid(counters(&server, &one).await, 20, 12);
    assert_paid(counters(&server, &other).await, 5, 3);

    // Another streamer's link to the same campaign spends the same money, so it shares the limit.
    let streamer = server.streamer().await;
    let campaign = server.stored_campaign(one.campaign_id).await;
    let colleague = server.join(&streamer, &campaign).await;
    follow(&server, &link(&colleague), "203.0.113.7", &format!("{BROWSER} of another screen")).await;
    assert_paid(counters(&server, &colleague).await, 1, 0);
    server.assert_reconciled().await;
}

#[tokio::test]
async fn how_many_visits_of_an_address_are_paid_can_be_set() {
    let server = TestServer::start().await;
    let joined = campaign(&server, |_| {}).await;
    for (limit, paid) in [(1, 1), (5, 5), (2, 5)] {
        let instance = server.beside_paying(limit).await;
        for number in 0..8 {
            let agent = format!("{BROWSER} {limit} {number}");
            follow(&instance, &link(&joined), "203.0.113.7", &agent).await;
        }
        instance.visits.settled().await;
        assert_eq!(counters(&server, &joined).await.paid_units, paid, "at most {limit}");
    }
    assert_paid(counters(&server, &joined).await, 24, 5);
}

/// The limit holds whichever instances the visits reach, and however many come at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_pay_an_address_no_more_than_one() {
    let server = TestServer::start().await;
    let other = server.beside().await;
    let joined = campaign(&server, |_| {}).await;
    let path = link(&joined);
    let visits = (0..60_u16).map(|number| {
        let instance = if number % 2 == 0 { &server } else { &other };
        let (address, agent) = (format!("203.0.113.{}:{number}", number % 3), format!("{BROWSER} {number}"));
        let path = &path;
        async move { follow(instance, path, &address, &agent).await.status }
    });
    assert_eq!(join_all(visits).await, [302; 60]);
    other.visits.settled().await;
    assert_paid(counters(&server, &joined).await, 60, 9);
    server.assert_reconciled().await;
}

/// Chat platforms and search engines fetch links themselves. These visits count and are not paid.
#[tokio::test]
async fn programs_are_led_on_and_not_paid() {
    let server = TestServer::start().await;
    let joined = campaign(&server, |_| {}).await;
    let programs = [
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Twitterbot/1.0",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.5.0",
        "reqwest/0.13.0",
        "",
    ];
    for (number, program) in programs.into_iter().enumerate() {
        let reply = follow(&server, &link(&joined), &format!("203.0.113.{number}"), program).await;
        assert_eq!(reply.status, 302, "{program}");
    }
    let without_agent = server.client.get(server.url(&link(&joined))).header("X-Forwarded-For", "192.0.2.1");
    assert_eq!(Reply::of(without_agent).await.status, 302);
    assert_paid(counters(&server, &joined).await, 11, 0);

    // The visits of programs do not use up the paid visits of their addresses.
    for number in 0..3 {
        follow(&server, &link(&joined), "203.0.113.1", &format!("{BROWSER} {number}")).await;
    }
    // An agent may have non-ASCII letters.
    let agent = "Mozilla/5.0 (Linux; Android 14; \u{5c0f}\u{7c73} 14) AppleWebKit/537.36".as_bytes();
    let person = visit(&server, &link(&joined), "203.0.113.2", "").header("User-Agent", agent);
    Reply::of(person).await;
    assert_paid(counters(&server, &joined).await, 15, 4);
    server.assert_reconciled().await;
}

/// A visit without a target is not paid.
#[tokio::test]
async fn a_visit_that_leads_nowhere_is_not_paid() {
    let server = TestServer::start().await;
    for (number, click_url) in
        [None, Some(""), Some("tbd"), Some("see the chat"), Some("javascript:alert(1)")]
            .into_iter()
            .enumerate()
    {
        let joined = campaign(&server, |it| it.click_url = click_url.map(str::to_owned)).await;
        let address = format!("203.0.113.{number}");
        assert_eq!(follow(&server, &link(&joined), &address, BROWSER).await.status, 200, "{click_url:?}");
        assert_paid(counters(&server, &joined).await, 1, 0);
    }
    for (click_url, location) in [
        ("www.brand.com/deal", "https://www.brand.com/deal"),
        (" //brand.com ", "https://brand.com"),
        ("https://brand.com/deal", "https://brand.com/deal"),
    ] {
        let joined = campaign(&server, |it| it.click_url = Some(click_url.to_owned())).await;
        let reply = follow(&server, &link(&joined), "203.0.113.7", BROWSER).await;
        assert_eq!((reply.status, reply.header("location")), (302, location), "{click_url}");
        assert_paid(counters(&server, &joined).await, 1, 1);
    }
    server.assert_reconciled().await;
}
