//! Every query uses an index, and reads little more than it gives.
//!
//! Each method of each repository is called among the documents of many others, while the server's own profiler writes
//! down what it did for that. A method that is not called here is a failure too.

#![allow(clippy::unwrap_used)] // a store that cannot be made fails the test

mod support;

use std::collections::BTreeSet;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
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
    DecisionRepository, Instruction, MadeDecision, OverlayPatch, PaidEntry, Repositories, SelectionPatch,
    StorageError,
};
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{
    CampaignStatus, ClickKind, Opacity, PageLimit, PageRequest, ParticipationStatus, Timestamp,
};

use crate::support::migrated;

/// How many documents of each kind are none of a call's business.
const OTHERS: u32 = 60;
/// How many keys or documents one operation may examine: those of the call's own, and a few around them.
const FEW: i64 = 20;

/// The methods that may read without an index, and why.
const WITHOUT_INDEX: &[(&str, &str)] = &[("ledger.reconcile", "recomputes everything")];

/// The traits of the store, from which the methods are read.
const TRAITS: &[(&str, &str)] = &[
    ("users", include_str!("../../persistence/src/users.rs")),
    ("campaigns", include_str!("../../persistence/src/campaigns.rs")),
    ("participations", include_str!("../../persistence/src/participations.rs")),
    ("decisions", include_str!("../../persistence/src/decisions.rs")),
    ("ledger", include_str!("../../persistence/src/ledger.rs")),
    ("journal", include_str!("../../persistence/src/journal.rs")),
    ("probe", include_str!("../../persistence/src/lib.rs")),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_uses_an_index() {
    let database = TestDatabase::create().await;
    let store = migrated(&database).await;
    let repositories = store.repositories();
    // The others first: a scan of the collection would pass them all.
    for number in 1..=OTHERS {
        store_one_of_each(&repositories, number).await;
    }
    let others = entries_of(1..=OTHERS);
    repositories.ledger.record(others.into()).await.unwrap();
    for ordinal in 1..=u64::from(OTHERS) {
        repositories.decisions.insert_first(&decision(1, ordinal)).await.unwrap();
    }

    let mut profiler = Profiler::new(&database);
    call_every_method(&mut profiler, repositories).await;
    assert_eq!(profiler.complaints, Vec::<String>::new());
    let (called, methods) = (&profiler.called, &methods());
    let uncalled: Vec<_> = methods.difference(called).collect();
    assert!(uncalled.is_empty(), "call these in `call_every_method`: {uncalled:?}");
    let unknown: Vec<_> = called.difference(methods).collect();
    assert!(unknown.is_empty(), "no trait in `TRAITS` has these: {unknown:?}");
}

/// Calls every method; where a method has several ways to go, each of them.
async fn call_every_method(profiler: &mut Profiler<'_>, repositories: Repositories) {
    // Every field is named, so that a new repository is missed here. A change stream reads the oplog, which has no index.
    let Repositories { users, campaigns, participations, decisions, ledger, journal, probe, changes: _ } =
        repositories;
    let number = OTHERS + 1;
    let (streamer, brand, part) = (user(number), campaign(number), participation(number));
    let (id, now) = (streamer.id, start());

    profiler.call("users.insert_if_absent", users.insert_if_absent(&new_user(user(number)))).await;
    profiler.call("users.insert_if_absent", users.insert_if_absent(&new_user(user(number)))).await;
    let many = vec![new_user(user(number))];
    profiler.call("users.insert_all_if_absent", users.insert_all_if_absent(many)).await;
    profiler.call("users.find_by_id", users.find_by_id(id)).await;
    profiler.call("users.ensure_overlay_token", users.ensure_overlay_token(id, &token("a"))).await;
    profiler.call("users.ensure_overlay_token", users.ensure_overlay_token(id, &token("b"))).await;
    profiler.call("users.find_by_overlay_token", users.find_by_overlay_token(&token("a"))).await;
    let token = token("c");
    profiler.call("users.regenerate_overlay_token", users.regenerate_overlay_token(id, &token, now)).await;
    let overlay = OverlayPatch { opacity: Some(Opacity::try_from(50.0).unwrap()), ..OverlayPatch::default() };
    profiler.call("users.update_overlay", users.update_overlay(id, &overlay, now)).await;
    let selection = SelectionPatch { interval: Some(interval(5)), ..SelectionPatch::default() };
    profiler.call("users.update_selection", users.update_selection(id, &selection, now)).await;
    profiler.call("users.touch_overlays", users.touch_overlays(&[(id, now)])).await;
    profiler
        .call("users.set_test_campaign", users.set_test_campaign(id, &test_campaign("Test", minute(1))))
        .await;

    profiler
        .call("campaigns.insert_if_absent", campaigns.insert_if_absent(&new_campaign(campaign(number))))
        .await;
    profiler
        .call("campaigns.insert_if_absent", campaigns.insert_if_absent(&new_campaign(campaign(number))))
        .await;
    let many = vec![new_campaign(campaign(number))];
    profiler.call("campaigns.insert_all_if_absent", campaigns.insert_all_if_absent(many)).await;
    profiler.call("campaigns.find_by_id", campaigns.find_by_id(brand.id)).await;
    let (paused, active) = (CampaignStatus::Paused, CampaignStatus::Active);
    profiler.call("campaigns.transition", campaigns.transition(brand.id, active, paused, now)).await;
    profiler.call("campaigns.transition", campaigns.transition(brand.id, active, paused, now)).await;
    profiler.call("campaigns.transition", campaigns.transition(brand.id, paused, active, now)).await;

    let new_part = new_participation(participation(number));
    profiler.call("participations.insert_if_absent", participations.insert_if_absent(&new_part)).await;
    profiler.call("participations.insert_if_absent", participations.insert_if_absent(&new_part)).await;
    let inserting = participations.insert_all_if_absent(vec![new_part]);
    profiler.call("participations.insert_all_if_absent", inserting).await;
    profiler.call("participations.find_by_id", participations.find_by_id(part.id)).await;
    let token = &part.browser_source_token;
    profiler.call("participations.find_by_token", participations.find_by_token(token)).await;
    profiler.call("participations.list_active", participations.list_active(id)).await;
    profiler.call("participations.list_joined", participations.list_joined(id, 10)).await;
    for page in pages_after(participation(0).id) {
        profiler.call("participations.list_current", participations.list_current(id, page)).await;
    }
    let links = TrackingLinks { chat_command: Some("!ad".to_owned()), ..TrackingLinks::default() };
    profiler
        .call("participations.set_tracking_links", participations.set_tracking_links(part.id, &links))
        .await;
    let (paused, active) = (ParticipationStatus::Paused, ParticipationStatus::Active);
    profiler.call("participations.transition", participations.transition(part.id, active, paused, now)).await;
    profiler.call("participations.transition", participations.transition(part.id, active, paused, now)).await;
    profiler.call("participations.transition", participations.transition(part.id, paused, active, now)).await;

    call_decisions(profiler, decisions.as_ref()).await;

    let batch = entries_of(number..=number);
    profiler.call("ledger.record", ledger.record(batch.as_slice().into())).await;
    // Known now, and looked up.
    profiler.call("ledger.record", ledger.record(batch.as_slice().into())).await;
    // In the next quarter-hour, and late.
    for (name, seconds) in [("next", 15 * 60), ("late", 0)] {
        let of = |entry: &Entry| Entry {
            id: EntryId::stored(format!("{name} {}", entry.id)),
            at: Timestamp::from_second(entry.at.as_second() + seconds).unwrap(),
            ..entry.clone()
        };
        profiler.call("ledger.record", ledger.record(batch.iter().map(of).collect())).await;
    }
    profiler.call("ledger.find_entry", ledger.find_entry(&batch[0].id)).await;
    let (from, to, few) = (batch[0].at, Timestamp::MAX, PageLimit::try_from(3).unwrap());
    for after in [None, Some(PaidEntry { at: from, id: batch[0].id.clone() })] {
        profiler.call("ledger.list_paid", ledger.list_paid(from, to, after, few)).await;
    }
    profiler.call("ledger.list_rollups", ledger.list_rollups(part.id)).await;
    profiler.call("ledger.reconcile", ledger.reconcile(false)).await;
    profiler.call("ledger.reconcile", ledger.reconcile(true)).await;

    let (request, amount, limit) = (Request::parse("1").unwrap(), units(2_000.0), PageLimit::default());
    let instruction = Instruction { at: now, by: None, note: None };
    let (campaign, budget) = (part.campaign_id, units(5_000.0));
    for _ in 0..2 {
        let change = journal.change_budget(campaign, budget, &request, &instruction);
        profiler.call("journal.change_budget", change).await;
        profiler.call("journal.release_budget", journal.release_budget(campaign, &instruction)).await;
        profiler.call("journal.settle", journal.settle(campaign, None, limit, &instruction)).await;
        profiler.call("journal.pay_out", journal.pay_out(id, amount, &request, &instruction)).await;
    }
    let settlement = JournalId::settlement(part.id);
    profiler.call("journal.find_posting", journal.find_posting(&settlement)).await;
    profiler.call("journal.account", journal.account(id)).await;

    profiler.call("probe.ping", probe.ping()).await;
}

/// Calls every method of decisions, of a streamer who has many.
async fn call_decisions(profiler: &mut Profiler<'_>, decisions: &dyn DecisionRepository) {
    let next = decision(1, u64::from(OTHERS) + 1);
    profiler.call("decisions.find_latest", decisions.find_latest(next.id.streamer)).await;
    profiler.call("decisions.insert_first", decisions.insert_first(&next)).await;
    profiler.call("decisions.insert_first", decisions.insert_first(&next)).await;
    profiler.call("decisions.find", decisions.find(decision(1, 3).id)).await;
    let (from, to, few) = (decision(1, 9).from, decision(1, 40).from, PageLimit::try_from(3).unwrap());
    let place = |made: Decision| MadeDecision { from: made.from, id: made.id };
    for after in [None, Some(place(decision(1, 20)))] {
        profiler.call("decisions.list_made", decisions.list_made(from, to, after, few)).await;
    }
    let (ended_before, mut after) = (decision(1, 50).until, None);
    for _ in 0..2 {
        profiler.call("decisions.shorten", decisions.shorten(ended_before, after, 3)).await;
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

/// What the server does for each call.
struct Profiler<'d> {
    database: &'d TestDatabase,
    called: BTreeSet<String>,
    complaints: Vec<String>,
}

impl<'d> Profiler<'d> {
    fn new(database: &'d TestDatabase) -> Self {
        Self { database, called: BTreeSet::new(), complaints: Vec::new() }
    }

    /// Makes the call and judges every operation that it caused.
    async fn call<T>(&mut self, method: &str, call: impl Future<Output = Result<T, StorageError>>) {
        let raw = self.database.raw();
        raw.run_command(doc! {"profile": 0}).await.unwrap();
        raw.collection::<Document>("system.profile").drop().await.unwrap();
        raw.create_collection("system.profile").capped(true).size(16_000_000).await.unwrap();
        raw.run_command(doc! {"profile": 2}).await.unwrap();
        if let Err(error) = call.await {
            panic!("{method}: {error:?}");
        }
        raw.run_command(doc! {"profile": 0}).await.unwrap();

        let own = doc! {"ns": {"$ne": format!("{}.system.profile", raw.name())}};
        let cursor = raw.collection::<Document>("system.profile").find(own).await.unwrap();
        let operations: Vec<Document> = cursor.try_collect().await.unwrap();
        let judged: Vec<_> = operations.iter().filter(|operation| is_judged(operation)).collect();
        assert!(!judged.is_empty(), "the profiler saw nothing of {method}: {operations:#?}");
        if !WITHOUT_INDEX.iter().any(|(exempt, _)| *exempt == method) {
            let complaints = judged.into_iter().filter_map(complaint);
            self.complaints.extend(complaints.map(|complaint| format!("{method}: {complaint}")));
        }
        self.called.insert(method.to_owned());
    }
}

/// Whether the operation read or wrote documents; not whether it began or ended something.
fn is_judged(operation: &Document) -> bool {
    let is_change_stream = format!("{operation}").contains("$changeStream");
    !is_change_stream && (operation.contains_key("planSummary") || operation.contains_key("ninserted"))
}

/// What is wrong with an operation.
fn complaint(operation: &Document) -> Option<String> {
    let examined = |key| operation.get(key).map_or(0, whole_number);
    let wrong = if scans(&Bson::Document(operation.clone())) {
        "reads a collection without an index"
    } else if examined("docsExamined") > FEW || examined("keysExamined") > FEW {
        "examines what is not its own"
    } else {
        return None;
    };
    let mut shown = operation.clone();
    for noise in ["lsid", "locks", "storage", "flowControl", "execStats", "$clusterTime"] {
        shown.remove(noise);
    }
    Some(format!("{wrong}: {shown}"))
}

/// Whether there is a scan anywhere in an operation's plan, that of a joined collection included.
fn scans(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.iter().any(|(key, value)| match key.as_str() {
            "planSummary" | "stage" => value.as_str().is_some_and(|plan| plan.contains("COLLSCAN")),
            "collectionScans" => whole_number(value) > 0,
            // What was asked for may contain any word.
            "command" | "originatingCommand" => false,
            _ => scans(value),
        }),
        Bson::Array(values) => values.iter().any(scans),
        _ => false,
    }
}

fn whole_number(value: &Bson) -> i64 {
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap_or(0)
}

/// Every method of every trait, as the source has them.
fn methods() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for (repository, source) in TRAITS {
        for line in source.lines() {
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

/// The part of user `number` in campaign `number`.
fn participation(number: u32) -> Participation {
    gametriggers_fixtures::participation(number, number, number)
}

/// An empty decision that knows of a campaign.
fn decision(streamer: u32, ordinal: u64) -> Decision {
    let decision = empty_decision(streamer, ordinal);
    let mut tally = Tally::default();
    tally.admit(&[campaign_id(streamer)], decision.from);
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
