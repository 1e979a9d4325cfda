//! Laws of overlay tokens: how a streamer gets a token, and how it is revoked.

use gametriggers_domain::model::User;
use gametriggers_fixtures::{minute, start, token, user, user_id, user_with_token};
use gametriggers_persistence::Entity;

use crate::{
    Fixture,
    support::{TASKS, assert_already_exists, at_once, count, store_user, stored_user},
};

crate::laws! { $ tokens:
    a_first_token_is_stored_and_nothing_else_changes,
    a_token_that_is_there_is_kept,
    o28_many_first_requests_get_one_token,
    a_token_is_compared_letter_by_letter,
    o19_a_new_token_revokes_the_old_one,
    of_many_new_tokens_one_is_left,
    nobody_gets_the_token_of_another,
    a_user_who_is_not_there_gets_no_token,
}

/// The first request stores its token and changes no other field.
async fn a_first_token_is_stored_and_nothing_else_changes(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    let given = fixture.repositories().users.ensure_overlay_token(user_id(1), &token("overlay-1")).await;
    assert_eq!(given.unwrap(), Some(token("overlay-1")));
    assert_eq!(stored_user(fixture, user_id(1)).await, user_with_token(1));
    let found = fixture.reopen().await.users.find_by_overlay_token(&token("overlay-1")).await.unwrap();
    assert_eq!(found, Some(user_with_token(1)));
}

/// A later request gets the stored token, and its own token is dropped.
async fn a_token_that_is_there_is_kept(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let users = fixture.repositories().users;
    let given = users.ensure_overlay_token(user_id(1), &token("second-thought")).await.unwrap();
    assert_eq!(given, Some(token("overlay-1")));
    assert_eq!(stored_user(fixture, user_id(1)).await, user_with_token(1));
    let by_other =
        fixture.reopen().await.users.find_by_overlay_token(&token("second-thought")).await.unwrap();
    assert_eq!(by_other, None);
}

/// If many first requests are made at once through two instances, all get the same token, and that token is stored.
async fn o28_many_first_requests_get_one_token(fixture: &impl Fixture) {
    store_user(fixture, user(1)).await;
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let own = token(&format!("candidate-{task}"));
        client.users.ensure_overlay_token(user_id(1), &own).await.unwrap()
    })
    .await;
    let stored = stored_user(fixture, user_id(1)).await.overlay_token;
    assert!(stored.is_some());
    assert_eq!(count(&answers, |answer| *answer == stored), TASKS);
}

/// A look-up by a token finds only its holder: not in another case, not as a pattern, not by a part of the token.
async fn a_token_is_compared_letter_by_letter(fixture: &impl Fixture) {
    for (number, text) in (1..).zip(["aB_c", "ab_c", "abXc", "aB_c0"]) {
        store_user(fixture, User { overlay_token: Some(token(text)), ..user(number) }).await;
    }
    let users = fixture.reopen().await.users;
    for (number, text) in (1..).zip(["aB_c", "ab_c", "abXc", "aB_c0"]) {
        let found = users.find_by_overlay_token(&token(text)).await.unwrap().unwrap();
        assert_eq!(found.id, user_id(number), "{text}");
    }
    for text in ["AB_C", "aBXc", "aB_", "B_c", "aB-c", "0", "_", "____"] {
        assert_eq!(users.find_by_overlay_token(&token(text)).await.unwrap(), None, "{text}");
    }
}

/// A new token replaces the old one, which then finds nobody, sets the time of the revocation and clears the time when the
/// overlay was last seen.
async fn o19_a_new_token_revokes_the_old_one(fixture: &impl Fixture) {
    let before = User { overlay_last_seen: Some(minute(3)), ..user_with_token(1) };
    store_user(fixture, before.clone()).await;
    store_user(fixture, user_with_token(2)).await;
    let users = fixture.repositories().users;
    assert!(users.regenerate_overlay_token(user_id(1), &token("renewed"), minute(5)).await.unwrap());

    let expected = User {
        overlay_token: Some(token("renewed")),
        tokens_revoked_at: Some(minute(5)),
        overlay_last_seen: None,
        updated_at: minute(5),
        ..before
    };
    assert_eq!(stored_user(fixture, user_id(1)).await, expected);
    let fresh = fixture.reopen().await.users;
    assert_eq!(fresh.find_by_overlay_token(&token("overlay-1")).await.unwrap(), None);
    assert_eq!(fresh.find_by_overlay_token(&token("renewed")).await.unwrap(), Some(expected));
    assert_eq!(stored_user(fixture, user_id(2)).await, user_with_token(2));
}

/// If many new tokens are made at once, one is stored and finds the user, and all others find nobody.
async fn of_many_new_tokens_one_is_left(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let own = token(&format!("renewed-{task}"));
        client.users.regenerate_overlay_token(user_id(1), &own, minute(1)).await.unwrap()
    })
    .await;
    assert_eq!(count(&answers, |answer| *answer), TASKS);
    let stored = stored_user(fixture, user_id(1)).await;
    let fresh = fixture.reopen().await.users;
    for text in (0..TASKS).map(|task| format!("renewed-{task}")).chain(["overlay-1".to_owned()]) {
        let found = fresh.find_by_overlay_token(&token(&text)).await.unwrap();
        let expected = (stored.overlay_token == Some(token(&text))).then(|| stored.clone());
        assert_eq!(found, expected, "{text}");
    }
    assert!(stored.overlay_token.is_some_and(|token| token.expose().starts_with("renewed-")));
}

/// A token that another user has is refused by the field's name, however it is set, and neither user changes.
async fn nobody_gets_the_token_of_another(fixture: &impl Fixture) {
    store_user(fixture, user_with_token(1)).await;
    store_user(fixture, user(2)).await;
    store_user(fixture, user_with_token(3)).await;
    let users = fixture.repositories().users;
    let ensured = users.ensure_overlay_token(user_id(2), &token("overlay-1")).await.unwrap_err();
    assert_already_exists(&ensured, Entity::User, &["overlaytoken"], "overlay-1");
    let renewed =
        users.regenerate_overlay_token(user_id(3), &token("overlay-1"), minute(1)).await.unwrap_err();
    assert_already_exists(&renewed, Entity::User, &["overlaytoken"], "overlay-1");
    assert_eq!(stored_user(fixture, user_id(1)).await, user_with_token(1));
    assert_eq!(stored_user(fixture, user_id(2)).await, user(2));
    assert_eq!(stored_user(fixture, user_id(3)).await, user_with_token(3));
}

/// A user who does not exist gets no token, and no user is created.
async fn a_user_who_is_not_there_gets_no_token(fixture: &impl Fixture) {
    let users = fixture.repositories().users;
    assert_eq!(users.ensure_overlay_token(user_id(1), &token("overlay-1")).await.unwrap(), None);
    assert!(!users.regenerate_overlay_token(user_id(1), &token("overlay-1"), start()).await.unwrap());
    let fresh = fixture.reopen().await.users;
    assert_eq!(fresh.find_by_id(user_id(1)).await.unwrap(), None);
    assert_eq!(fresh.find_by_overlay_token(&token("overlay-1")).await.unwrap(), None);
}
