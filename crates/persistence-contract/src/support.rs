//! Helpers of the laws: reading and writing documents, concurrent calls, and common assertions.

use std::sync::Arc;

use gametriggers_domain::{
    ledger::Entry,
    model::{Campaign, Participation, User},
};
use gametriggers_fixtures::{interval, minute, test_campaign, token};
use gametriggers_persistence::{Entity, Outcome, OverlayPatch, Repositories, SelectionPatch, StorageError};
use gametriggers_types::{CampaignId, OverlaySize, ParticipationId, UserId};
use tokio::sync::Barrier;

use crate::Fixture;

/// A text that comes back changed if a backend pastes it into a query, cuts, normalises or re-encodes it.
pub(crate) const AWKWARD_TEXT: &str = "  Zoë “O'Brien” \"\\\" 50 % _ {\"$set\": null} \u{202e}\r\n\t🎮 e\u{301} é שלום'; DROP TABLE users; --  ";

/// Whole numbers that do not fit into a double, into 32 bits or into a signed 32-bit number.
pub(crate) const AWKWARD_COUNTS: [u64; 5] =
    [0, 1, 4_294_967_297, 9_007_199_254_740_993, i64::MAX.unsigned_abs()];

/// The number of concurrent tasks, unless a law says otherwise.
pub(crate) const TASKS: usize = 32;

/// `count` numbers between 0 and 1. Each loses its last bit if it is printed with too few digits.
pub(crate) fn awkward_fractions(count: usize) -> Vec<f64> {
    let known = [0.1 + 0.2, 1.0 / 3.0, f64::MIN_POSITIVE, 5e-324, 1.0 - f64::EPSILON / 2.0, 1e-7];
    let mut state = 42_u64;
    let drawn = std::iter::repeat_with(move || {
        #[allow(clippy::cast_precision_loss)] // 53 bits are exact
        let numerator = (next_random(&mut state) >> 11) as f64;
        numerator * 2_f64.powi(-53)
    });
    known.into_iter().chain(drawn).take(count).collect()
}

/// The next number of a pseudo-random sequence that is the same in every run (`SplitMix64`).
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

pub(crate) async fn store_user(fixture: &impl Fixture, user: User) {
    gametriggers_fixtures::store_user(&fixture.repositories(), user).await;
}

pub(crate) async fn store_campaign(fixture: &impl Fixture, campaign: Campaign) {
    gametriggers_fixtures::store_campaign(&fixture.repositories(), campaign).await;
}

pub(crate) async fn store_participation(fixture: &impl Fixture, participation: Participation) {
    gametriggers_fixtures::store_participation(&fixture.repositories(), participation).await;
}

/// Returns the user that a new client reads. Panics if there is none.
pub(crate) async fn stored_user(fixture: &impl Fixture, id: UserId) -> User {
    fixture.reopen().await.users.find_by_id(id).await.unwrap().expect("the user is stored")
}

/// Returns the campaign that a new client reads. Panics if there is none.
pub(crate) async fn stored_campaign(fixture: &impl Fixture, id: CampaignId) -> Campaign {
    fixture.reopen().await.campaigns.find_by_id(id).await.unwrap().expect("the campaign is stored")
}

/// Returns the participation that a new client reads. Panics if there is none.
pub(crate) async fn stored_participation(fixture: &impl Fixture, id: ParticipationId) -> Participation {
    fixture.reopen().await.participations.find_by_id(id).await.unwrap().expect("the participation is stored")
}

/// Makes every write of [`UserRepository`](gametriggers_persistence::UserRepository) to this user, except insertions. The user
/// must be stored.
pub(crate) async fn change_user(fixture: &impl Fixture, id: UserId) {
    let users = fixture.repositories().users;
    users.ensure_overlay_token(id, &token(&format!("first-{id}"))).await.unwrap();
    users.touch_overlays(&[(id, minute(1))]).await.unwrap();
    users.set_test_campaign(id, &test_campaign("Test", minute(9))).await.unwrap();
    let overlay = OverlayPatch { size: Some(OverlaySize::Small), ..OverlayPatch::default() };
    users.update_overlay(id, &overlay, minute(2)).await.unwrap();
    let selection = SelectionPatch { interval: Some(interval(1)), ..SelectionPatch::default() };
    users.update_selection(id, &selection, minute(3)).await.unwrap();
    users.regenerate_overlay_token(id, &token(&format!("second-{id}")), minute(4)).await.unwrap();
}

/// Runs `call` in `tasks` tasks at once. Half of them use one client, and half use another. Returns the answers in the order of
/// the tasks.
pub(crate) async fn at_once<T, F, A>(fixture: &impl Fixture, tasks: usize, call: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(usize, Repositories) -> A,
    A: Future<Output = T> + Send + 'static,
{
    let clients = [fixture.reopen().await, fixture.reopen().await];
    let all_ready = Arc::new(Barrier::new(tasks));
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let all_ready = all_ready.clone();
            let answer = call(task, clients[task % clients.len()].clone());
            tokio::spawn(async move {
                all_ready.wait().await;
                answer.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(tasks);
    for task in running {
        answers.push(task.await.expect("no task panics"));
    }
    answers
}

/// Records a batch from each of `tasks` tasks [at once](at_once). Every second batch is reversed. Returns all entries with their
/// outcomes.
pub(crate) async fn record_at_once(
    fixture: &impl Fixture,
    tasks: usize,
    batch_of: impl Fn(usize) -> Vec<Entry>,
) -> Vec<(Entry, Outcome)> {
    let recorded = at_once(fixture, tasks, |task, client| {
        let mut batch = batch_of(task);
        if task % 2 == 1 {
            batch.reverse();
        }
        async move {
            let outcomes = client.ledger.record(batch.as_slice().into()).await.unwrap();
            batch.into_iter().zip(outcomes).collect::<Vec<_>>()
        }
    });
    recorded.await.concat()
}

/// Counts the answers for which `wanted` is true.
pub(crate) fn count<T>(answers: &[T], wanted: impl Fn(&T) -> bool) -> usize {
    answers.iter().filter(|answer| wanted(answer)).count()
}

/// Asserts that the error says that another `entity` has the same value of one of `fields`, and that it does not show the value.
#[track_caller]
pub(crate) fn assert_already_exists(error: &StorageError, entity: Entity, fields: &[&str], secret: &str) {
    let StorageError::AlreadyExists { entity: found, field } = error else {
        panic!("expected `AlreadyExists`, got {error:?}");
    };
    assert_eq!(*found, entity);
    // Backends spell the field as they store it: `overlayToken` or `overlay_token`.
    let plain = field.to_lowercase().replace('_', "");
    assert!(fields.iter().any(|field| plain.contains(field)), "`{field}` names none of {fields:?}");
    assert!(!format!("{error} {error:?}").contains(secret), "the error shows the value itself");
    assert!(!error.is_retryable() && !error.outcome_unknown());
}
