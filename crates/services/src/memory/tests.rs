//! Tests of how long a screen in memory is used.

use std::time::Duration;

use gametriggers_domain::decision::Basis;
use gametriggers_fixtures::{campaign_id, decision_id, minute, participation_id, token, user, user_id};
use gametriggers_persistence::Change;
use gametriggers_types::{ScreenToken, Timestamp};
use tokio::time::advance;

use super::{validity::TRUSTED_FOR, *};
use crate::screens::DisplayedCampaign;

fn nothing() -> Told {
    Told { changes: Vec::new(), is_all: true }
}

/// An answer of the store that tells this change and leaves others untold.
fn waiting(change: Change) -> Told {
    Told { changes: vec![change], is_all: false }
}

/// A memory with one screen, which shows a campaign until minute 10, and the token of the screen.
fn memory_of_a_campaign() -> (Memory, ScreenToken) {
    let memory = Memory::new();
    memory.take_over(Instant::now(), &nothing());
    let (token, user) = (token("token"), user(1));
    let displayed = DisplayedCampaign {
        decision: decision_id(1, 1),
        campaign: campaign_id(2),
        participation: participation_id(3),
        basis: Basis::Display,
        from: minute(0),
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
        (Change::Campaign(campaign_id(2)), true),
        (Change::User(user_id(1)), false),
        (Change::Everything, false),
    ] {
        let (memory, token) = memory_of_a_campaign();
        for other in [Change::Campaign(campaign_id(7)), Change::User(user_id(8))] {
            memory.take_over(Instant::now(), &waiting(other));
            assert!(is_shown(&memory, &token, minute(1)), "{other:?} concerns somebody else");
        }
        memory.take_over(Instant::now(), &waiting(changed));
        assert!(!is_shown(&memory, &token, minute(1)), "{changed:?}");
        assert_eq!(memory.screen(token.expose()).is_some(), is_user_known, "{changed:?}");
    }
}

/// A change that the store never tells is noticed after thirty seconds, although the store says that nothing changed.
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
    // No entry from before the silence is used.
    memory.take_over(Instant::now(), &nothing());
    assert!(!is_shown(&memory, &token, minute(1)));
}

/// Changes by others renew the trust only if the store has told all of them.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_all_is_believed_whatever_it_tells() {
    let (memory, token) = memory_of_a_campaign();
    let others = Change::User(user_id(8));
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
