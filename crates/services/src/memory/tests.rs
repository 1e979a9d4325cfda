//! How long a screen is used that is in memory.

use std::time::Duration;

use gametriggers_domain::{decision::Basis, model::User};
use gametriggers_persistence::Change;
use gametriggers_types::{AuthProvider, DecisionId, ObjectId, Role, ScreenToken, Timestamp};
use tokio::time::advance;

use super::{validity::TRUSTED_FOR, *};
use crate::screens::DisplayedCampaign;

fn id(number: u8) -> ObjectId {
    ObjectId::from_bytes([number; 12])
}

fn minute(number: i64) -> Timestamp {
    Timestamp::from_second(60 * number).unwrap()
}

fn nothing() -> Told {
    Told { changes: Vec::new(), is_all: true }
}

/// The store tells this change, and others are left to be told.
fn waiting(change: Change) -> Told {
    Told { changes: vec![change], is_all: false }
}

/// A memory of one screen, which shows a campaign until the tenth minute; and the token of the screen.
fn memory_of_a_campaign() -> (Memory, ScreenToken) {
    let memory = Memory::new();
    memory.take_over(Instant::now(), &nothing());
    let token = ScreenToken::parse("token").unwrap();
    let (user, now) = (UserId::from(id(1)), minute(0));
    let user = User::new(user, String::new(), String::new(), Role::Streamer, AuthProvider::Twitch, now);
    let displayed = DisplayedCampaign {
        decision: DecisionId { streamer: user.id, ordinal: 1 },
        campaign: id(2).into(),
        participation: id(3).into(),
        basis: Basis::Display,
        from: now,
        until: minute(10),
    };
    let content =
        CachedContent { kind: ContentKind::Campaign(displayed), until: displayed.until, rendering: None };
    memory.keep_screen(memory.begin_read(), &token, &user, Some(content));
    (memory, token)
}

fn is_shown(memory: &Memory, token: &ScreenToken, now: Timestamp) -> bool {
    memory.screen(token.expose()).is_some_and(|screen| memory.content(&screen, now).is_some())
}

#[tokio::test]
async fn a_campaign_is_shown_until_its_decision_ends() {
    let (memory, token) = memory_of_a_campaign();
    assert!(is_shown(&memory, &token, minute(9)));
    assert!(!is_shown(&memory, &token, minute(10)));
    assert!(memory.screen(token.expose()).is_some(), "whose screen it is does not end");
}

#[tokio::test]
async fn what_changes_is_forgotten_and_nothing_else() {
    for (changed, is_user_known) in [
        (Change::Campaign(id(2).into()), true),
        (Change::User(id(1).into()), false),
        (Change::Everything, false),
    ] {
        let (memory, token) = memory_of_a_campaign();
        for other in [Change::Campaign(id(7).into()), Change::User(id(8).into())] {
            memory.take_over(Instant::now(), &waiting(other));
            assert!(is_shown(&memory, &token, minute(1)), "{other:?} concerns somebody else");
        }
        memory.take_over(Instant::now(), &waiting(changed));
        assert!(!is_shown(&memory, &token, minute(1)), "{changed:?}");
        assert_eq!(memory.screen(token.expose()).is_some(), is_user_known, "{changed:?}");
    }
}

/// A change that the store never tells of is noticed after thirty seconds, although the store says that there are no changes.
#[tokio::test(start_paused = true)]
async fn nothing_is_shown_for_longer_than_its_lifetime() {
    let (memory, token) = memory_of_a_campaign();
    for _ in 0..29 {
        advance(Duration::from_secs(1)).await;
        memory.take_over(Instant::now(), &nothing());
        assert!(is_shown(&memory, &token, minute(1)));
    }
    advance(Duration::from_secs(1)).await;
    memory.take_over(Instant::now(), &nothing());
    assert!(memory.screen(token.expose()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_silent_store_is_believed_for_two_seconds() {
    let (memory, token) = memory_of_a_campaign();
    advance(TRUSTED_FOR.saturating_sub(Duration::from_millis(1))).await;
    assert!(is_shown(&memory, &token, minute(1)));
    advance(Duration::from_millis(1)).await;
    assert!(!is_shown(&memory, &token, minute(1)));
    // After the silence, nothing is used that was read before it.
    memory.take_over(Instant::now(), &nothing());
    assert!(!is_shown(&memory, &token, minute(1)));
}

/// Changes of others renew the trust if the store has told all of them, and only then.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_all_is_believed_whatever_it_tells() {
    let (memory, token) = memory_of_a_campaign();
    let others = Change::User(id(8).into());
    for _ in 0..9 {
        advance(Duration::from_secs(1)).await;
        memory.take_over(Instant::now(), &Told { changes: vec![others], is_all: true });
        assert!(is_shown(&memory, &token, minute(1)));
    }
    for _ in 0..2 {
        advance(Duration::from_secs(1)).await;
        memory.take_over(Instant::now(), &waiting(others));
    }
    assert!(!is_shown(&memory, &token, minute(1)));
}
