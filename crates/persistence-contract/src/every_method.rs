//! Calls every method of every repository on a store with many documents. A backend can thereby observe what its store
//! does for each call: whether the store uses an index, and how much it reads.

use std::collections::BTreeSet;

use gametriggers_domain::{
    decision::{Decision, Tally},
    journal::{JournalId, Request},
    ledger::{Entry, EntryId, EntryKind},
    model::{Participation, TrackingLinks},
    quota::Quota,
};
use gametriggers_fixtures::{
    campaign, campaign_id, empty_decision, entry, interval, minute, new_campaign, new_participation,
    new_user, start, store_campaign, store_participation, store_user, test_campaign, token, units, user,
};
use gametriggers_persistence::{
    DecisionRepository, Instruction, MadeDecision, OverlayPatch, Repositories, SelectionPatch, StorageError,
};
use gametriggers_types::{
    CampaignStatus, ClickKind, Opacity, PageLimit, PageRequest, ParticipationStatus, Timestamp,
};

/// How many documents of each kind the store holds besides those that the calls name.
const OTHERS: u32 = 60;

/// The source of each trait, from which the names of the methods are read.
const TRAITS: &[(&str, &str)] = &[
    ("users", include_str!("../../persistence/src/users.rs")),
    ("campaigns", include_str!("../../persistence/src/campaigns.rs")),
    ("participations", include_str!("../../persistence/src/participations.rs")),
    ("decisions", include_str!("../../persistence/src/decisions.rs")),
    ("ledger", include_str!("../../persistence/src/ledger.rs")),
    ("journal", include_str!("../../persistence/src/journal.rs")),
    ("probe", include_str!("../../persistence/src/lib.rs")),
];

/// Observes what a store does for a call.
pub trait Observer {
    /// Makes the call, which must succeed. `method` is the name of the method, such as `users.find_by_id`.
    fn call<T>(
        &mut self,
        method: &'static str,
        call: impl Future<Output = Result<T, StorageError>>,
    ) -> impl Future<Output = ()>;
}

/// Makes the calls and notes which methods were called.
struct Calls<'o, O> {
    observer: &'o mut O,
    called: BTreeSet<String>,
}

impl<O: Observer> Calls<'_, O> {
    async fn call<T>(&mut self, method: &'static str, call: impl Future<Output = Result<T, StorageError>>) {
        self.observer.call(method, call).await;
        self.called.insert(method.to_owned());
    }
}

/// Fills an empty store, and then calls every method of every repository through `observer`. Panics if a trait has a
/// method that is not called here.
pub async fn call_every_method(repositories: Repositories, observer: &mut impl Observer) {
    // The other documents are stored first, so that a scan of a whole collection passes all of them.
    for number in 1..=OTHERS {
        store_one_of_each(&repositories, number).await;
    }
    let others = entries_of(1..=OTHERS);
    repositories.ledger.record(others.into()).await.unwrap();
    for ordinal in 1..=u64::from(OTHERS) {
        repositories.decisions.insert_first(&decision(1, ordinal)).await.unwrap();
    }

    let mut calls = Calls { observer, called: BTreeSet::new() };
    call_all(&mut calls, repositories).await;
    let (called, methods) = (&calls.called, &methods());
    let uncalled: Vec<_> = methods.difference(called).collect();
    assert!(uncalled.is_empty(), "call these in `call_all`: {uncalled:?}");
    let unknown: Vec<_> = called.difference(methods).collect();
    assert!(unknown.is_empty(), "no trait in `TRAITS` has these: {unknown:?}");
}

/// Calls every method. If a method can run different statements, there is a call for each.
async fn call_all<O: Observer>(calls: &mut Calls<'_, O>, repositories: Repositories) {
    // Every field is named, so that the compiler asks for the calls of a new repository. A change feed is no repository.
    let Repositories { users, campaigns, participations, decisions, ledger, journal, probe, changes: _ } =
        repositories;
    let number = OTHERS + 1;
    let (streamer, brand, part) = (user(number), campaign(number), participation(number));
    let (id, now) = (streamer.id, start());

    calls.call("users.insert_if_absent", users.insert_if_absent(&new_user(user(number)))).await;
    calls.call("users.insert_if_absent", users.insert_if_absent(&new_user(user(number)))).await;
    let many = vec![new_user(user(number))];
    calls.call("users.insert_all_if_absent", users.insert_all_if_absent(many)).await;
    calls.call("users.find_by_id", users.find_by_id(id)).await;
    calls.call("users.ensure_overlay_token", users.ensure_overlay_token(id, &token("a"))).await;
    calls.call("users.ensure_overlay_token", users.ensure_overlay_token(id, &token("b"))).await;
    calls.call("users.find_by_overlay_token", users.find_by_overlay_token(&token("a"))).await;
    calls.call("users.find_credentials", users.find_credentials(&streamer.email)).await;
    let token = token("c");
    calls.call("users.regenerate_overlay_token", users.regenerate_overlay_token(id, &token, now)).await;
    let overlay = OverlayPatch { opacity: Some(Opacity::try_from(50.0).unwrap()), ..OverlayPatch::default() };
    calls.call("users.update_overlay", users.update_overlay(id, &overlay, now)).await;
    let selection = SelectionPatch { interval: Some(interval(5)), ..SelectionPatch::default() };
    calls.call("users.update_selection", users.update_selection(id, &selection, now)).await;
    calls.call("users.touch_overlays", users.touch_overlays(&[(id, now)])).await;
    calls
        .call("users.set_test_campaign", users.set_test_campaign(id, &test_campaign("Test", minute(1))))
        .await;

    calls
        .call("campaigns.insert_if_absent", campaigns.insert_if_absent(&new_campaign(campaign(number))))
        .await;
    calls
        .call("campaigns.insert_if_absent", campaigns.insert_if_absent(&new_campaign(campaign(number))))
        .await;
    let many = vec![new_campaign(campaign(number))];
    calls.call("campaigns.insert_all_if_absent", campaigns.insert_all_if_absent(many)).await;
    calls.call("campaigns.find_by_id", campaigns.find_by_id(brand.id)).await;
    let (paused, active) = (CampaignStatus::Paused, CampaignStatus::Active);
    calls.call("campaigns.transition", campaigns.transition(brand.id, active, paused, now)).await;
    calls.call("campaigns.transition", campaigns.transition(brand.id, active, paused, now)).await;
    calls.call("campaigns.transition", campaigns.transition(brand.id, paused, active, now)).await;

    let new_part = new_participation(participation(number));
    calls.call("participations.insert_if_absent", participations.insert_if_absent(&new_part)).await;
    calls.call("participations.insert_if_absent", participations.insert_if_absent(&new_part)).await;
    let inserting = participations.insert_all_if_absent(vec![new_part]);
    calls.call("participations.insert_all_if_absent", inserting).await;
    calls.call("participations.find_by_id", participations.find_by_id(part.id)).await;
    let token = &part.browser_source_token;
    calls.call("participations.find_by_token", participations.find_by_token(token)).await;
    calls.call("participations.list_active", participations.list_active(id)).await;
    calls.call("participations.list_joined", participations.list_joined(id, 10)).await;
    for page in pages_after(participation(0).id) {
        calls.call("participations.list_current", participations.list_current(id, page)).await;
    }
    let links = TrackingLinks { chat_command: Some("!ad".to_owned()), ..TrackingLinks::default() };
    calls.call("participations.set_tracking_links", participations.set_tracking_links(part.id, &links)).await;
    let (paused, active) = (ParticipationStatus::Paused, ParticipationStatus::Active);
    calls.call("participations.transition", participations.transition(part.id, active, paused, now)).await;
    calls.call("participations.transition", participations.transition(part.id, active, paused, now)).await;
    calls.call("participations.transition", participations.transition(part.id, paused, active, now)).await;

    call_decisions(calls, decisions.as_ref()).await;

    let batch = entries_of(number..=number);
    calls.call("ledger.record", ledger.record(batch.as_slice().into())).await;
    // The entries are known now, so the ledger looks them up.
    calls.call("ledger.record", ledger.record(batch.as_slice().into())).await;
    // Entries of the next quarter-hour, and then late ones of the first.
    for (name, seconds) in [("next", 15 * 60), ("late", 0)] {
        let of = |entry: &Entry| Entry {
            id: EntryId::stored(format!("{name} {}", entry.id)),
            at: Timestamp::from_second(entry.at.as_second() + seconds).unwrap(),
            ..entry.clone()
        };
        calls.call("ledger.record", ledger.record(batch.iter().map(of).collect())).await;
    }
    calls.call("ledger.find_entry", ledger.find_entry(&batch[0].id)).await;
    calls.call("ledger.scan_paid", ledger.scan_paid(batch[0].at, Timestamp::MAX, None)).await;
    calls.call("ledger.list_rollups", ledger.list_rollups(part.id)).await;
    calls.call("ledger.reconcile", ledger.reconcile(false)).await;
    calls.call("ledger.reconcile", ledger.reconcile(true)).await;

    let (request, amount, limit) = (Request::parse("1").unwrap(), units(2_000.0), PageLimit::default());
    let instruction = Instruction { at: now, by: None, note: None };
    let (campaign, budget) = (part.campaign_id, units(5_000.0));
    for _ in 0..2 {
        let change = journal.change_budget(campaign, budget, &request, &instruction);
        calls.call("journal.change_budget", change).await;
        calls.call("journal.release_budget", journal.release_budget(campaign, &instruction)).await;
        calls.call("journal.settle", journal.settle(campaign, None, limit, &instruction)).await;
        calls.call("journal.pay_out", journal.pay_out(id, amount, &request, &instruction)).await;
    }
    let settlement = JournalId::settlement(part.id);
    calls.call("journal.find_posting", journal.find_posting(&settlement)).await;
    calls.call("journal.account", journal.account(id)).await;

    calls.call("probe.ping", probe.ping()).await;
}

/// Calls every method of decisions, of a streamer who has many.
async fn call_decisions<O: Observer>(calls: &mut Calls<'_, O>, decisions: &dyn DecisionRepository) {
    let next = decision(1, u64::from(OTHERS) + 1);
    calls.call("decisions.find_latest", decisions.find_latest(next.id.streamer)).await;
    calls.call("decisions.insert_first", decisions.insert_first(&next)).await;
    calls.call("decisions.insert_first", decisions.insert_first(&next)).await;
    calls.call("decisions.find", decisions.find(decision(1, 3).id)).await;
    let (from, to, few) = (decision(1, 9).from, decision(1, 40).from, PageLimit::try_from(3).unwrap());
    let place = |made: Decision| MadeDecision { from: made.from, id: made.id };
    for after in [None, Some(place(decision(1, 20)))] {
        calls.call("decisions.list_made", decisions.list_made(from, to, after, few)).await;
    }
    let (ended_before, mut after) = (decision(1, 50).until, None);
    for _ in 0..2 {
        calls.call("decisions.shorten", decisions.shorten(ended_before, after, 3)).await;
        let page = decisions.shorten(ended_before, after, 3).await.unwrap();
        after = page.last;
    }
    assert!(after.is_some(), "the second step went on from the first");
}

/// A page for each way to start one.
fn pages_after<Id>(id: Id) -> [PageRequest<Id>; 3] {
    let limit = PageLimit::default();
    [PageRequest::first(limit), PageRequest::at(1, limit), PageRequest::after(id, limit)]
}

/// The names of all methods that a store has to write, read from the source of the traits. A method that the trait itself
/// implements does nothing in some stores, so there is nothing to observe.
fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for (repository, source) in TRAITS {
        for line in source.lines().filter(|line| !line.ends_with("{}")) {
            if let Some((name, _)) =
                line.trim().strip_prefix("async fn ").and_then(|rest| rest.split_once('('))
            {
                methods.insert(format!("{repository}.{name}"));
            }
        }
    }
    methods
}

async fn store_one_of_each(repositories: &Repositories, number: u32) {
    store_user(repositories, user(number)).await;
    store_campaign(repositories, campaign(number)).await;
    store_participation(repositories, participation(number)).await;
}

/// The participation of user `number` in campaign `number`.
fn participation(number: u32) -> Participation {
    gametriggers_fixtures::participation(number, number, number)
}

/// An empty decision whose tally holds a campaign.
fn decision(streamer: u32, ordinal: u64) -> Decision {
    let decision = empty_decision(streamer, ordinal);
    let mut tally = Tally::default();
    tally.admit(&[campaign_id(streamer)]);
    Decision { tally, ..decision }
}

/// An impression that pays and a click that does not, for each of these participations.
fn entries_of(numbers: std::ops::RangeInclusive<u32>) -> Vec<Entry> {
    let of = |number: u32| {
        let part = participation(number);
        [EntryKind::Display, EntryKind::Click(ClickKind::Chat)].map(|kind| {
            let quota = Some(Quota::of_display(part.streamer_id, start()));
            Entry { quota, ..entry(&format!("{kind}:{number}"), &part, kind) }
        })
    };
    numbers.flat_map(of).collect()
}
