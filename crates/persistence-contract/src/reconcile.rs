//! Laws of rollups and of `reconcile`, which proves that every counter is the sum of the entries.

use std::time::{Duration, Instant};

use gametriggers_domain::{
    ledger::{Counters, Entry, EntryKind},
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{campaign, entry, participation, time, units};
use gametriggers_persistence::{Discrepancy, Entity, Rollup};
use gametriggers_types::{ClickKind, Money, Quarter};

use crate::{
    Fixture,
    stage::Stage,
    support::{at_once, stored_campaign, stored_participation},
    traffic,
};

crate::laws! { $ reconcile:
    t3_an_event_belongs_to_the_quarter_hour_in_which_it_happened,
    rollups_are_listed_in_order_of_time_for_one_participation,
    the_rollups_add_up_to_the_counters,
    an_empty_store_has_no_differences,
    nothing_differs_after_mixed_traffic,
    nothing_differs_after_concurrent_traffic,
    nothing_differs_where_documents_came_with_counters,
    what_was_there_before_the_ledger_belongs_to_no_quarter_hour,
    reconciling_amid_traffic_finds_nothing_and_loses_nothing,
    while_repairs_run_events_are_recorded_and_none_is_lost,
    falsified_counters_are_found_and_repaired,
    falsified_counters_of_an_imported_participation_are_found_and_repaired,
    a_falsified_budget_is_found_and_repaired,
    falsified_rollups_are_found_and_repaired,
    the_ledger_goes_on_after_a_repair,
}

/// A stage after 200 entries of mixed traffic.
async fn after_traffic<F: Fixture>(fixture: &F) -> Stage<'_, F> {
    let mut stage = Stage::set(fixture, &traffic::campaigns(), &traffic::participations()).await;
    stage.record(&traffic::entries(5, 200)).await;
    stage
}

/// The differences as sorted tuples (entity, id, stored, expected). Asserts that each difference names its field.
fn facts(found: &[Discrepancy]) -> Vec<(String, String, i64, i64)> {
    let mut facts: Vec<_> = found
        .iter()
        .map(|difference| {
            assert!(!difference.field.is_empty());
            let entity = difference.entity.to_string();
            (entity, difference.id.clone(), difference.stored, difference.expected)
        })
        .collect();
    facts.sort();
    facts
}

/// Asserts that `reconcile` without repair reports these differences and changes nothing, and that a repair reports them once
/// more and leaves none.
async fn assert_found_and_repaired(fixture: &impl Fixture, expected: &[(String, String, i64, i64)]) {
    let mut expected = expected.to_vec();
    expected.sort();
    for repair in [false, false, true] {
        let found = fixture.reopen().await.ledger.reconcile(repair).await.unwrap();
        assert_eq!(facts(&found), expected, "repair: {repair}");
    }
    assert_eq!(fixture.reopen().await.ledger.reconcile(true).await.unwrap(), []);
}

/// The differences that [`Fixture::falsify_participation`] causes if these counters were stored before.
fn falsified(part: &Participation, counters: &Counters) -> [(String, String, i64, i64); 2] {
    let entity = Entity::Participation.to_string();
    let clicks = i64::try_from(counters.clicks).unwrap();
    [
        (entity.clone(), part.id.to_string(), 999, clicks),
        (entity, part.id.to_string(), 1, counters.earnings.micros()),
    ]
}

/// An entry is added to the rollup of the quarter-hour (UTC) that contains its event, including the beginning and excluding the
/// end, however late it is recorded.
async fn t3_an_event_belongs_to_the_quarter_hour_in_which_it_happened(fixture: &impl Fixture) {
    let part = participation(1, 1, 1);
    let mut stage = Stage::set(fixture, &[campaign(1)], std::slice::from_ref(&part)).await;
    let events = [
        ("2026-03-01T10:15:00Z", "2026-03-01T10:15:00Z"),
        ("2026-03-01T10:29:59.999Z", "2026-03-01T10:15:00Z"),
        ("2026-03-01T10:14:59.999Z", "2026-03-01T10:00:00Z"),
        ("2026-02-28T23:59:59.999Z", "2026-02-28T23:45:00Z"),
    ];
    for (at, quarter) in events {
        let click = entry(at, &part, EntryKind::Click(ClickKind::Qr));
        stage.record(&[Entry { at: time(at), ..click }]).await;
        let rollups = fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap();
        let quarter = Quarter::containing(time(quarter));
        assert!(rollups.iter().any(|rollup| rollup.quarter == quarter), "{at}");
    }
    let clicks = |clicks| Counters { clicks, qr_scans: clicks, ..Counters::default() };
    let expected = [("2026-02-28T23:45:00Z", 1), ("2026-03-01T10:00:00Z", 1), ("2026-03-01T10:15:00Z", 2)]
        .map(|(quarter, number)| Rollup {
            quarter: Quarter::containing(time(quarter)),
            campaign: part.campaign_id,
            counters: clicks(number),
        });
    assert_eq!(fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap(), expected);
    stage.assert_stored().await;
}

/// Rollups are listed in order of time, whatever the order of recording, and only those of the requested participation.
async fn rollups_are_listed_in_order_of_time_for_one_participation(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 1, 2)];
    let mut stage = Stage::set(fixture, &[campaign(1)], &parts).await;
    let times =
        ["2026-03-01T10:00:00Z", "1999-12-31T23:59:00Z", "2026-03-01T09:00:00Z", "2033-05-18T03:40:00Z"];
    for at in times {
        stage.record(&[Entry { at: time(at), ..entry(at, &parts[0], EntryKind::Display) }]).await;
    }
    let listed = fixture.reopen().await.ledger.list_rollups(parts[0].id).await.unwrap();
    let quarters: Vec<_> = listed.iter().map(|rollup| rollup.quarter).collect();
    assert_eq!(quarters, [1, 2, 0, 3].map(|place: usize| Quarter::containing(time(times[place]))));
    assert_eq!(fixture.reopen().await.ledger.list_rollups(parts[1].id).await.unwrap(), []);
    stage.assert_stored().await;
}

/// The sum of a participation's rollups is its counters, including the peak.
async fn the_rollups_add_up_to_the_counters(fixture: &impl Fixture) {
    let stage = after_traffic(fixture).await;
    let fresh = fixture.reopen().await;
    for part in traffic::participations() {
        let mut sum = Counters::default();
        for rollup in fresh.ledger.list_rollups(part.id).await.unwrap() {
            assert_eq!(rollup.campaign, part.campaign_id);
            sum.add(&rollup.counters);
        }
        assert_eq!(sum, stored_participation(fixture, part.id).await.counters);
        assert_ne!(sum, Counters::default());
    }
    stage.assert_stored().await;
}

/// An empty store has no differences.
async fn an_empty_store_has_no_differences(fixture: &impl Fixture) {
    assert_eq!(fixture.repositories().ledger.reconcile(false).await.unwrap(), []);
    assert_eq!(fixture.repositories().ledger.reconcile(true).await.unwrap(), []);
}

/// After traffic of every kind there are no differences, and a repair changes nothing.
async fn nothing_differs_after_mixed_traffic(fixture: &impl Fixture) {
    let stage = after_traffic(fixture).await;
    assert_eq!(fixture.reopen().await.ledger.reconcile(true).await.unwrap(), []);
    stage.assert_stored().await;
}

/// After concurrent traffic from many tasks of two instances there are no differences.
async fn nothing_differs_after_concurrent_traffic(fixture: &impl Fixture) {
    let mut stage = Stage::set(fixture, &traffic::campaigns(), &traffic::participations()).await;
    let recorded = at_once(fixture, 16, |task, client| async move {
        let mut recorded = Vec::new();
        for batch in traffic::entries(task as u64, 60).chunks(7) {
            let outcomes = client.ledger.record(batch.into()).await.unwrap();
            recorded.extend(batch.iter().cloned().zip(outcomes));
        }
        recorded
    })
    .await
    .concat();
    stage.note(&recorded);
    for campaign in traffic::campaigns() {
        assert!(stage.remaining(campaign.id) >= Money::ZERO);
    }
    stage.assert_stored().await;
}

/// A participation that was imported with `clicks` clicks and with other counters.
fn imported(number: u32, clicks: u64) -> Participation {
    let counters = Counters {
        impressions: 1_000,
        clicks,
        chat_clicks: 3,
        qr_scans: 4,
        link_clicks: 5,
        visits: 6,
        paid_units: 7,
        earnings: Money::from_micros(1_234_567),
        peak_viewers: 80,
        viewer_sum: 90,
        viewer_samples: 2,
    };
    Participation { counters, ..participation(number, 1, number) }
}

/// The counters and budgets with which a document was inserted are part of the expected values, before its first entry and after
/// it.
async fn nothing_differs_where_documents_came_with_counters(fixture: &impl Fixture) {
    let parts = [imported(1, 40), imported(2, 50), participation(3, 1, 3)];
    let overspent = Campaign { remaining_budget: units(-3.5), ..campaign(2) };
    let mut stage = Stage::set(fixture, &[campaign(1), overspent], &parts).await;
    stage.assert_stored().await;
    let samples = [70, 90].map(|viewers| Entry {
        units: viewers,
        ..entry(&format!("viewers:{viewers}"), &parts[0], EntryKind::Viewers)
    });
    for sample in samples {
        stage.record(&[sample, entry("click", &parts[2], EntryKind::Click(ClickKind::Chat))]).await;
        stage.assert_stored().await;
    }
    let after = stored_participation(fixture, parts[0].id).await.counters;
    assert_eq!((after.impressions, after.paid_units, after.peak_viewers), (1_160, 167, 90));
    assert_eq!((after.viewer_sum, after.viewer_samples), (250, 4));
    assert_eq!(after.earnings - imported(1, 40).counters.earnings, units(265.6));
}

/// Rollups hold what entries credited and not the counters of an import, because nobody knows when those events happened.
async fn what_was_there_before_the_ledger_belongs_to_no_quarter_hour(fixture: &impl Fixture) {
    let part = imported(1, 40);
    let mut stage = Stage::set(fixture, &[campaign(1)], std::slice::from_ref(&part)).await;
    assert_eq!(fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap(), []);
    stage.record(&[entry("click", &part, EntryKind::Click(ClickKind::Chat))]).await;
    let rollups = fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap();
    assert_eq!(rollups.len(), 1);
    assert_eq!(rollups[0].counters, Counters { clicks: 1, chat_clicks: 1, ..Counters::default() });
    stage.assert_stored().await;
}

/// `reconcile` reads one consistent state: during traffic it finds no difference, and a repair undoes no entry.
async fn reconciling_amid_traffic_finds_nothing_and_loses_nothing(fixture: &impl Fixture) {
    let mut stage = Stage::set(fixture, &traffic::campaigns(), &traffic::participations()).await;
    let recorded = at_once(fixture, 10, |task, client| async move {
        let mut recorded = Vec::new();
        for (round, batch) in traffic::entries(task as u64, 60).chunks(5).enumerate() {
            if task < 2 {
                let repair = (task + round) % 2 == 0;
                assert_eq!(client.ledger.reconcile(repair).await.unwrap(), []);
            } else {
                let outcomes = client.ledger.record(batch.into()).await.unwrap();
                recorded.extend(batch.iter().cloned().zip(outcomes));
            }
        }
        recorded
    })
    .await
    .concat();
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// The number of repairs. A busy machine may delay a few of them, so the law allows exceptions.
const REPAIRS: usize = 8;

/// Recording does not wait until a repair ends, however long the ledger is, and no entry that is recorded meanwhile is lost, even
/// where the repair writes or where two repairs run at once.
async fn while_repairs_run_events_are_recorded_and_none_is_lost(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 2, 2)];
    let [falsified, other] = &parts;
    let stage = Stage::set(fixture, &[campaign(1), campaign(2)], &parts).await;
    let mut recorded = 0;
    let mut clicks = |part, count| -> Vec<Entry> {
        recorded += count;
        let click = |number| entry(&format!("click {number}"), part, EntryKind::Click(ClickKind::Chat));
        (recorded - count..recorded).map(click).collect()
    };
    let ledger = fixture.repositories().ledger;
    for _ in 0..20 {
        ledger.record(clicks(other, 500).into()).await.unwrap();
    }
    let mut held_up = 0;
    for _ in 0..REPAIRS {
        ledger.record(clicks(falsified, 1).into()).await.unwrap();
        fixture.falsify_participation(falsified.id).await;
        let [one, two] = [fixture.reopen().await.ledger, fixture.reopen().await.ledger];
        let began = Instant::now();
        let repairing = tokio::spawn(async move {
            let repairs = [one, two].map(|ledger| tokio::spawn(async move { ledger.reconcile(true).await }));
            let mut found = 0;
            for repair in repairs {
                found += repair.await.unwrap().unwrap().len();
            }
            (found, began.elapsed())
        });
        let mut longest = Duration::ZERO;
        while !repairing.is_finished() {
            let began = Instant::now();
            ledger.record(clicks(other, 1).into()).await.unwrap();
            longest = longest.max(began.elapsed());
            ledger.record(clicks(falsified, 1).into()).await.unwrap();
        }
        let (found, took) = repairing.await.unwrap();
        assert_ne!(found, 0);
        held_up += usize::from(longest >= took);
    }
    assert!(
        held_up <= REPAIRS / 2,
        "in {held_up} of {REPAIRS} repairs, somebody waited for a good part of it"
    );
    let mut stored = 0;
    for part in &parts {
        stored += stored_participation(fixture, part.id).await.counters.clicks;
        let remaining = stored_campaign(fixture, part.campaign_id).await.remaining_budget;
        assert_eq!(remaining, stage.remaining(part.campaign_id));
    }
    assert_eq!(stored, recorded);
    assert_eq!(fixture.reopen().await.ledger.reconcile(false).await.unwrap(), []);
}

/// A counter that was changed without the ledger is reported with its stored and its expected value, stays as it is until a
/// repair, and is then the sum of the entries.
async fn falsified_counters_are_found_and_repaired(fixture: &impl Fixture) {
    let stage = after_traffic(fixture).await;
    let part = &traffic::participations()[2];
    let before = stage.counters(part.id);
    assert!(before.earnings > Money::ZERO);
    fixture.falsify_participation(part.id).await;
    let stored = stored_participation(fixture, part.id).await.counters;
    let expected = Counters { clicks: 999, earnings: Money::from_micros(1), ..before };
    assert_eq!(stored, expected, "the fixture falsifies these two and nothing else");
    assert_found_and_repaired(fixture, &falsified(part, &before)).await;
    stage.assert_stored().await;
}

/// The counters with which a participation was imported are part of the expected values and are correct again after the repair.
async fn falsified_counters_of_an_imported_participation_are_found_and_repaired(fixture: &impl Fixture) {
    let part = imported(1, 40);
    let mut stage = Stage::set(fixture, &[campaign(1)], std::slice::from_ref(&part)).await;
    stage.record(&[entry("click", &part, EntryKind::Click(ClickKind::Link))]).await;
    let before = stage.counters(part.id);
    assert_eq!(before.clicks, 41);
    fixture.falsify_participation(part.id).await;
    assert_found_and_repaired(fixture, &falsified(&part, &before)).await;
    stage.assert_stored().await;
}

/// A remaining budget that was changed without the ledger is found and repaired, and no other budget is changed.
async fn a_falsified_budget_is_found_and_repaired(fixture: &impl Fixture) {
    let stage = after_traffic(fixture).await;
    let [_, _, cpc] = traffic::campaigns();
    let before = stage.remaining(cpc.id);
    fixture.falsify_campaign(cpc.id).await;
    assert_eq!(stored_campaign(fixture, cpc.id).await.remaining_budget, Money::from_micros(1));
    let expected = (Entity::Campaign.to_string(), cpc.id.to_string(), 1, before.micros());
    assert_found_and_repaired(fixture, &[expected]).await;
    stage.assert_stored().await;
}

/// Every rollup that was changed without the ledger is found and repaired.
async fn falsified_rollups_are_found_and_repaired(fixture: &impl Fixture) {
    let stage = after_traffic(fixture).await;
    let part = &traffic::participations()[5];
    let before = fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap();
    fixture.falsify_rollups(part.id).await;
    let after = fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap();
    assert!(after.iter().all(|rollup| rollup.counters.clicks == 999));

    let sorted = |mut clicks: Vec<i64>| {
        clicks.sort_unstable();
        clicks
    };
    let true_clicks = before.iter().map(|rollup| i64::try_from(rollup.counters.clicks).unwrap()).collect();
    for repair in [false, true] {
        let found = fixture.reopen().await.ledger.reconcile(repair).await.unwrap();
        assert!(found.iter().all(|difference| difference.stored == 999));
        assert!(found.iter().all(|difference| difference.id.contains(&part.id.to_string())));
        let expected = found.iter().map(|difference| difference.expected).collect();
        assert_eq!(sorted(expected), sorted(Vec::clone(&true_clicks)));
    }
    stage.assert_stored().await;
}

/// After a repair entries get the same verdicts as if nothing had been falsified.
async fn the_ledger_goes_on_after_a_repair(fixture: &impl Fixture) {
    let mut stage = after_traffic(fixture).await;
    for part in traffic::participations() {
        fixture.falsify_participation(part.id).await;
        fixture.falsify_rollups(part.id).await;
    }
    for campaign in traffic::campaigns() {
        fixture.falsify_campaign(campaign.id).await;
    }
    assert_ne!(fixture.repositories().ledger.reconcile(true).await.unwrap(), []);
    stage.assert_stored().await;
    stage.record(&traffic::entries(6, 100)).await;
    stage.assert_stored().await;
}
