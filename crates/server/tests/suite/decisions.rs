//! One screen has one decision, whoever asks and wherever, until the decision ends.

use std::collections::BTreeSet;

use gametriggers_fixtures::{cpm, soon, units};
use gametriggers_types::{CampaignStatus, ParticipationStatus};
use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn two_servers_on_one_store_and_one_restarted_give_the_same_decision() {
    let first = TestServer::start().await;
    let (streamer, _) = first.streamer_in(5).await;
    first.choose(&streamer, json!({"campaignSelectionStrategy": "weighted"})).await;
    let second = first.beside().await;
    for _ in 0..10 {
        first.clock.advance_seconds(180);
        let asked = futures_util::future::join_all(
            (0..8)
                .map(|place| if place % 2 == 0 { &first } else { &second })
                .map(|server| server.data(&streamer.token)),
        )
        .await;
        assert!(asked.iter().all(|answer| *answer == asked[0]), "{asked:#?}");
    }
    let before = first.data(&streamer.token).await;
    let first = first.restarted().await;
    assert_eq!(first.data(&streamer.token).await, before);
    assert_eq!(second.data(&streamer.token).await, before);
}

/// A change of the interval ends the decision. Changing the interval back does not restore it.
#[tokio::test]
async fn a_changed_interval_gives_a_new_decision_each_time_and_never_an_old_one() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    let mut seen = BTreeSet::new();
    for minutes in [3, 5, 3, 5, 3] {
        server
            .choose(&streamer, json!({"campaignRotationSettings": {"rotationIntervalMinutes": minutes}}))
            .await;
        server.clock.advance_seconds(5);
        let data = server.data(&streamer.token).await;
        assert!(seen.insert(data["decisionId"].as_str().unwrap().to_owned()), "{data}");
        let end = if minutes == 3 { "2026-11-20T10:03:00Z" } else { "2026-11-20T10:05:00Z" };
        assert_eq!((&data["slotStart"], &data["slotEnd"]), (&json!("2026-11-20T10:00:00Z"), &json!(end)));
    }
}

/// Saving the stored settings again makes no new decision, because each would be one more paid display.
#[tokio::test]
async fn settings_that_change_nothing_end_nothing() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    let settings = json!({
        "campaignSelectionStrategy": "weighted", "timezone": "Asia/Kolkata",
        "campaignRotationSettings": {"rotationIntervalMinutes": 5, "priorityWeights": {"fairness": 0.5}},
    });
    server.choose(&streamer, settings.clone()).await;
    let shown = server.data(&streamer.token).await;
    server.choose(&streamer, settings).await;
    assert_eq!(server.data(&streamer.token).await, shown);
}

/// A change of other settings ends a decision, whether or not anybody has asked for the next one.
#[tokio::test]
async fn an_event_between_new_settings_and_the_next_decision_needs_its_receipt() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(2).await;
    let shown = server.data(&streamer.token).await;
    server.choose(&streamer, json!({"campaignRotationSettings": {"rotationIntervalMinutes": 7}})).await;
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    server.post(&path, json!({})).await.assert_event("rejected", Some("nothing-on-screen"));
    server.click(&streamer.token, &shown).await.assert_event("counted", None);
}

/// Defect S1: the previous system ignored the interval that a streamer set.
#[tokio::test]
async fn s1_an_interval_of_one_minute_rotates_at_every_minute_boundary() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    server.choose(&streamer, json!({"campaignRotationSettings": {"rotationIntervalMinutes": 1}})).await;
    let mut last = server.data(&streamer.token).await;
    for minute in 1..20 {
        server.clock.set(&format!("2026-11-20T10:{minute:02}:00Z"));
        let next = server.data(&streamer.token).await;
        assert_ne!(next["campaignId"], last["campaignId"], "at minute {minute}");
        server.clock.set(&format!("2026-11-20T10:{minute:02}:59.999Z"));
        assert_eq!(server.data(&streamer.token).await, next, "within minute {minute}");
        last = next;
    }
}

/// Defect S1: the previous system ignored `priorityWeights`.
#[tokio::test]
async fn s1_priority_weights_change_what_weighted_does() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let rich = server.campaign_with(|it| it.payment = cpm(4_000.0)).await;
    let poor = server.campaign_with(|it| it.payment = cpm(1.0)).await;
    let rich = server.join(&streamer, &rich).await;
    server.join(&streamer, &poor).await;
    let mut shares = Vec::new();
    for weights in [
        json!({"paymentRate": 1, "performance": 0, "fairness": 0}),
        json!({"paymentRate": 0, "performance": 0, "fairness": 1}),
    ] {
        let settings = json!({
            "campaignSelectionStrategy": "weighted",
            "campaignRotationSettings": {"rotationIntervalMinutes": 1, "priorityWeights": weights},
        });
        server.choose(&streamer, settings).await;
        let mut rich_slots = 0;
        for _ in 0..60 {
            server.clock.advance_seconds(60);
            let data = server.data(&streamer.token).await;
            rich_slots += u32::from(data["participationId"] == rich.id.to_string());
        }
        shares.push(rich_slots);
    }
    assert!(shares[0] >= 58, "by pay alone the rich campaign is on nearly always: {shares:?}");
    assert!((15..=45).contains(&shares[1]), "by fairness alone they take turns: {shares:?}");
}

/// Defect S8: the previous system drew a new campaign at every poll, so the overlay flickered.
#[tokio::test]
async fn s8_a_decision_holds_for_its_slot_and_reads_store_nothing_else() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(4).await;
    server.choose(&streamer, json!({"campaignSelectionStrategy": "weighted"})).await;
    let before = server.stored_user(streamer.user.id).await;
    let first = server.data(&streamer.token).await;
    for _ in 0..20 {
        server.clock.advance_seconds(5);
        assert_eq!(server.data(&streamer.token).await, first);
        assert_eq!(server.get(&format!("/api/v1/overlay/{}", streamer.token)).await.status, 200);
    }
    let latest = server.storage.decisions.find_latest(streamer.user.id).await.unwrap().unwrap();
    assert_eq!(latest.id.ordinal, 1);
    assert_eq!(server.stored_user(streamer.user.id).await, before);
    for participation in joined {
        assert_eq!(server.stored_participation(participation.id).await, participation);
    }
}

/// A paused campaign, a paused participation and an exhausted budget each end the decision, and another campaign follows.
#[tokio::test]
async fn o5_a_decision_ends_early_when_what_it_shows_may_no_longer_be_shown() {
    let server = TestServer::start().await;
    let (streamer, joined) = server.streamer_in(3).await;
    let first = server.data(&streamer.token).await;
    let of = |data: &serde_json::Value| {
        joined.iter().find(|joined| data["participationId"] == joined.id.to_string()).unwrap()
    };
    let storage = &server.storage;
    let (active, paused) = (CampaignStatus::Active, CampaignStatus::Paused);
    assert!(
        storage.campaigns.transition(of(&first).campaign_id, active, paused, server.now()).await.unwrap()
    );
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    let click_is = async |reason: &str| server.post(&path, json!({})).await.json()["reason"] == reason;
    soon("it is rejected", async || click_is("campaign-not-active").await).await;
    let second = server.data(&streamer.token).await;
    assert_ne!(second["participationId"], first["participationId"]);
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    assert!(storage.participations.transition(of(&second).id, active, paused, server.now()).await.unwrap());
    soon("it is rejected", async || click_is("participation-not-active").await).await;
    let third = server.data(&streamer.token).await;
    assert!(of(&third).id != of(&first).id && of(&third).id != of(&second).id);
    assert!(storage.participations.transition(of(&third).id, active, paused, server.now()).await.unwrap());
    let is_empty = async || server.data(&streamer.token).await["reason"] == "no-campaign";
    soon("nothing is left", is_empty).await;
    // The earlier display is still credited to its campaign.
    server.click(&streamer.token, &first).await.assert_event("counted", None);
    server.post(&path, json!({})).await.assert_event("rejected", Some("nothing-on-screen"));
    // A campaign that becomes eligible again is shown as soon as this is known, not only at the end of a slot.
    assert!(storage.participations.transition(of(&third).id, paused, active, server.now()).await.unwrap());
    let is_back = async || server.data(&streamer.token).await["participationId"] == third["participationId"];
    soon("it is back", is_back).await;
    server.assert_reconciled().await;
}

/// Defect S12: the previous system showed campaigns before their start, after their end and without money.
#[tokio::test]
async fn s12_dates_and_money_are_looked_at() {
    let server = TestServer::start().await;
    let streamer = server.streamer().await;
    let early =
        server.campaign_with(|it| it.start_date = Some("2026-11-20T11:00:00Z".parse().unwrap())).await;
    let late = server.campaign_with(|it| it.end_date = Some("2026-11-20T10:00:00Z".parse().unwrap())).await;
    let poor = server.campaign_with(|it| it.remaining_budget = units(0.999_999)).await;
    for campaign in [&early, &late, &poor] {
        server.join(&streamer, campaign).await;
    }
    assert_eq!(server.data(&streamer.token).await["reason"], "no-campaign");
    server.clock.set("2026-11-20T11:00:00Z");
    assert_eq!(server.data(&streamer.token).await["campaignId"], early.id.to_string());
}

/// Every decision can be replayed from its record.
#[tokio::test]
async fn every_stored_decision_replays_to_its_own_pick() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(6).await;
    server.choose(&streamer, json!({"campaignSelectionStrategy": "performance"})).await;
    for _ in 0..30 {
        server.clock.advance_seconds(180);
        let data = server.data(&streamer.token).await;
        let decision = server.storage.decisions.find_latest(streamer.user.id).await.unwrap().unwrap();
        let selection = decision.selection().unwrap();
        assert_eq!(selection.replay().unwrap().to_string(), data["campaignId"]);
        assert_eq!(decision.id.to_string(), data["decisionId"]);
    }
}

/// A clock that is a day ahead does not hold the screen for a day, and events under its decision get no future time.
#[tokio::test]
async fn a_decision_from_the_future_is_superseded() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    let ahead = server.beside_at("2026-11-21T10:00:30Z").await;
    let future = ahead.data(&streamer.token).await;
    assert_eq!(future["slotEnd"], "2026-11-21T10:03:00Z");

    // The superseded decision is not in force, so only an event with its receipt is credited to it.
    let path = format!("/api/v1/overlay/{}/click", streamer.token);
    server.post(&path, json!({})).await.assert_event("rejected", Some("nothing-on-screen"));
    server.click(&streamer.token, &future).await.assert_event("counted", None);

    let now = server.data(&streamer.token).await;
    assert_ne!(now["decisionId"], future["decisionId"]);
    assert_eq!(now["slotEnd"], "2026-11-20T10:03:00Z");
    assert_ne!(now["campaignId"], future["campaignId"], "the one from the future was shown longest ago");
    server.post(&path, json!({})).await.assert_event("counted", None);
    let latest = server.storage.decisions.find_latest(streamer.user.id).await.unwrap().unwrap();
    assert_eq!((latest.id.ordinal, latest.from), (2, server.now()));

    // Its receipt is valid for ten minutes after it was superseded, on every instance.
    let third = server.beside().await;
    server.clock.advance_seconds(600);
    third.click(&streamer.token, &future).await.assert_event("counted", None);
    third.display(&streamer.token, &future).await.assert_event("counted", None);
    server.clock.advance_seconds(1);
    let late = server.restarted().await.click(&streamer.token, &future).await;
    assert_eq!(late.status, 400, "{}", late.body);
    let participation = future["participationId"].as_str().unwrap().parse().unwrap();
    let rollups = third.storage.ledger.list_rollups(participation).await.unwrap();
    let quarters: Vec<_> = rollups.iter().map(|rollup| rollup.quarter.start().to_string()).collect();
    assert_eq!(quarters, ["2026-11-20T10:00:00Z"]);
    third.assert_reconciled().await;
}

/// Clocks that differ by at most two minutes count as equal: the first instance decides.
#[tokio::test]
async fn a_decision_of_a_clock_two_minutes_ahead_is_in_force() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(3).await;
    let ahead = server.beside_at("2026-11-20T10:02:30Z").await;
    let shown = ahead.data(&streamer.token).await;
    assert_eq!(server.data(&streamer.token).await, shown);
}
