//! Laws of the overlay: its settings, the time when it was last seen, and its test ad.

use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_fixtures::{minute, test_campaign, user, user_id, user_with_token};
use gametriggers_persistence::OverlayPatch;
use gametriggers_types::{MediaType, OverlayPosition, OverlaySettings, OverlaySize, WebUrl};

use crate::{
    Fixture,
    support::{AWKWARD_TEXT, TASKS, at_once, store_user, stored_user},
};

crate::laws! { $ overlay:
    a_patch_changes_what_it_names_and_nothing_else,
    patches_of_different_settings_at_once_are_all_kept,
    o17_being_seen_changes_nothing_but_when,
    many_overlays_are_seen_at_once,
    being_seen_never_goes_back,
    a_test_ad_changes_nothing_else_and_replaces_the_one_before,
    a_user_who_is_not_there_is_not_made,
}

/// Settings in which no field has its default value.
fn old() -> OverlaySettings {
    OverlaySettings {
        position: OverlayPosition::TopRight,
        size: OverlaySize::Large,
        opacity: 20.0.try_into().unwrap(),
        background_color: "#102030".parse().unwrap(),
    }
}

/// Settings in which every field differs from [`old`].
fn new() -> OverlaySettings {
    OverlaySettings {
        position: OverlayPosition::TopLeft,
        size: OverlaySize::Small,
        opacity: 33.333_333_333_333_336.try_into().unwrap(),
        background_color: "#aBc".parse().unwrap(),
    }
}

/// A streamer with the [`old`] settings.
fn streamer(number: u32) -> User {
    User { overlay: old(), ..user_with_token(number) }
}

/// One patch per setting that sets it to its value in [`new`], each with the settings that follow if [`old`] were stored.
fn single_patches() -> [(OverlayPatch, OverlaySettings); 4] {
    let patch = OverlayPatch::default;
    let OverlaySettings { position, size, opacity, background_color } = new();
    [
        (OverlayPatch { position: Some(position), ..patch() }, OverlaySettings { position, ..old() }),
        (OverlayPatch { size: Some(size), ..patch() }, OverlaySettings { size, ..old() }),
        (OverlayPatch { opacity: Some(opacity), ..patch() }, OverlaySettings { opacity, ..old() }),
        (
            OverlayPatch { background_color: Some(background_color.clone()), ..patch() },
            OverlaySettings { background_color, ..old() },
        ),
    ]
}

/// A patch changes only the settings that it names and the time of the last change, only of this user, and returns what is
/// stored; an empty patch changes no setting.
async fn a_patch_changes_what_it_names_and_nothing_else(fixture: &impl Fixture) {
    for bystander in [1, 9] {
        store_user(fixture, streamer(bystander)).await;
    }
    let unnamed = (OverlayPatch::default(), old());
    for (number, (patch, overlay)) in (2..).zip(single_patches().into_iter().chain([unnamed])) {
        store_user(fixture, streamer(number)).await;
        let users = fixture.repositories().users;
        let answer = users.update_overlay(user_id(number), &patch, minute(1)).await.unwrap();
        let expected = User { overlay, updated_at: minute(1), ..user_with_token(number) };
        assert_eq!(answer.as_ref(), Some(&expected), "{patch:?}");
        assert_eq!(stored_user(fixture, user_id(number)).await, expected);
    }
    for bystander in [1, 9] {
        assert_eq!(stored_user(fixture, user_id(bystander)).await, streamer(bystander));
    }
}

/// If patches of different settings are made at once, none undoes another.
async fn patches_of_different_settings_at_once_are_all_kept(fixture: &impl Fixture) {
    store_user(fixture, streamer(1)).await;
    at_once(fixture, TASKS, |task, client| async move {
        let (patch, _) = &single_patches()[task % 4];
        client.users.update_overlay(user_id(1), patch, minute(1)).await.unwrap();
    })
    .await;
    let expected = User { overlay: new(), updated_at: minute(1), ..streamer(1) };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
}

/// A sighting of the overlay changes only the time when the overlay was last seen.
async fn o17_being_seen_changes_nothing_but_when(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    store_user(fixture, user_with_token(2)).await;
    fixture.repositories().users.touch_overlays(&[(user_id(1), minute(1))]).await.unwrap();
    let expected = User { overlay_last_seen: Some(minute(1)), ..user_with_token(1) };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
    assert_eq!(stored_user(fixture, user_id(2)).await, user_with_token(2));
}

/// One call notes many sightings, each independently, and ignores an id that no user has.
async fn many_overlays_are_seen_at_once(fixture: &impl Fixture) {
    for number in 1..=3 {
        store_user(fixture, user_with_token(number)).await;
    }
    let users = fixture.repositories().users;
    users.touch_overlays(&[]).await.unwrap();
    users.touch_overlays(&[(user_id(2), minute(9))]).await.unwrap();
    let seen = [(4, 1), (1, 5), (2, 3), (1, 7), (1, 6)];
    let seen = seen.map(|(number, at)| (user_id(number), minute(at)));
    users.touch_overlays(&seen).await.unwrap();
    for (number, expected) in [(1, Some(minute(7))), (2, Some(minute(9))), (3, None)] {
        assert_eq!(stored_user(fixture, user_id(number)).await.overlay_last_seen, expected);
    }
}

/// The latest sighting of the overlay is kept, in whatever order sightings are noted.
async fn being_seen_never_goes_back(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let users = fixture.repositories().users;
    users.touch_overlays(&[(user_id(1), minute(5))]).await.unwrap();
    users.touch_overlays(&[(user_id(1), minute(4))]).await.unwrap();
    assert_eq!(stored_user(fixture, user_id(1)).await.overlay_last_seen, Some(minute(5)));
    at_once(fixture, TASKS, |task, client| async move {
        let scattered = minute((7 * i64::try_from(task).unwrap()) % 32);
        client.users.touch_overlays(&[(user_id(1), scattered)]).await.unwrap();
    })
    .await;
    let expected = User { overlay_last_seen: Some(minute(31)), ..user_with_token(1) };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
}

/// A new test ad replaces the previous one in every field and changes nothing else.
async fn a_test_ad_changes_nothing_else_and_replaces_the_one_before(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    store_user(fixture, user_with_token(2)).await;
    let first = TestCampaign {
        title: AWKWARD_TEXT.to_owned(),
        media_url: WebUrl::parse("https://media.example.com/test.mp4?a=1&b='").unwrap(),
        media_type: MediaType::Video,
        expires_at: minute(2),
    };
    let second = TestCampaign {
        title: String::new(),
        media_url: WebUrl::parse("/media/test.png").unwrap(),
        media_type: MediaType::Image,
        expires_at: minute(1),
    };
    for test in [first, second] {
        assert!(fixture.repositories().users.set_test_campaign(user_id(1), &test).await.unwrap());
        let expected = User { test_campaign: Some(test), ..user_with_token(1) };
        assert_eq!(stored_user(fixture, user_id(1)).await, expected);
    }
    assert_eq!(stored_user(fixture, user_id(2)).await, user_with_token(2));
}

/// No write for a user who does not exist creates one.
async fn a_user_who_is_not_there_is_not_made(fixture: &impl Fixture) {
    store_user(fixture, user(2)).await;
    let users = fixture.repositories().users;
    let test = test_campaign("Test", minute(1));
    for (patch, _) in single_patches() {
        assert_eq!(users.update_overlay(user_id(1), &patch, minute(1)).await.unwrap(), None);
    }
    users.touch_overlays(&[(user_id(1), minute(1))]).await.unwrap();
    assert!(!users.set_test_campaign(user_id(1), &test).await.unwrap());
    assert_eq!(fixture.reopen().await.users.find_by_id(user_id(1)).await.unwrap(), None);
    assert_eq!(stored_user(fixture, user_id(2)).await, user(2));
}
