//! Laws of what a store lists for a period: the decisions of all streamers in order of time, and the entries that
//! earned money.

use gametriggers_domain::{
    decision::Decision,
    ledger::{Entry, EntryKind},
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{campaign, cpc, decision_id, empty_decision, entry, minute, participation};
use gametriggers_persistence::{MadeDecision, Repositories, StoredEntry};
use gametriggers_types::{
    ClickKind, DecisionId, PageLimit, SignedDuration, Timestamp, UnpaidReason, VisitSource,
};

use crate::{Fixture, decisions::store_draws, stage::Stage};

crate::laws! { $ times:
    the_decisions_of_a_time_are_listed_from_its_beginning_to_before_its_end,
    decisions_are_listed_in_order_of_time_and_id_whoever_made_them_first,
    shortened_and_empty_decisions_are_listed_as_they_are,
    pages_of_decisions_go_on_among_decisions_of_the_same_time,
    a_decision_that_cannot_be_read_is_left_out_of_its_page_and_stops_no_page,
    the_entries_that_earned_money_are_listed_and_no_others,
    a_scan_of_many_steps_finds_each_entry_once,
}

/// All decisions of a period, read page by page through a new client.
async fn made(fixture: &impl Fixture, from: Timestamp, to: Timestamp, limit: u32) -> Vec<Decision> {
    let decisions = fixture.reopen().await.decisions;
    let limit = PageLimit::try_from(limit).unwrap();
    let (mut all, mut after) = (Vec::new(), None::<MadeDecision>);
    loop {
        let page = decisions.list_made(from, to, after, limit).await.unwrap();
        assert!(page.items.len() <= limit.get() as usize);
        all.extend(page.items);
        match page.next {
            Some(next) => {
                assert!(after.is_none_or(|after| (after.from, after.id) < (next.from, next.id)));
                after = Some(next);
            }
            None => return all,
        }
    }
}

fn ids(decisions: &[Decision]) -> Vec<DecisionId> {
    decisions.iter().map(|decision| decision.id).collect()
}

async fn insert(fixture: &impl Fixture, decision: &Decision) {
    fixture.repositories().decisions.insert_first(decision).await.unwrap();
}

/// A decision that was made at the beginning of the period is listed. A decision that was made at its end is not.
async fn the_decisions_of_a_time_are_listed_from_its_beginning_to_before_its_end(fixture: &impl Fixture) {
    for ordinal in 1..=5 {
        insert(fixture, &empty_decision(1, ordinal)).await;
    }
    let millisecond = SignedDuration::from_millis(1);
    let listed = async |from, to| ids(&made(fixture, from, to, 100).await);
    assert_eq!(listed(minute(2), minute(4)).await, [decision_id(1, 2), decision_id(1, 3)]);
    assert_eq!(
        listed(minute(2) + millisecond, minute(4) + millisecond).await,
        [decision_id(1, 3), decision_id(1, 4)]
    );
    assert_eq!(listed(minute(3), minute(3)).await, []);
    assert_eq!(listed(minute(6), minute(60)).await, []);
}

/// The list is in order of time, whatever the order in which the decisions were stored. Decisions of the same time are
/// in order of streamer, and then of the ordinal as a number.
async fn decisions_are_listed_in_order_of_time_and_id_whoever_made_them_first(fixture: &impl Fixture) {
    let at = |decision: Decision, from| Decision { from, ..decision };
    let expected = [
        at(empty_decision(2, 7), minute(1)),
        at(empty_decision(1, 9), minute(2)),
        at(empty_decision(1, 10), minute(2)),
        at(empty_decision(2, 8), minute(2)),
        at(empty_decision(1, 8), minute(3)),
    ];
    for place in [3, 1, 4, 0, 2] {
        insert(fixture, &expected[place]).await;
    }
    for limit in [1, 2, 5, 100] {
        assert_eq!(made(fixture, minute(0), minute(9), limit).await, expected, "pages of {limit}");
    }
}

/// A shortened decision is listed in its short form, and an empty one with its reason.
async fn shortened_and_empty_decisions_are_listed_as_they_are(fixture: &impl Fixture) {
    let draws = store_draws(fixture, 1, 2).await;
    insert(fixture, &empty_decision(1, 3)).await;
    fixture.repositories().decisions.shorten(minute(100_000), None, 100).await.unwrap();
    let expected = [draws[0].clone().shortened(), draws[1].clone().shortened(), empty_decision(1, 3)];
    assert_eq!(made(fixture, minute(0), minute(9), 100).await, expected);
}

/// The pages together hold each decision once, even if many decisions were made at the same time, and even if one is
/// added between two pages.
async fn pages_of_decisions_go_on_among_decisions_of_the_same_time(fixture: &impl Fixture) {
    let mut expected = Vec::new();
    for streamer in 1..=3 {
        for ordinal in 1..=4 {
            let decision = Decision { from: minute(1), ..empty_decision(streamer, ordinal) };
            insert(fixture, &decision).await;
            expected.push(decision.id);
        }
    }
    for limit in [1, 3, 4, 5, 12] {
        assert_eq!(ids(&made(fixture, minute(1), minute(2), limit).await), expected, "pages of {limit}");
    }
    let limit = PageLimit::try_from(3).unwrap();
    let decisions = fixture.reopen().await.decisions;
    let page = decisions.list_made(minute(1), minute(2), None, limit).await.unwrap();
    assert_eq!(page.next, Some(MadeDecision { from: minute(1), id: decision_id(1, 3) }));
    insert(fixture, &Decision { from: minute(1), ..empty_decision(4, 1) }).await;
    let rest = decisions.list_made(minute(1), minute(2), page.next, PageLimit::default()).await.unwrap();
    expected.push(decision_id(4, 1));
    assert_eq!((ids(&rest.items), rest.next), (expected[3..].to_vec(), None));
}

/// A decision that cannot be read is left out, and all others are listed. This holds also if that decision is the last
/// of a page or the only one.
async fn a_decision_that_cannot_be_read_is_left_out_of_its_page_and_stops_no_page(fixture: &impl Fixture) {
    for ordinal in 1..=5 {
        insert(fixture, &empty_decision(1, ordinal)).await;
    }
    for ordinal in [2, 3] {
        fixture.falsify_decision(decision_id(1, ordinal)).await;
    }
    let expected = [1, 4, 5].map(|ordinal| decision_id(1, ordinal));
    for limit in [1, 2, 3, 100] {
        assert_eq!(ids(&made(fixture, minute(0), minute(9), limit).await), expected, "pages of {limit}");
    }
}

/// All entries that earned money in a period, in the order of their ids.
async fn paid(store: &Repositories, from: Timestamp, to: Timestamp) -> Vec<StoredEntry> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let step = store.ledger.scan_paid(from, to, after).await.unwrap();
        all.extend(step.items);
        after = step.next;
        if after.is_none() {
            all.sort_by(|one, other| one.entry.id.cmp(&other.entry.id));
            return all;
        }
    }
}

fn entry_ids(entries: &[StoredEntry]) -> Vec<&str> {
    entries.iter().map(|stored| stored.entry.id.as_str()).collect()
}

/// Entries that earned money from the beginning of the period to before its end are listed with their verdicts. Entries
/// that were refused or not paid are not listed.
async fn the_entries_that_earned_money_are_listed_and_no_others(fixture: &impl Fixture) {
    let (one, other) = (participation(1, 1, 1), participation(2, 2, 2));
    let campaigns = [campaign(1), Campaign { payment: cpc(2.5), ..campaign(2) }];
    let mut stage = Stage::set(fixture, &campaigns, &[one.clone(), other.clone()]).await;
    let at = |minutes, id: &str, part: &Participation, kind| Entry {
        at: minute(minutes),
        ..entry(id, part, kind)
    };
    let visit = EntryKind::Visit(VisitSource::Link);
    stage
        .record(&[
            at(3, "c", &other, visit),
            at(1, "a", &one, EntryKind::Display),
            at(2, "click", &one, EntryKind::Click(ClickKind::Chat)),
            at(2, "unpaid kind", &one, visit),
            Entry { unpaid: Some(UnpaidReason::Bot), ..at(2, "bot", &other, visit) },
            Entry { basis: None, ..at(2, "refused", &one, EntryKind::Display) },
            at(2, "b", &one, EntryKind::Display),
            at(4, "d", &other, visit),
        ])
        .await;
    let store = fixture.reopen().await;
    let all = paid(&store, minute(0), minute(9)).await;
    assert_eq!(entry_ids(&all), ["a", "b", "c", "d"]);
    for stored in &all {
        assert_eq!(store.ledger.find_entry(&stored.entry.id).await.unwrap().as_ref(), Some(stored));
    }
    assert_eq!(entry_ids(&paid(&store, minute(2), minute(4)).await), ["b", "c"]);
    assert_eq!(paid(&store, minute(5), minute(9)).await, []);
}

/// A scan finds each entry once, even if there are more entries than one step looks at.
async fn a_scan_of_many_steps_finds_each_entry_once(fixture: &impl Fixture) {
    const ENTRIES: usize = 25_000;
    const BATCH: usize = 2_500;
    let part = participation(1, 1, 1);
    let mut stage = Stage::set(fixture, &[campaign(1)], std::slice::from_ref(&part)).await;
    // One in a hundred earns money.
    let of = |number: usize| {
        let kind =
            if number.is_multiple_of(100) { EntryKind::Display } else { EntryKind::Click(ClickKind::Chat) };
        Entry { at: minute(1), ..entry(&format!("{number:05}"), &part, kind) }
    };
    for first in (0..ENTRIES).step_by(BATCH) {
        stage.record(&(first..first + BATCH).map(of).collect::<Vec<_>>()).await;
    }
    let expected: Vec<_> = (0..ENTRIES).step_by(100).map(|number| format!("{number:05}")).collect();
    assert_eq!(entry_ids(&paid(&fixture.reopen().await, minute(0), minute(9)).await), expected);
}
