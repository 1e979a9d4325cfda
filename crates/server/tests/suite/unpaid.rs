//! Streamers cannot earn more by changing their own settings: a screen earns at most one paid display per clock minute.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gametriggers_domain::decision::{Basis, Decision};
use gametriggers_fixtures::units;
use gametriggers_types::DecisionId;
use serde_json::{Value, json};

use crate::support::{Reply, Streamer, TestServer};

const MINUTE_PAID: &str = "minute-already-paid";

/// Changes a setting, which ends the decision in force, and shows the next one.
async fn next_display(server: &TestServer, streamer: &Streamer, number: u64) -> Value {
    let settings = json!({"campaignRotationSettings": {"rotationIntervalMinutes": 3 + number % 2}});
    server.choose(streamer, settings).await;
    server.data(&streamer.token).await
}

/// Whether the display was paid. If it was not, asserts that the answer says why.
#[track_caller]
fn is_paid(reply: &Reply) -> bool {
    let answer = reply.json();
    assert_eq!((&answer["outcome"], &answer["success"]), (&json!("counted"), &json!(true)), "{answer}");
    match answer["unpaidReason"].as_str() {
        None => true,
        Some(reason) => {
            assert_eq!(reason, MINUTE_PAID);
            false
        }
    }
}

/// Each change of a setting ends the decision, and the next one is another display. 200 changes in ten minutes through two
/// instances earn eleven displays, one for each clock minute that they touch. The others count and say why they earn nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_settings_earn_one_display_a_minute() {
    const CHANGES: u64 = 200;
    let server = TestServer::start().await;
    let other = server.beside().await;
    let (streamer, joined) = server.streamer_in(1).await;
    let (mut decisions, mut minutes, mut paid) = (BTreeSet::new(), BTreeSet::new(), 0);
    for change in 0..CHANGES {
        server.clock.advance_seconds(3);
        let instance = if change % 3 == 0 { &other } else { &server };
        let data = next_display(instance, &streamer, change).await;
        assert!(decisions.insert(data["decisionId"].to_string()), "another decision");
        let is_first = minutes.insert(server.now().as_second().div_euclid(60));
        let reply = instance.display(&streamer.token, &data).await;
        assert_eq!(is_paid(&reply), is_first, "the first display of its minute: {}", reply.body);
        paid += u64::from(is_first);
        let again = server.display(&streamer.token, &data).await.json();
        assert_eq!(again["outcome"], "duplicate");
        assert_eq!(again["unpaidReason"].as_str(), (!is_first).then_some(MINUTE_PAID));
    }
    assert_eq!(paid, 11);
    let counters = server.stored_participation(joined[0].id).await.counters;
    assert_eq!((counters.impressions, counters.paid_units), (CHANGES, paid));
    assert_eq!(counters.earnings, units(11.0));
    server.assert_reconciled().await;
}

/// Displays of one minute earn once, even if they are reported at once, late and through two instances. Displays of another
/// streamer do not use up this quota.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn displays_of_one_minute_reported_at_once_earn_once_for_each_screen() {
    const DISPLAYS: u64 = 20;
    let server = TestServer::start().await;
    let other = server.beside().await;
    let (streamer, _) = server.streamer_in(2).await;
    let (colleague, _) = server.streamer_in(1).await;
    server.clock.set("2026-11-20T10:20:01Z");
    let mut shown = Vec::new();
    for number in 0..DISPLAYS {
        shown.push((&streamer, next_display(&server, &streamer, number).await));
        server.clock.advance_seconds(1);
    }
    shown.push((&colleague, server.data(&colleague.token).await));
    server.clock.set("2026-11-20T10:29:59Z");
    let reports = shown.iter().enumerate().map(|(number, (streamer, data))| {
        let instance = if number % 2 == 0 { &server } else { &other };
        instance.display(&streamer.token, data)
    });
    let replies = join_all(reports).await;
    let (own, colleagues) = replies.split_at(replies.len() - 1);
    assert_eq!(own.iter().filter(|reply| is_paid(reply)).count(), 1);
    assert!(is_paid(&colleagues[0]), "another screen");
    server.assert_reconciled().await;
}

/// The quota belongs to the minute of the display, not to the minute of its report.
#[tokio::test]
async fn displays_of_different_minutes_reported_in_one_are_all_paid() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    let mut shown = Vec::new();
    for number in 0..5 {
        shown.push(next_display(&server, &streamer, number).await);
        server.clock.advance_seconds(60);
    }
    for data in &shown {
        assert!(is_paid(&server.display(&streamer.token, data).await));
    }
    let counters = server.stored_participation(joined[0].id).await.counters;
    assert_eq!((counters.impressions, counters.earnings), (5, units(5.0)));
}

/// If viewers pay for a decision's impressions, its display earns nothing, however it is reported.
#[tokio::test]
async fn a_display_is_refused_where_viewers_pay() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(1).await;
    server.data(&streamer.token).await;
    let id = DecisionId { streamer: streamer.user.id, ordinal: 1 };
    let decided = server.storage.decisions.find(id).await.unwrap().unwrap().decision;
    let measured = Decision { id: id.successor(), basis: Basis::Viewers, ..decided };
    let stored = server.storage.decisions.insert_first(&measured).await.unwrap();
    assert_eq!(stored, measured);
    let instance = server.beside().await;
    let data = instance.data(&streamer.token).await;
    assert_eq!(data["decisionId"], measured.id.to_string());
    let path = format!("/api/v1/campaigns/impression/{}", streamer.token);
    instance.post(&path, json!({})).await.assert_event("rejected", Some("other-basis"));
    instance.display(&streamer.token, &data).await.assert_event("duplicate", Some("other-basis"));
    instance.click(&streamer.token, &data).await.assert_event("counted", None);
    let counters = server.stored_participation(joined[0].id).await.counters;
    assert_eq!((counters.impressions, counters.clicks, counters.earnings), (0, 1, units(0.0)));
    server.assert_reconciled().await;
}
