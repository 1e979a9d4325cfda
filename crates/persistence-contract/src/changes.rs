//! Laws of the change feed: which changes its subscribers are told.

use std::time::Duration;

use gametriggers_domain::{
    ledger::EntryKind,
    model::{Campaign, User},
};
use gametriggers_fixtures::{
    SOON, campaign, cpc, entry, interval, minute, new_campaign, new_participation, participation,
    test_campaign, token, units, user, user_id, user_with_token,
};
use gametriggers_persistence::{
    CHANGES_MAX, Change, ChangeStream, Insertion, OverlayPatch, Repositories, SelectionPatch, Told,
};
use gametriggers_types::{CampaignStatus, ClickKind, OverlaySize, ParticipationStatus, VisitSource};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Fixture,
    stage::{Stage, stage_of_one},
    support::{TASKS, at_once, store_user},
};

crate::laws! { $ changes:
    every_change_of_a_user_is_told_whoever_made_it,
    a_campaign_or_participation_that_begins_or_ceases_to_be_shown_is_told,
    a_join_is_told_and_so_is_a_campaign_that_comes_after_it,
    that_money_runs_out_is_told_and_that_it_is_spent_is_not,
    what_happens_all_the_time_is_not_told,
    changes_before_the_first_question_and_between_two_are_told,
    of_many_changes_at_once_every_one_is_told_to_everybody,
    a_quiet_store_says_so,
    a_busy_store_tells_all_that_there_was_when_it_was_asked,
}

/// Makes one kind of change to a user; `kind` counts from 0 to `KINDS` - 1.
async fn change(client: &Repositories, kind: usize, number: u32) {
    let users = &client.users;
    let id = user_id(number);
    match kind {
        0 => {
            let patch = OverlayPatch { size: Some(OverlaySize::Small), ..OverlayPatch::default() };
            assert!(users.update_overlay(id, &patch, minute(1)).await.unwrap().is_some());
        }
        1 => {
            let patch = SelectionPatch { interval: Some(interval(7)), ..SelectionPatch::default() };
            users.update_selection(id, &patch, minute(1)).await.unwrap();
        }
        2 => {
            let test = test_campaign("Test", minute(2));
            assert!(users.set_test_campaign(id, &test).await.unwrap());
        }
        3 => {
            let first = token(&format!("first-{number}"));
            assert_eq!(users.ensure_overlay_token(id, &first).await.unwrap(), Some(first));
        }
        _ => {
            let renewed = token(&format!("renewed-{number}"));
            assert!(users.regenerate_overlay_token(id, &renewed, minute(1)).await.unwrap());
        }
    }
}

const KINDS: usize = 5;

/// Reads the stream until it has told a change of each of these users, and returns all changes that it told.
async fn told(stream: &mut dyn ChangeStream, users: impl IntoIterator<Item = u32>) -> Vec<Change> {
    told_until(stream, &users.into_iter().map(|number| Change::User(user_id(number))).collect::<Vec<_>>())
        .await
}

/// Reads the stream until it has told every change in `awaited`, and returns all changes that it told, without repetitions.
async fn told_until(stream: &mut dyn ChangeStream, awaited: &[Change]) -> Vec<Change> {
    let mut told = Vec::new();
    let all = async {
        while !awaited.iter().all(|change| told.contains(change)) {
            let answer = stream.next().await.unwrap();
            assert!(answer.changes.len() <= CHANGES_MAX);
            for change in answer.changes {
                assert_ne!(change, Change::Everything, "nothing happened that a store could not tell");
                if !told.contains(&change) {
                    told.push(change);
                }
            }
        }
    };
    timeout(SOON, all).await.expect("a change is told soon");
    told
}

/// The feed tells every kind of change of a user soon, whichever client made it, and also if the user's overlay was seen before.
async fn every_change_of_a_user_is_told_whoever_made_it(fixture: &impl Fixture) {
    let own = fixture.repositories();
    let other = fixture.reopen().await;
    store_user(fixture, user(1)).await;
    store_user(fixture, User { overlay_last_seen: Some(minute(0)), ..user(2) }).await;
    for (number, client) in [(1, &own), (2, &other)] {
        let mut stream = own.changes.subscribe().await.unwrap();
        for kind in 0..KINDS {
            change(client, kind, number).await;
            told(&mut *stream, [number]).await;
        }
    }
}

/// The feed tells every transition of a campaign or a participation, whichever client makes it.
async fn a_campaign_or_participation_that_begins_or_ceases_to_be_shown_is_told(fixture: &impl Fixture) {
    use {CampaignStatus as Campaign, ParticipationStatus as Part};
    let (_, part) = stage_of_one(fixture).await;
    store_user(fixture, user(1)).await;
    let (own, other) = (fixture.repositories(), fixture.reopen().await);
    let mut stream = own.changes.subscribe().await.unwrap();
    for client in [&own, &other] {
        for (from, to) in [(Campaign::Active, Campaign::Paused), (Campaign::Paused, Campaign::Active)] {
            let (campaigns, id) = (&client.campaigns, part.campaign_id);
            assert!(campaigns.transition(id, from, to, minute(1)).await.unwrap());
            assert_eq!(told_until(&mut *stream, &[Change::Campaign(id)]).await, [Change::Campaign(id)]);
        }
        for (from, to) in
            [(Part::Active, Part::ParticipationPaused), (Part::ParticipationPaused, Part::Active)]
        {
            assert!(client.participations.transition(part.id, from, to, minute(1)).await.unwrap());
            let screen = Change::User(part.streamer_id);
            assert_eq!(told_until(&mut *stream, &[screen]).await, [screen]);
        }
    }
}

/// The feed tells a new participation, which may fill its streamer's screen, and a new campaign whose streamers joined before it
/// was stored, as in an import; it does not tell an insertion of a document that is already present.
async fn a_join_is_told_and_so_is_a_campaign_that_comes_after_it(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    store_user(fixture, user_with_token(2)).await;
    let (own, other) = (fixture.repositories(), fixture.reopen().await);
    let mut stream = own.changes.subscribe().await.unwrap();
    for (number, kind, client) in [(1, 0, &own), (2, 1, &other)] {
        let (part, campaign) =
            (new_participation(participation(number, number, 1)), new_campaign(campaign(number)));
        let (screen, joined) = (Change::User(user_id(1)), Change::Campaign(campaign.campaign.id));
        assert_eq!(client.participations.insert_if_absent(&part).await.unwrap(), Insertion::Inserted);
        assert_eq!(told_until(&mut *stream, &[screen]).await, [screen]);
        assert_eq!(client.campaigns.insert_if_absent(&campaign).await.unwrap(), Insertion::Inserted);
        assert_eq!(told_until(&mut *stream, &[joined]).await, [joined]);
        client.participations.insert_if_absent(&part).await.unwrap();
        client.campaigns.insert_if_absent(&campaign).await.unwrap();
        change(client, kind, 2).await;
        assert_eq!(told(&mut *stream, [2]).await, [Change::User(user_id(2))]);
    }
}

/// The feed tells that a campaign cannot pay for one more unit, because screens must stop showing it, and does not tell earlier
/// spending.
async fn that_money_runs_out_is_told_and_that_it_is_spent_is_not(fixture: &impl Fixture) {
    let rich = campaign(1);
    let poor = Campaign { payment: cpc(2.0), remaining_budget: units(6.5), ..campaign(2) };
    let parts = [participation(1, 1, 1), participation(2, 2, 1)];
    let mut stage = Stage::set(fixture, &[rich, poor.clone()], &parts).await;
    let visit = |id: &str| entry(id, &parts[1], EntryKind::Visit(VisitSource::Qr));
    store_user(fixture, user(1)).await;
    // The first entries of an imported document may be told, so the test records them before it subscribes.
    stage.record(&[entry("first", &parts[0], EntryKind::Display), visit("first visit")]).await;
    let client = fixture.reopen().await;
    let mut stream = client.changes.subscribe().await.unwrap();
    for number in 0..3 {
        stage.record(&[entry(&format!("display {number}"), &parts[0], EntryKind::Display)]).await;
    }
    stage.record(&[visit("second visit")]).await;
    change(&client, 0, 1).await;
    assert_eq!(told(&mut *stream, [1]).await, [Change::User(user_id(1))]);
    stage.record(&[visit("third visit")]).await;
    assert_eq!(told_until(&mut *stream, &[Change::Campaign(poor.id)]).await, [Change::Campaign(poor.id)]);
}

/// The feed tells neither that an overlay was seen, nor what the ledger counts, nor a new user, nor anybody whose documents did
/// not change.
async fn what_happens_all_the_time_is_not_told(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    stage.record(&[entry("first", &part, EntryKind::Click(ClickKind::Overlay))]).await;
    for number in 1..=3 {
        store_user(fixture, user_with_token(number)).await;
    }
    let client = fixture.repositories();
    let mut stream = client.changes.subscribe().await.unwrap();
    for seen in 1..=3 {
        client.users.touch_overlays(&[(user_id(1), minute(seen))]).await.unwrap();
    }
    stage.record(&[entry("click", &part, EntryKind::Click(ClickKind::Overlay))]).await;
    store_user(fixture, user_with_token(4)).await;
    change(&client, 0, 2).await;
    assert_eq!(told(&mut *stream, [2]).await, [Change::User(user_id(2))]);
}

/// A subscription tells every change since it began, also a change before the first question and a change between two questions.
async fn changes_before_the_first_question_and_between_two_are_told(fixture: &impl Fixture) {
    for number in 1..=3 {
        store_user(fixture, user_with_token(number)).await;
    }
    let client = fixture.reopen().await;
    let mut stream = fixture.repositories().changes.subscribe().await.unwrap();
    change(&client, 0, 1).await;
    told(&mut *stream, [1]).await;
    change(&client, 0, 2).await;
    sleep(Duration::from_millis(600)).await;
    change(&client, 0, 3).await;
    told(&mut *stream, [2, 3]).await;
}

/// If many tasks make changes at once through two clients, every subscriber is told every change.
async fn of_many_changes_at_once_every_one_is_told_to_everybody(fixture: &impl Fixture) {
    let numbers = 1..=u32::try_from(TASKS).unwrap();
    for number in numbers.clone() {
        store_user(fixture, user_with_token(number)).await;
    }
    let mut streams = [
        fixture.repositories().changes.subscribe().await.unwrap(),
        fixture.repositories().changes.subscribe().await.unwrap(),
        fixture.reopen().await.changes.subscribe().await.unwrap(),
    ];
    at_once(fixture, TASKS, |task, client| async move {
        change(&client, task % 3, u32::try_from(task).unwrap() + 1).await;
    })
    .await;
    for stream in &mut streams {
        told(&mut **stream, numbers.clone()).await;
    }
}

/// While nothing changes, the feed answers each question soon and says that nothing changed.
async fn a_quiet_store_says_so(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let mut stream = fixture.repositories().changes.subscribe().await.unwrap();
    for _ in 0..4 {
        let asked = Instant::now();
        assert_eq!(stream.next().await.unwrap(), Told { changes: Vec::new(), is_all: true });
        assert!(asked.elapsed() < SOON);
    }
}

/// However often the store changes, answers keep telling all changes that existed when the question was asked, and every change
/// is in one of the answers.
async fn a_busy_store_tells_all_that_there_was_when_it_was_asked(fixture: &impl Fixture) {
    const ENOUGH: u32 = 5;
    store_user(fixture, user(1)).await;
    for pause in [Duration::from_millis(50), Duration::from_millis(10)] {
        let mut stream = fixture.repositories().changes.subscribe().await.unwrap();
        let client = fixture.reopen().await;
        let busy = tokio::spawn(async move {
            for number in 1.. {
                let patch = OverlayPatch { size: Some(OverlaySize::Small), ..OverlayPatch::default() };
                client.users.update_overlay(user_id(1), &patch, minute(number)).await.unwrap();
                sleep(pause).await;
            }
        });
        // Counts the answers that are complete and tell a change.
        let mut complete = 0;
        let enough = async {
            while complete < ENOUGH {
                let answer = stream.next().await.unwrap();
                complete += u32::from(answer.is_all && !answer.changes.is_empty());
            }
        };
        timeout(ENOUGH * SOON, enough).await.expect("no answer waits for a pause");
        busy.abort();
        busy.await.unwrap_err();
    }
}
