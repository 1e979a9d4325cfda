//! Documents to store, calls to make at once, and what every file asserts.

use std::sync::Arc;

use gametriggers_domain::{
    ledger::{Entry, EntryId, EntryKind},
    model::{Campaign, Participation, User},
    price::Payment,
    quota::Quota,
};
use gametriggers_persistence::{
    Entity, NewCampaign, NewParticipation, NewUser, Outcome, Repositories, StorageError,
};
use gametriggers_types::{
    AuthProvider, BlackoutPeriod, CampaignId, CampaignStatus, MediaType, Money, ObjectId, ParticipationId,
    PaymentType, Role, ScreenToken, SignedDuration, Timestamp, UnpaidReason, UserId, parse_weekday,
};
use tokio::sync::Barrier;

use crate::Fixture;

/// Text that goes wrong where it is pasted into a query, cut, normalised or re-encoded.
pub(crate) const AWKWARD_TEXT: &str = "  Zoë “O'Brien” \"\\\" 50 % _ {\"$set\": null} \u{202e}\r\n\t🎮 e\u{301} é שלום'; DROP TABLE users; --  ";

/// Whole numbers that a double, a 32-bit or a signed 31-bit number would not keep.
pub(crate) const AWKWARD_COUNTS: [u64; 5] =
    [0, 1, 4_294_967_297, 9_007_199_254_740_993, i64::MAX.unsigned_abs()];

/// What an importer kept of a document.
const OTHER_FIELDS: &str = r#"{"xp":{"$numberLong":"7"},"streakHistory":[],"__v":3}"#;

/// How many tasks a case lets race unless its law says otherwise.
pub(crate) const TASKS: usize = 32;

/// An id that no other kind and number has.
fn object_id(kind: u8, number: u32) -> ObjectId {
    let [a, b, c, d] = number.to_be_bytes();
    ObjectId::from_parts(1_751_438_360, [kind, 0xc3, 0x00, 0xff, a, b, c, d])
}

pub(crate) fn user_id(number: u32) -> UserId {
    object_id(1, number).into()
}

pub(crate) fn campaign_id(number: u32) -> CampaignId {
    object_id(2, number).into()
}

pub(crate) fn participation_id(number: u32) -> ParticipationId {
    object_id(3, number).into()
}

/// The instant that RFC 3339 text names.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything was made that a case does not date itself.
pub(crate) fn start() -> Timestamp {
    time("2026-03-01T12:00:00.123Z")
}

/// A number of minutes and 7 milliseconds after [`start`].
pub(crate) fn minute(number: i64) -> Timestamp {
    start() + SignedDuration::from_millis(number * 60_000 + 7)
}

pub(crate) fn token(text: &str) -> ScreenToken {
    ScreenToken::parse(text).unwrap()
}

pub(crate) fn units(amount: f64) -> Money {
    Money::from_units(amount).unwrap()
}

pub(crate) fn cpm(rate: f64) -> Payment {
    Payment::new(PaymentType::Cpm, units(rate), Payment::DEFAULT_EXPECTED_IMPRESSIONS).unwrap()
}

pub(crate) fn cpc(rate: f64) -> Payment {
    Payment::new(PaymentType::Cpc, units(rate), Payment::DEFAULT_EXPECTED_IMPRESSIONS).unwrap()
}

pub(crate) fn fixed(rate: f64, expected_impressions: u64) -> Payment {
    Payment::new(PaymentType::Fixed, units(rate), expected_impressions).unwrap()
}

/// The period, such as `"22:00", "06:00", &["friday"]`.
pub(crate) fn blackout(from: &str, to: &str, days: &[&str]) -> BlackoutPeriod {
    let days: Vec<_> = days.iter().map(|day| parse_weekday(day).unwrap()).collect();
    BlackoutPeriod::new(from.parse().unwrap(), to.parse().unwrap(), &days).unwrap()
}

/// `count` numbers between 0 and 1 whose last bit is lost by careless text.
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

/// The next number of a sequence that is the same in every run (`SplitMix64`).
pub(crate) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A streamer without anything that may be absent.
pub(crate) fn user(number: u32) -> User {
    let (email, name) = (format!("streamer-{number}@example.com"), format!("Streamer {number}"));
    User::new(user_id(number), email, name, Role::Streamer, AuthProvider::Twitch, start())
}

/// The streamer with an overlay token of their own, `overlay-<number>`.
pub(crate) fn user_with_token(number: u32) -> User {
    User { overlay_token: Some(token(&format!("overlay-{number}"))), ..user(number) }
}

/// A running campaign with 1,000 units of money that pays 1,660 per thousand impressions.
pub(crate) fn campaign(number: u32) -> Campaign {
    Campaign {
        id: campaign_id(number),
        title: format!("Campaign {number}"),
        description: None,
        brand_id: user_id(9_000 + number),
        budget: units(1_000.0),
        remaining_budget: units(1_000.0),
        media_url: format!("https://media.example.com/{number}.png"),
        media_type: MediaType::Image,
        click_url: None,
        status: CampaignStatus::Active,
        categories: Vec::new(),
        languages: Vec::new(),
        start_date: None,
        end_date: None,
        payment: cpm(1_660.0),
        created_at: start(),
        updated_at: start(),
    }
}

/// The active part, without counters or links, that streamer `streamer` has in campaign `campaign`.
pub(crate) fn participation(number: u32, campaign: u32, streamer: u32) -> Participation {
    let token = token(&format!("browser-source-{number}"));
    let (campaign, streamer) = (campaign_id(campaign), user_id(streamer));
    Participation::joined(participation_id(number), campaign, streamer, token, start())
}

pub(crate) fn new_user(user: User) -> NewUser {
    NewUser {
        user,
        password_hash: Some("$2b$10$not-a-hash".to_owned()),
        other_fields: OTHER_FIELDS.to_owned(),
    }
}

pub(crate) fn new_campaign(campaign: Campaign) -> NewCampaign {
    NewCampaign { campaign, other_fields: OTHER_FIELDS.to_owned() }
}

pub(crate) fn new_participation(participation: Participation) -> NewParticipation {
    NewParticipation { participation, other_fields: OTHER_FIELDS.to_owned() }
}

pub(crate) async fn store_user(fixture: &impl Fixture, user: User) {
    fixture.repositories().users.insert_if_absent(&new_user(user)).await.unwrap();
}

pub(crate) async fn store_campaign(fixture: &impl Fixture, campaign: Campaign) {
    fixture.repositories().campaigns.insert_if_absent(&new_campaign(campaign)).await.unwrap();
}

pub(crate) async fn store_participation(fixture: &impl Fixture, participation: Participation) {
    let participation = new_participation(participation);
    fixture.repositories().participations.insert_if_absent(&participation).await.unwrap();
}

/// What a fresh client reads; it must be there.
pub(crate) async fn stored_user(fixture: &impl Fixture, id: UserId) -> User {
    fixture.reopen().await.users.find_by_id(id).await.unwrap().expect("the user is stored")
}

/// What a fresh client reads; it must be there.
pub(crate) async fn stored_campaign(fixture: &impl Fixture, id: CampaignId) -> Campaign {
    fixture.reopen().await.campaigns.find_by_id(id).await.unwrap().expect("the campaign is stored")
}

/// What a fresh client reads; it must be there.
pub(crate) async fn stored_participation(fixture: &impl Fixture, id: ParticipationId) -> Participation {
    fixture.reopen().await.participations.find_by_id(id).await.unwrap().expect("the participation is stored")
}

/// One unit of `kind` that happened at [`minute`] 1 to `participation`.
pub(crate) fn entry(id: &str, participation: &Participation, kind: EntryKind) -> Entry {
    let id = EntryId::stored(id.to_owned());
    let entry = Entry::new(id, kind, participation.id, participation.campaign_id, minute(1));
    Entry { basis: kind.basis(), ..entry }
}

/// A quota by its number, of which so many entries are paid, on the first two days.
pub(crate) fn quota(number: u64, limit: u64) -> Quota {
    let reason = UnpaidReason::AddressLimit;
    let since = minute(0) + SignedDuration::from_hours(48);
    Quota { key: format!("quota:{number}"), since, limit, reason }
}

/// Calls `call` from `tasks` tasks at once, half of them through one client and half through another, and returns the
/// answers in the order of the tasks.
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

/// Records a batch from each of `tasks` tasks [at once](at_once), every other one the other way round. Returns all entries
/// with what became of them.
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

/// How many answers are what `wanted` says.
pub(crate) fn count<T>(answers: &[T], wanted: impl Fn(&T) -> bool) -> usize {
    answers.iter().filter(|answer| wanted(answer)).count()
}

/// The error says that another `entity` holds a value of `field` (or of one of several), and does not say which.
#[track_caller]
pub(crate) fn assert_already_exists(error: &StorageError, entity: Entity, fields: &[&str], secret: &str) {
    let StorageError::AlreadyExists { entity: found, field } = error else {
        panic!("expected `AlreadyExists`, got {error:?}");
    };
    assert_eq!(*found, entity);
    // Backends spell it as they store it: `overlayToken`, `overlay_token`.
    let plain = field.to_lowercase().replace('_', "");
    assert!(fields.iter().any(|field| plain.contains(field)), "`{field}` names none of {fields:?}");
    assert!(!format!("{error} {error:?}").contains(secret), "the error shows the value itself");
    assert!(!error.is_retryable() && !error.outcome_unknown());
}
