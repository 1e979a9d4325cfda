//! Laws of participations, and of their browser source token, which no write changes.

use gametriggers_domain::{
    ledger::{Counters, EntryKind},
    model::{Participation, TrackingLinks},
};
use gametriggers_fixtures::{
    campaign, campaign_id, entry, interval, minute, new_participation, participation, participation_id,
    test_campaign, time, token, user, user_id,
};
use gametriggers_persistence::{Entity, Insertion, OverlayPatch, Repositories, SelectionPatch, StorageError};
use gametriggers_types::{ClickKind, Money, OverlaySize, ParticipationStatus, VisitSource};

use crate::{
    Fixture,
    support::{
        AWKWARD_COUNTS, AWKWARD_TEXT, TASKS, assert_already_exists, at_once, awkward_fractions, count,
        store_campaign, store_participation, store_user, stored_participation,
    },
};

crate::laws! { $ participations:
    a_participation_is_read_as_inserted_with_every_field_set,
    a_participation_is_read_as_inserted_with_every_optional_field_absent,
    awkward_texts_and_numbers_are_read_as_inserted,
    every_status_is_read_as_inserted,
    a_participation_that_is_not_there_is_not_found,
    a_token_is_compared_letter_by_letter,
    inserting_a_participation_again_changes_nothing,
    p6_of_many_joins_of_one_streamer_one_is_stored,
    a_streamer_takes_part_in_a_campaign_once,
    a_browser_source_token_belongs_to_one_participation,
    a_transition_changes_the_status_and_when_and_nothing_else,
    p12_a_transition_from_another_status_changes_nothing,
    of_many_different_transitions_one_succeeds,
    o13_tracking_links_are_stored_and_nothing_else_changes,
    tracking_links_set_at_once_are_all_kept,
    a_participation_that_is_not_there_is_not_made,
    e11000_no_write_changes_a_browser_source_token,
}

/// A participation in which no field is absent and no field has its default value.
pub(crate) fn full_participation(number: u32) -> Participation {
    Participation {
        id: participation_id(number),
        campaign_id: campaign_id(5),
        streamer_id: user_id(number),
        status: ParticipationStatus::ParticipationPaused,
        counters: Counters {
            impressions: 1,
            clicks: 2,
            chat_clicks: 3,
            qr_scans: 4,
            link_clicks: 5,
            visits: 6,
            paid_units: 7,
            earnings: Money::from_micros(8),
            peak_viewers: 9,
            viewer_sum: 10,
            viewer_samples: 11,
        },
        average_viewers_before: 12.5,
        browser_source_token: token(&format!("browser-source-{number}")),
        browser_source_url: format!("/api/v1/overlay/browser-source-{number}"),
        joined_at: time("2025-07-02T06:22:54.999Z"),
        tracking: TrackingLinks {
            tracking_url: Some("https://example.com/c/1?src=link".to_owned()),
            qr_code_url: Some("https://example.com/qr/1.png".to_owned()),
            chat_command: Some("!sponsor Zoë's: https://example.com/c/1".to_owned()),
        },
        created_at: time("2025-07-02T06:22:54.001Z"),
        updated_at: time("2026-03-01T11:59:59.999Z"),
    }
}

async fn transition(
    fixture: &impl Fixture,
    number: u32,
    from: ParticipationStatus,
    to: ParticipationStatus,
) -> bool {
    let participations = fixture.repositories().participations;
    participations.transition(participation_id(number), from, to, minute(1)).await.unwrap()
}

/// A participation with every field set is read as inserted, by id and by token.
async fn a_participation_is_read_as_inserted_with_every_field_set(fixture: &impl Fixture) {
    let new = new_participation(full_participation(1));
    let answer = fixture.repositories().participations.insert_if_absent(&new).await.unwrap();
    assert_eq!(answer, Insertion::Inserted);
    assert_eq!(stored_participation(fixture, participation_id(1)).await, full_participation(1));
    let participations = fixture.reopen().await.participations;
    let by_token = participations.find_by_token(&token("browser-source-1")).await.unwrap();
    assert_eq!(by_token, Some(full_participation(1)));
}

/// A participation without any optional field is read as inserted, and the absent fields stay absent.
async fn a_participation_is_read_as_inserted_with_every_optional_field_absent(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    assert_eq!(stored_participation(fixture, participation_id(1)).await, participation(1, 1, 1));
}

/// No text is trimmed or read as absent, no counter is rounded, and no fraction loses its last bit.
async fn awkward_texts_and_numbers_are_read_as_inserted(fixture: &impl Fixture) {
    let links = TrackingLinks {
        tracking_url: Some(AWKWARD_TEXT.to_owned()),
        qr_code_url: Some(String::new()),
        chat_command: Some(AWKWARD_TEXT.to_owned()),
    };
    for (number, count) in (1..).zip(AWKWARD_COUNTS) {
        let earnings = Money::from_micros(i64::try_from(count).unwrap());
        let odd = Participation {
            counters: Counters {
                impressions: count,
                viewer_sum: count,
                paid_units: count,
                earnings,
                ..full_participation(1).counters
            },
            browser_source_url: AWKWARD_TEXT.to_owned(),
            tracking: links.clone(),
            ..full_participation(number)
        };
        store_participation(fixture, odd.clone()).await;
        assert_eq!(stored_participation(fixture, odd.id).await, odd);
    }
    for (number, fraction) in (100..).zip(awkward_fractions(20)) {
        let odd = Participation { average_viewers_before: 1_000.0 * fraction, ..full_participation(number) };
        store_participation(fixture, odd.clone()).await;
        assert_eq!(stored_participation(fixture, odd.id).await, odd);
    }
}

/// Every status is read as inserted.
async fn every_status_is_read_as_inserted(fixture: &impl Fixture) {
    for (number, &status) in (1..).zip(ParticipationStatus::ALL) {
        let expected = Participation { status, ..participation(number, 1, number) };
        store_participation(fixture, expected.clone()).await;
        assert_eq!(stored_participation(fixture, expected.id).await, expected);
    }
}

/// A look-up by an id or token that no participation has finds nothing and is no error.
async fn a_participation_that_is_not_there_is_not_found(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.find_by_id(participation_id(2)).await.unwrap(), None);
    assert_eq!(participations.find_by_token(&token("browser-source-2")).await.unwrap(), None);
    assert_eq!(participations.list_active(user_id(2)).await.unwrap(), []);
}

/// A look-up by a token finds only its holder: not in another case, not as a pattern, not by a part of the token.
async fn a_token_is_compared_letter_by_letter(fixture: &impl Fixture) {
    for (number, text) in (1..).zip(["aB_c", "ab_c", "abXc", "aB_c0"]) {
        let holder = Participation { browser_source_token: token(text), ..participation(number, 1, number) };
        store_participation(fixture, holder).await;
    }
    let participations = fixture.reopen().await.participations;
    for (number, text) in (1..).zip(["aB_c", "ab_c", "abXc", "aB_c0"]) {
        let found = participations.find_by_token(&token(text)).await.unwrap().unwrap();
        assert_eq!(found.id, participation_id(number), "{text}");
    }
    for text in ["AB_C", "aBXc", "aB_", "B_c", "aB-c", "0", "_", "____"] {
        assert_eq!(participations.find_by_token(&token(text)).await.unwrap(), None, "{text}");
    }
}

/// An insertion never overwrites a participation of the same id, neither its token and counters nor another field.
async fn inserting_a_participation_again_changes_nothing(fixture: &impl Fixture) {
    store_participation(fixture, full_participation(1)).await;
    for second in [full_participation(1), Participation { id: participation_id(1), ..participation(2, 2, 2) }]
    {
        let new = new_participation(second);
        let answer = fixture.repositories().participations.insert_if_absent(&new).await.unwrap();
        assert_eq!(answer, Insertion::AlreadyPresent);
        assert_eq!(stored_participation(fixture, participation_id(1)).await, full_participation(1));
    }
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.find_by_token(&token("browser-source-2")).await.unwrap(), None);
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// If one streamer joins one campaign many times at once, one participation is stored, and the others get the reason.
async fn p6_of_many_joins_of_one_streamer_one_is_stored(fixture: &impl Fixture) {
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let join = participation(u32::try_from(task).unwrap(), 1, 1);
        client.participations.insert_if_absent(&new_participation(join)).await
    })
    .await;
    assert_eq!(count(&answers, |answer| matches!(answer, Ok(Insertion::Inserted))), 1);
    let participations = fixture.reopen().await.participations;
    for (number, answer) in (0..).zip(&answers) {
        let stored = participations.find_by_id(participation_id(number)).await.unwrap();
        assert_eq!(stored, answer.is_ok().then(|| participation(number, 1, 1)));
        if let Err(error) = answer {
            assert_one_join(error);
        }
    }
}

/// A second participation of a streamer in a campaign is refused, and nothing of it is stored.
async fn a_streamer_takes_part_in_a_campaign_once(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    let second = new_participation(participation(2, 1, 1));
    assert_one_join(&fixture.repositories().participations.insert_if_absent(&second).await.unwrap_err());
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.find_by_id(participation_id(2)).await.unwrap(), None);
    assert_eq!(participations.find_by_token(&token("browser-source-2")).await.unwrap(), None);
    store_participation(fixture, participation(3, 2, 1)).await;
    store_participation(fixture, participation(4, 1, 2)).await;
    for expected in [participation(1, 1, 1), participation(3, 2, 1), participation(4, 1, 2)] {
        assert_eq!(stored_participation(fixture, expected.id).await, expected);
    }
}

#[track_caller]
fn assert_one_join(error: &StorageError) {
    assert_already_exists(error, Entity::Participation, &["campaign", "streamer"], "browser-source");
}

/// A second participation with the browser source token of another is refused, and nothing of it is stored.
async fn a_browser_source_token_belongs_to_one_participation(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    let second = Participation { browser_source_token: token("browser-source-1"), ..participation(2, 2, 2) };
    let answer = fixture.repositories().participations.insert_if_absent(&new_participation(second)).await;
    let secret = "browser-source-1";
    assert_already_exists(&answer.unwrap_err(), Entity::Participation, &["browsersourcetoken"], secret);
    let participations = fixture.reopen().await.participations;
    assert_eq!(participations.find_by_id(participation_id(2)).await.unwrap(), None);
    let holder = participations.find_by_token(&token("browser-source-1")).await.unwrap();
    assert_eq!(holder, Some(participation(1, 1, 1)));
}

/// A transition changes only the status and the time of the last change, and only of this participation.
async fn a_transition_changes_the_status_and_when_and_nothing_else(fixture: &impl Fixture) {
    store_participation(fixture, full_participation(1)).await;
    store_participation(fixture, full_participation(2)).await;
    let (from, to) = (ParticipationStatus::ParticipationPaused, ParticipationStatus::Active);
    assert!(transition(fixture, 1, from, to).await);
    let expected = Participation { status: to, updated_at: minute(1), ..full_participation(1) };
    assert_eq!(stored_participation(fixture, participation_id(1)).await, expected);
    assert_eq!(stored_participation(fixture, participation_id(2)).await, full_participation(2));
}

/// A transition from a status that the participation does not have is refused and changes nothing.
async fn p12_a_transition_from_another_status_changes_nothing(fixture: &impl Fixture) {
    store_participation(fixture, full_participation(1)).await;
    let current = ParticipationStatus::ParticipationPaused;
    for &from in ParticipationStatus::ALL.iter().filter(|status| **status != current) {
        assert!(!transition(fixture, 1, from, ParticipationStatus::Completed).await, "from {from}");
        assert_eq!(stored_participation(fixture, participation_id(1)).await, full_participation(1));
    }
}

/// If callers move a participation to different states at once, exactly one succeeds, and its state is the stored one.
async fn of_many_different_transitions_one_succeeds(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    let goals = [
        ParticipationStatus::ParticipationPaused,
        ParticipationStatus::LeftEarly,
        ParticipationStatus::Removed,
    ];
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let (from, to) = (ParticipationStatus::Active, goals[task % goals.len()]);
        client.participations.transition(participation_id(1), from, to, minute(1)).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |won| *won), 1);
    let winner = answers.iter().position(|won| *won).unwrap();
    let status = goals[winner % goals.len()];
    let expected = Participation { status, updated_at: minute(1), ..participation(1, 1, 1) };
    assert_eq!(stored_participation(fixture, participation_id(1)).await, expected);
}

/// Each of the three links is stored if it is given and stays as it is if not, and no other field changes.
async fn o13_tracking_links_are_stored_and_nothing_else_changes(fixture: &impl Fixture) {
    store_participation(fixture, full_participation(1)).await;
    store_participation(fixture, full_participation(2)).await;
    let mut expected = full_participation(1);
    let text = |text: &str| Some(text.to_owned());
    let links =
        |tracking_url, qr_code_url, chat_command| TrackingLinks { tracking_url, qr_code_url, chat_command };
    for given in [
        links(text("/c/1"), None, None),
        links(None, text("/qr/1.png"), None),
        links(None, None, text(AWKWARD_TEXT)),
        links(None, None, None),
        links(text("/c/2"), text("/qr/2.png"), text("!sponsor")),
    ] {
        let participations = fixture.repositories().participations;
        assert!(participations.set_tracking_links(participation_id(1), &given).await.unwrap());
        let before = expected.tracking;
        expected.tracking = links(
            given.tracking_url.or(before.tracking_url),
            given.qr_code_url.or(before.qr_code_url),
            given.chat_command.or(before.chat_command),
        );
        assert_eq!(stored_participation(fixture, participation_id(1)).await, expected);
    }
    assert_eq!(stored_participation(fixture, participation_id(2)).await, full_participation(2));
}

/// If different links are set at once, none undoes another.
async fn tracking_links_set_at_once_are_all_kept(fixture: &impl Fixture) {
    store_participation(fixture, participation(1, 1, 1)).await;
    at_once(fixture, TASKS, |task, client| async move {
        let mut given = TrackingLinks::default();
        match task % 3 {
            0 => given.tracking_url = Some("/c/1".to_owned()),
            1 => given.qr_code_url = Some("/qr/1.png".to_owned()),
            _ => given.chat_command = Some("!sponsor".to_owned()),
        }
        assert!(client.participations.set_tracking_links(participation_id(1), &given).await.unwrap());
    })
    .await;
    let tracking = TrackingLinks {
        tracking_url: Some("/c/1".to_owned()),
        qr_code_url: Some("/qr/1.png".to_owned()),
        chat_command: Some("!sponsor".to_owned()),
    };
    let expected = Participation { tracking, ..participation(1, 1, 1) };
    assert_eq!(stored_participation(fixture, participation_id(1)).await, expected);
}

/// No write for a participation that does not exist creates one.
async fn a_participation_that_is_not_there_is_not_made(fixture: &impl Fixture) {
    store_participation(fixture, participation(2, 1, 2)).await;
    let links = TrackingLinks { chat_command: Some("!sponsor".to_owned()), ..TrackingLinks::default() };
    let participations = fixture.repositories().participations;
    assert!(!participations.set_tracking_links(participation_id(1), &links).await.unwrap());
    let nothing = TrackingLinks::default();
    assert!(!participations.set_tracking_links(participation_id(1), &nothing).await.unwrap());
    assert!(!transition(fixture, 1, ParticipationStatus::Active, ParticipationStatus::Removed).await);
    let fresh = fixture.reopen().await.participations;
    assert_eq!(fresh.find_by_id(participation_id(1)).await.unwrap(), None);
    assert_eq!(stored_participation(fixture, participation_id(2)).await, participation(2, 1, 2));
}

/// Whatever many tasks of two instances write about a streamer, every browser source token of that streamer stays as it was at
/// joining, and no write fails on a unique value of another document; this bug (E11000) was the reason for this system.
async fn e11000_no_write_changes_a_browser_source_token(fixture: &impl Fixture) {
    const PARTS: u32 = 8;
    const WRITERS: u32 = 8;
    store_user(fixture, user(1)).await;
    for number in 1..=PARTS {
        store_campaign(fixture, campaign(number)).await;
        store_participation(fixture, participation(number, number, 1)).await;
    }
    at_once(fixture, WRITERS as usize, |task, client| async move {
        for number in 1..=PARTS {
            write_everything_about(&client, u32::try_from(task).unwrap(), number).await;
        }
    })
    .await;

    let participations = fixture.reopen().await.participations;
    for number in 1..=PARTS {
        let joined = participation(number, number, 1);
        let stored = stored_participation(fixture, joined.id).await;
        assert_eq!(stored.browser_source_token.expose(), joined.browser_source_token.expose());
        assert_eq!(stored.browser_source_url, joined.browser_source_url);
        let writers = u64::from(WRITERS);
        assert_eq!((stored.counters.impressions, stored.counters.clicks), (2 * writers, 4 * writers));
        let found = participations.find_by_token(&joined.browser_source_token).await.unwrap();
        assert_eq!(found, Some(stored));
        let replaced = token(&format!("replaced-{number}"));
        assert_eq!(participations.find_by_token(&replaced).await.unwrap(), None);
    }
    let overlay_token =
        fixture.reopen().await.users.find_by_id(user_id(1)).await.unwrap().unwrap().overlay_token;
    assert_eq!(participations.find_by_token(&overlay_token.unwrap()).await.unwrap(), None);
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// Makes every kind of write that touches streamer 1 or their participation `number`.
async fn write_everything_about(client: &Repositories, task: u32, number: u32) {
    let own = |what: &str| format!("{what}-{task}-{number}");
    let (streamer, part) = (user_id(1), participation(number, number, 1));

    let users = &client.users;
    users.ensure_overlay_token(streamer, &token(&own("ensured"))).await.unwrap();
    users.regenerate_overlay_token(streamer, &token(&own("renewed")), minute(1)).await.unwrap();
    users.touch_overlays(&[(streamer, minute(2))]).await.unwrap();
    let size = OverlayPatch { size: Some(OverlaySize::Large), ..OverlayPatch::default() };
    users.update_overlay(streamer, &size, minute(3)).await.unwrap();
    let interval = SelectionPatch { interval: Some(interval(5)), ..SelectionPatch::default() };
    users.update_selection(streamer, &interval, minute(4)).await.unwrap();
    let test = test_campaign("Test", minute(5));
    users.set_test_campaign(streamer, &test).await.unwrap();

    let participations = &client.participations;
    let (active, paused) = (ParticipationStatus::Active, ParticipationStatus::ParticipationPaused);
    participations.transition(part.id, active, paused, minute(1)).await.unwrap();
    participations.transition(part.id, paused, active, minute(2)).await.unwrap();
    let links = TrackingLinks {
        tracking_url: Some(own("/c")),
        qr_code_url: Some(own("/qr")),
        chat_command: Some(own("!sponsor")),
    };
    participations.set_tracking_links(part.id, &links).await.unwrap();
    let replaced =
        Participation { browser_source_token: token(&format!("replaced-{number}")), ..part.clone() };
    let again = participations.insert_if_absent(&new_participation(replaced)).await.unwrap();
    assert_eq!(again, Insertion::AlreadyPresent);

    let batch = [
        entry(&own("display"), &part, EntryKind::Display),
        entry(&own("viewers"), &part, EntryKind::Viewers),
        entry(&own("overlay"), &part, EntryKind::Click(ClickKind::Overlay)),
        entry(&own("chat"), &part, EntryKind::Click(ClickKind::Chat)),
        entry(&own("qr"), &part, EntryKind::Click(ClickKind::Qr)),
        entry(&own("visit"), &part, EntryKind::Visit(VisitSource::Qr)),
    ];
    client.ledger.record(batch.into()).await.unwrap();
    if task == 0 {
        client.ledger.reconcile(true).await.unwrap();
    }
}
