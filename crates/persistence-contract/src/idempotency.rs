//! Laws of idempotency: each entry counts once, however often it is submitted and whoever submits it.

use gametriggers_domain::{
    ledger::{Entry, EntryId, EntryKind, Verdict},
    price::Accrual,
};
use gametriggers_fixtures::{campaign, entry, minute, participation, units, user_id};
use gametriggers_persistence::Outcome;
use gametriggers_types::{ClickKind, DecisionId, Minute, RejectionReason};

use crate::{
    Fixture,
    stage::{Stage, paid, stage_of_one, unpaid},
    support::{TASKS, at_once, count, record_at_once, stored_participation},
};

crate::laws! { $ idempotency:
    entry_ids_are_compared_letter_by_letter,
    an_entry_twice_in_one_batch_counts_once,
    an_entry_in_a_later_batch_is_a_duplicate_with_its_first_verdict,
    a_duplicate_answers_with_the_entry_stored_not_with_the_one_submitted,
    a_batch_that_failed_can_be_submitted_again_without_what_was_wrong,
    m3_one_display_submitted_at_once_by_many_counts_once,
    m31_one_minute_of_one_audience_is_credited_to_one_participation,
    batches_that_overlap_count_each_entry_once,
}

/// Ids that differ in anything, such as case, the encoding of accents or a trailing blank, are different entries.
async fn entry_ids_are_compared_letter_by_letter(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let ids =
        ["event:a", "event:A", "event:a ", " event:a", "event:é", "event:e\u{301}", "event:'a'", "event:_"];
    let batch: Vec<_> = ids.iter().map(|id| entry(id, &part, EntryKind::Click(ClickKind::Chat))).collect();
    assert_eq!(stage.record(&batch).await, vec![unpaid(1); ids.len()]);
    assert_eq!(stage.counters(part.id).chat_clicks, ids.len() as u64);
    stage.assert_stored().await;
}

/// If two entries of a batch have one id, the first counts, and the second is its duplicate.
async fn an_entry_twice_in_one_batch_counts_once(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let twice = entry("display", &part, EntryKind::Display);
    let click = entry("click", &part, EntryKind::Click(ClickKind::Qr));
    let outcomes = stage.record(&[twice.clone(), click, twice.clone(), twice]).await;
    let verdict = Verdict::Counted(Accrual::priced(1, 0, units(1.66)));
    let duplicate = Outcome::Duplicate { participation: part.id, verdict };
    assert_eq!(outcomes, [paid(units(1.66)), unpaid(1), duplicate, duplicate]);
    assert_eq!(stored_participation(fixture, part.id).await.counters.impressions, 1);
    stage.assert_stored().await;
}

/// An entry that is submitted again, through any instance and among any other entries, changes nothing and gets its first verdict
/// as the answer.
async fn an_entry_in_a_later_batch_is_a_duplicate_with_its_first_verdict(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let first = entry("display", &part, EntryKind::Display);
    stage.record(std::slice::from_ref(&first)).await;
    let verdict = Verdict::Counted(Accrual::priced(1, 0, units(1.66)));
    let duplicate = Outcome::Duplicate { participation: part.id, verdict };
    for _ in 0..3 {
        let again = fixture.reopen().await.ledger.record([first.clone()].into()).await.unwrap();
        assert_eq!(again, [duplicate]);
    }
    let other = entry("another", &part, EntryKind::Display);
    assert_eq!(stage.record(&[other, first]).await, [paid(units(1.66)), duplicate]);
    stage.assert_stored().await;
}

/// The answer to a duplicate names the participation and the verdict of the stored entry, whatever the second submission says.
async fn a_duplicate_answers_with_the_entry_stored_not_with_the_one_submitted(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 2, 2)];
    let mut stage = Stage::set(fixture, &[campaign(1), campaign(2)], &parts).await;
    let first = Entry { units: 3, ..entry("fact", &parts[0], EntryKind::Viewers) };
    stage.record(std::slice::from_ref(&first)).await;
    let second = Entry {
        units: 900,
        at: minute(99),
        rejected: Some(RejectionReason::TestAd),
        ..entry("fact", &parts[1], EntryKind::Click(ClickKind::Chat))
    };
    let verdict = Verdict::Counted(Accrual::priced(3, 0, units(4.98)));
    let duplicate = Outcome::Duplicate { participation: parts[0].id, verdict };
    assert_eq!(stage.record(&[second]).await, [duplicate]);
    assert_eq!(stored_participation(fixture, parts[1].id).await, parts[1]);
    let stored = fixture.reopen().await.ledger.find_entry(&first.id).await.unwrap().unwrap();
    assert_eq!(stored.entry, first);
    stage.assert_stored().await;
}

/// An entry whose batch was refused counts as new when it is submitted again.
async fn a_batch_that_failed_can_be_submitted_again_without_what_was_wrong(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let good = entry("good", &part, EntryKind::Display);
    let bad = entry("bad", &participation(2, 1, 2), EntryKind::Display);
    let ledger = fixture.repositories().ledger;
    assert!(ledger.record([good.clone(), bad].into()).await.is_err());
    assert_eq!(stage.record(&[good]).await, [paid(units(1.66))]);
    stage.assert_stored().await;
}

/// If many tasks of two instances submit the display of one decision at once, it counts once, and all other tasks get its
/// verdict.
async fn m3_one_display_submitted_at_once_by_many_counts_once(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let decision = DecisionId { streamer: part.streamer_id, ordinal: 1 };
    let display = Entry { id: EntryId::display(decision), ..entry("", &part, EntryKind::Display) };
    let recorded = at_once(fixture, TASKS, |_, client| {
        let display = display.clone();
        async move {
            let outcomes = client.ledger.record([display.clone()].into()).await.unwrap();
            (display, outcomes[0])
        }
    })
    .await;
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == paid(units(1.66))), 1);
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// If a streamer's viewers of one minute are sampled at once for different participations, they are credited to one
/// participation, and every sampler learns to which.
async fn m31_one_minute_of_one_audience_is_credited_to_one_participation(fixture: &impl Fixture) {
    let parts: Vec<_> = (1..=4).map(|number| participation(number, number, 1)).collect();
    let campaigns: Vec<_> = (1..=4).map(campaign).collect();
    let mut stage = Stage::set(fixture, &campaigns, &parts).await;
    let id = EntryId::viewers(user_id(1), Minute::containing(minute(1)));
    let recorded = at_once(fixture, TASKS, |task, client| {
        let sample = entry("", &parts[task % parts.len()], EntryKind::Viewers);
        let sample = Entry { id: id.clone(), units: 1 + task as u64, ..sample };
        async move {
            let outcomes = client.ledger.record([sample.clone()].into()).await.unwrap();
            (sample, outcomes[0])
        }
    })
    .await;
    assert_eq!(count(&recorded, |(_, outcome)| matches!(outcome, Outcome::Counted(_))), 1);
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// If batches that share entries are recorded at once, each entry counts once, whatever the order in which the batches name them.
async fn batches_that_overlap_count_each_entry_once(fixture: &impl Fixture) {
    const ENTRIES: usize = 24;
    const BATCH: usize = 8;
    let parts: Vec<_> = (1..=5).map(|number| participation(number, 1 + number % 2, number)).collect();
    let mut stage = Stage::set(fixture, &[campaign(1), campaign(2)], &parts).await;
    let entries: Vec<_> = (0..ENTRIES)
        .map(|number| entry(&format!("display:{number}"), &parts[number % parts.len()], EntryKind::Display))
        .collect();
    let recorded = record_at_once(fixture, ENTRIES, |task| {
        entries.iter().cycle().skip(task).take(BATCH).cloned().collect()
    })
    .await;
    assert_eq!(count(&recorded, |(_, outcome)| matches!(outcome, Outcome::Counted(_))), ENTRIES);
    assert_eq!(recorded.len(), ENTRIES * BATCH);
    stage.note(&recorded);
    stage.assert_stored().await;
}
