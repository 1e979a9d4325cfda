//! Laws of users: insertion and reading.

use gametriggers_domain::model::{TestCampaign, User};
use gametriggers_fixtures::{
    blackout, interval, minute, new_user, time, token, user, user_id, user_with_token, weights,
};
use gametriggers_persistence::{Entity, Insertion};
use gametriggers_types::{
    AuthProvider, MediaType, OverlayPosition, OverlaySettings, OverlaySize, ParameterValue, Role,
    SelectionSettings, Spacing, StrategyName, StrategyParameters, TimeZoneName, WebUrl,
};

use crate::{
    Fixture,
    support::{
        AWKWARD_TEXT, TASKS, assert_already_exists, at_once, awkward_fractions, count, store_user,
        stored_user,
    },
};

crate::laws! { $ users:
    a_user_is_read_as_inserted_with_every_field_set,
    a_user_is_read_as_inserted_with_every_optional_field_absent,
    awkward_texts_and_numbers_are_read_as_inserted,
    every_role_and_provider_is_read_as_inserted,
    who_is_not_there_is_not_found,
    inserting_a_user_again_changes_nothing,
    of_many_callers_inserting_one_user_one_inserts,
    an_email_address_belongs_to_one_user,
    of_many_users_with_one_email_address_one_is_stored,
    an_overlay_token_belongs_to_one_user,
    any_number_of_users_have_no_overlay_token,
    an_imported_user_keeps_their_version_of_the_settings,
}

/// A user in which no field is absent and no field has its default value.
fn full_user(number: u32) -> User {
    let mut parameters = StrategyParameters::default();
    parameters.set("capped-fair", "share", ParameterValue::Number(0.1 + 0.2));
    User {
        id: user_id(number),
        email: format!("o'brien+{number}@exämple.com"),
        name: "Zoë O'Brien".to_owned(),
        image: Some("https://media.example.com/zoe.png".to_owned()),
        role: Role::StreamerIndividual,
        auth_provider: AuthProvider::Youtube,
        auth_provider_id: Some("UC-1234567890".to_owned()),
        channel_url: Some("https://youtube.example.com/@zoe".to_owned()),
        categories: vec!["gaming".to_owned(), "food, drink".to_owned()],
        languages: vec!["hi".to_owned(), "en".to_owned()],
        description: Some("Line one\nLine two".to_owned()),
        is_active: false,
        overlay: OverlaySettings {
            position: OverlayPosition::TopLeft,
            size: OverlaySize::Large,
            opacity: 33.333_333_333_333_336.try_into().unwrap(),
            background_color: "#10203040".parse().unwrap(),
        },
        overlay_token: Some(token(&format!("overlay-{number}"))),
        tokens_revoked_at: Some(time("2026-02-28T23:59:59.999Z")),
        overlay_last_seen: Some(time("2026-03-01T00:00:00.001Z")),
        selection: SelectionSettings {
            strategy: StrategyName::new("revenue-optimized"),
            interval: interval(60),
            weights: weights(0.1 + 0.2, 1.0 / 3.0, 0.0),
            parameters,
            spacing: Spacing { in_a_row: 3.0.try_into().unwrap(), between: 2.0.try_into().unwrap() },
            blackouts: vec![
                blackout("22:00", "06:00", &["friday", "sunday"]),
                blackout("00:00", "24:00", &["monday"]),
                blackout("22:00", "06:00", &["friday"]),
            ],
            time_zone: TimeZoneName::parse("Asia/Kolkata").unwrap(),
            version: 4_294_967_297,
        },
        test_campaign: Some(TestCampaign {
            title: "Is this where it goes?".to_owned(),
            media_url: WebUrl::parse("https://media.example.com/test.mp4?a=1&b=%20").unwrap(),
            media_type: MediaType::Video,
            expires_at: time("2026-03-01T12:00:10.500Z"),
        }),
        created_at: time("2025-07-02T06:12:24.017Z"),
        updated_at: time("2026-03-01T11:59:59.999Z"),
    }
}

/// A user with every field set is read as inserted, by id and by token.
async fn a_user_is_read_as_inserted_with_every_field_set(fixture: &impl Fixture) {
    let expected = full_user(1);
    let answer = fixture.repositories().users.insert_if_absent(&new_user(expected.clone())).await.unwrap();
    assert_eq!(answer, Insertion::Inserted);
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
    let by_token = fixture.reopen().await.users.find_by_overlay_token(&token("overlay-1")).await.unwrap();
    assert_eq!(by_token, Some(expected));
}

/// A user without any optional field is read as inserted, and the absent fields stay absent.
async fn a_user_is_read_as_inserted_with_every_optional_field_absent(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    assert_eq!(stored_user(fixture, user_id(1)).await, user(1));
}

/// No text is trimmed, cut, normalised or read as absent, and no fraction loses its last bit.
async fn awkward_texts_and_numbers_are_read_as_inserted(fixture: &impl Fixture) {
    let odd = User {
        name: AWKWARD_TEXT.to_owned(),
        email: format!("{AWKWARD_TEXT}@example.com"),
        image: Some(String::new()),
        description: Some(AWKWARD_TEXT.repeat(200)),
        categories: vec![AWKWARD_TEXT.to_owned(), String::new()],
        selection: SelectionSettings {
            strategy: StrategyName::new(AWKWARD_TEXT),
            ..SelectionSettings::default()
        },
        ..full_user(1)
    };
    store_user(fixture, odd.clone()).await;
    assert_eq!(stored_user(fixture, odd.id).await, odd);

    for (number, fraction) in (2..).zip(awkward_fractions(30)) {
        let mut user = user(number);
        user.selection.weights = weights(fraction, fraction, fraction);
        user.overlay.opacity = (20.0 + 80.0 * fraction).try_into().unwrap();
        store_user(fixture, user.clone()).await;
        assert_eq!(stored_user(fixture, user.id).await, user);
    }
}

/// Every value of the enums is read as inserted.
async fn every_role_and_provider_is_read_as_inserted(fixture: &impl Fixture) {
    for (number, &role) in (1..).zip(Role::ALL) {
        let auth_provider = AuthProvider::ALL[number as usize % AuthProvider::ALL.len()];
        let expected = User { role, auth_provider, ..user(number) };
        store_user(fixture, expected.clone()).await;
        assert_eq!(stored_user(fixture, expected.id).await, expected);
    }
}

/// A look-up by an id or token that no user has finds nothing and is no error.
async fn who_is_not_there_is_not_found(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let users = fixture.reopen().await.users;
    assert_eq!(users.find_by_id(user_id(2)).await.unwrap(), None);
    assert_eq!(users.find_by_overlay_token(&token("overlay-2")).await.unwrap(), None);
}

/// An insertion never overwrites a user of the same id, even if e-mail address and token are equal, too.
async fn inserting_a_user_again_changes_nothing(fixture: &impl Fixture) {
    store_user(fixture, full_user(1)).await;
    store_user(fixture, user_with_token(2)).await;
    let second_tries = [
        full_user(1),
        User { name: "Somebody else".to_owned(), ..full_user(1) },
        User { id: user_id(1), ..user(3) },
        User { id: user_id(1), ..user_with_token(2) },
    ];
    for second in second_tries {
        let answer = fixture.repositories().users.insert_if_absent(&new_user(second)).await.unwrap();
        assert_eq!(answer, Insertion::AlreadyPresent);
        assert_eq!(stored_user(fixture, user_id(1)).await, full_user(1));
    }
    assert_eq!(stored_user(fixture, user_id(2)).await, user_with_token(2));
}

/// If many callers insert the same user at once, one inserts the user, and the others learn that the user is already present.
async fn of_many_callers_inserting_one_user_one_inserts(fixture: &impl Fixture) {
    let answers = at_once(fixture, TASKS, |_, client| async move {
        client.users.insert_if_absent(&new_user(full_user(1))).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |answer| *answer == Insertion::Inserted), 1);
    assert_eq!(stored_user(fixture, user_id(1)).await, full_user(1));
}

/// A second user with the e-mail address of another is refused by the field's name, and nothing of that user is stored.
async fn an_email_address_belongs_to_one_user(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let second = User { email: user(1).email, ..user_with_token(2) };
    let error = fixture.repositories().users.insert_if_absent(&new_user(second)).await.unwrap_err();
    assert_already_exists(&error, Entity::User, &["email"], &user(1).email);

    let fresh = fixture.reopen().await.users;
    assert_eq!(fresh.find_by_id(user_id(2)).await.unwrap(), None);
    assert_eq!(fresh.find_by_overlay_token(&token("overlay-2")).await.unwrap(), None);
    assert_eq!(stored_user(fixture, user_id(1)).await, user_with_token(1));
}

/// If many users with one e-mail address are inserted at once, one is stored.
async fn of_many_users_with_one_email_address_one_is_stored(fixture: &impl Fixture) {
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let twin = User { email: "twins@example.com".to_owned(), ..user(u32::try_from(task).unwrap()) };
        client.users.insert_if_absent(&new_user(twin)).await
    })
    .await;
    assert_eq!(count(&answers, |answer| matches!(answer, Ok(Insertion::Inserted))), 1);
    let fresh = fixture.reopen().await.users;
    for (number, answer) in (0..).zip(&answers) {
        if let Err(error) = answer {
            assert_already_exists(error, Entity::User, &["email"], "twins@example.com");
            assert_eq!(fresh.find_by_id(user_id(number)).await.unwrap(), None);
        }
    }
}

/// A second user with the overlay token of another is refused by the field's name, and nothing of that user is stored.
async fn an_overlay_token_belongs_to_one_user(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let second = User { overlay_token: Some(token("overlay-1")), ..user(2) };
    let error = fixture.repositories().users.insert_if_absent(&new_user(second)).await.unwrap_err();
    assert_already_exists(&error, Entity::User, &["overlaytoken"], "overlay-1");

    let fresh = fixture.reopen().await.users;
    assert_eq!(fresh.find_by_id(user_id(2)).await.unwrap(), None);
    let holder = fresh.find_by_overlay_token(&token("overlay-1")).await.unwrap();
    assert_eq!(holder, Some(user_with_token(1)));
}

/// Any number of users may have no overlay token, because an absent token is not a unique value.
async fn any_number_of_users_have_no_overlay_token(fixture: &impl Fixture) {
    for number in 1..=5 {
        store_user(fixture, user(number)).await;
    }
    for number in 1..=5 {
        assert_eq!(stored_user(fixture, user_id(number)).await.overlay_token, None);
    }
}

/// The version of imported settings continues from the imported number.
async fn an_imported_user_keeps_their_version_of_the_settings(fixture: &impl Fixture) {
    store_user(fixture, full_user(1)).await;
    let patch =
        gametriggers_persistence::SelectionPatch { interval: Some(interval(1)), ..Default::default() };
    fixture.repositories().users.update_selection(user_id(1), &patch, minute(1)).await.unwrap();
    assert_eq!(stored_user(fixture, user_id(1)).await.selection.version, 4_294_967_298);
}
