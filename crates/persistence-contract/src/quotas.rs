//! Laws of entries that are counted without pay: entries marked as unpaid, and entries beyond a quota.

use gametriggers_domain::{
    ledger::{Counters, Entry, EntryKind, Verdict},
    model::Campaign,
    price::Accrual,
    quota::Quota,
};
use gametriggers_fixtures::{campaign, cpc, cpm, entry, participation, quota, units};
use gametriggers_persistence::Outcome;
use gametriggers_types::{ClickKind, Money, RejectionReason, UnpaidReason, VisitSource};

use crate::{
    Fixture,
    stage::{Stage, paid, stage_of_one, unpaid},
    support::{TASKS, at_once, count, record_at_once, stored_campaign, stored_participation},
};

crate::laws! { $ quotas:
    what_is_known_to_earn_nothing_counts_and_keeps_its_reason,
    of_a_quota_as_many_entries_are_paid_as_it_allows,
    the_order_of_the_batch_decides_who_uses_a_quota,
    a_quota_is_used_by_what_is_paid_and_by_nothing_else,
    quotas_of_other_keys_are_others,
    a_quota_may_be_large_and_a_batch_may_have_many,
    entries_recorded_at_once_never_use_more_than_a_quota_allows,
    batches_recorded_at_once_that_share_quotas_never_use_more_than_they_allow,
}

const LIMITED: Outcome = Outcome::Counted(Accrual::unpaid(1, Some(UnpaidReason::AddressLimit)));

/// An entry that is marked as unpaid counts like any other and takes no money, and it keeps the reason, which its answers and
/// reads give.
async fn what_is_known_to_earn_nothing_counts_and_keeps_its_reason(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let reasons = UnpaidReason::ALL.iter().copied().filter(|reason| !reason.is_of_ledger());
    let kinds = [EntryKind::Display, EntryKind::Visit(VisitSource::Qr), EntryKind::Click(ClickKind::Chat)];
    let mut recorded = 0;
    for reason in reasons {
        for kind in kinds {
            let id = format!("{reason} {kind}");
            let submitted = Entry { unpaid: Some(reason), ..entry(&id, &part, kind) };
            let accrual = Accrual::unpaid(1, Some(reason));
            assert_eq!(stage.record(std::slice::from_ref(&submitted)).await, [Outcome::Counted(accrual)]);
            let stored = fixture.reopen().await.ledger.find_entry(&submitted.id).await.unwrap().unwrap();
            assert_eq!((&stored.entry, stored.verdict), (&submitted, Verdict::Counted(accrual)));
            let verdict = Verdict::Counted(accrual);
            let duplicate = Outcome::Duplicate { participation: part.id, verdict };
            assert_eq!(stage.record(&[submitted]).await, [duplicate]);
        }
        recorded += 1;
    }
    let expected = Counters {
        impressions: recorded,
        visits: recorded,
        clicks: 2 * recorded,
        qr_scans: recorded,
        chat_clicks: recorded,
        ..Counters::default()
    };
    assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    assert_eq!(stored_campaign(fixture, part.campaign_id).await, campaign(1));
    stage.assert_stored().await;
}

/// Entries of one quota are paid up to its limit, whoever is credited, whichever campaign pays and whichever instance records
/// them; the others count and keep the quota's reason.
async fn of_a_quota_as_many_entries_are_paid_as_it_allows(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 2, 1), participation(3, 1, 2)];
    let mut stage = Stage::set(fixture, &[campaign(1), campaign(2)], &parts).await;
    for number in 0..9_usize {
        let part = &parts[number % parts.len()];
        let display = Entry {
            quota: Some(quota(1, 4)),
            ..entry(&format!("display:{number}"), part, EntryKind::Display)
        };
        let outcome = fixture.reopen().await.ledger.record([display.clone()].into()).await.unwrap()[0];
        assert_eq!(outcome, if number < 4 { paid(units(1.66)) } else { LIMITED }, "{number}");
        stage.note(&[(display.clone(), outcome)]);
        let stored = fixture.reopen().await.ledger.find_entry(&display.id).await.unwrap().unwrap();
        let Outcome::Counted(accrual) = outcome else { panic!("{outcome:?}") };
        assert_eq!(stored.verdict, Verdict::Counted(accrual));
    }
    let credited = stored_participation(fixture, parts[0].id).await.counters;
    assert_eq!((credited.impressions, credited.paid_units), (3, 2));
    stage.assert_stored().await;
}

/// Earlier entries of a batch use the quota before later ones, after those that were stored before.
async fn the_order_of_the_batch_decides_who_uses_a_quota(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let display = |id| Entry { quota: Some(quota(1, 2)), ..entry(id, &part, EntryKind::Display) };
    assert_eq!(stage.record(&[display("a")]).await, [paid(units(1.66))]);
    let outcomes = stage.record(&[display("b"), display("b"), display("c"), display("d")]).await;
    assert_eq!(outcomes[0], paid(units(1.66)));
    assert!(matches!(outcomes[1], Outcome::Duplicate { .. }));
    assert_eq!(outcomes[2..], [LIMITED, LIMITED]);
    stage.assert_stored().await;
}

/// A duplicate, an entry that is never paid, a refused one and one without money do not use a quota.
async fn a_quota_is_used_by_what_is_paid_and_by_nothing_else(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 2, 1)];
    let poor = Campaign { payment: cpm(1_000.0), remaining_budget: units(0.5), ..campaign(2) };
    let mut stage = Stage::set(fixture, &[campaign(1), poor], &parts).await;
    let under = |entry: Entry| Entry { quota: Some(quota(1, 2)), ..entry };
    let display = |id| under(entry(id, &parts[0], EntryKind::Display));
    stage.record(&[display("first")]).await;
    let outcomes = stage
        .record(&[
            display("first"),
            under(entry("click", &parts[0], EntryKind::Click(ClickKind::Qr))),
            under(entry("visit", &parts[0], EntryKind::Visit(VisitSource::Qr))),
            Entry { unpaid: Some(UnpaidReason::Bot), ..display("bot") },
            Entry { rejected: Some(RejectionReason::TestAd), ..display("refused") },
            under(entry("poor", &parts[1], EntryKind::Display)),
            display("second"),
            display("third"),
        ])
        .await;
    assert_eq!(outcomes[5], Outcome::Rejected(RejectionReason::BudgetExhausted));
    assert_eq!(outcomes[6..], [paid(units(1.66)), LIMITED]);
    stage.assert_stored().await;
}

/// Quota keys are compared letter by letter, and quotas are independent of each other.
async fn quotas_of_other_keys_are_others(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let keys = ["key", "Key", "key ", "k_y", "k%", "kéy", "ke\u{301}y", "'key'", "$key", "key.a"];
    let under = |key: &str, number: u32| Entry {
        quota: Some(Quota { key: key.to_owned(), ..quota(1, 1) }),
        ..entry(&format!("{key}:{number}"), &part, EntryKind::Display)
    };
    let first: Vec<_> = keys.iter().map(|key| under(key, 1)).collect();
    assert_eq!(stage.record(&first).await, vec![paid(units(1.66)); keys.len()]);
    let second: Vec<_> = keys.iter().map(|key| under(key, 2)).collect();
    assert_eq!(stage.record(&second).await, vec![LIMITED; keys.len()]);
    stage.assert_stored().await;
}

/// A batch may name thousands of quotas, and the limit of a quota may exceed the size of a batch.
async fn a_quota_may_be_large_and_a_batch_may_have_many(fixture: &impl Fixture) {
    const MANY: u64 = 6_000;
    let part = participation(1, 1, 1);
    let free = Campaign { payment: cpc(0.0), ..campaign(1) };
    let mut stage = Stage::set(fixture, &[free], std::slice::from_ref(&part)).await;
    let visit = |number: u64| entry(&format!("visit:{number}"), &part, EntryKind::Visit(VisitSource::Link));
    let many: Vec<_> = (0..MANY)
        .map(|number| Entry { quota: Some(quota(number % (MANY / 2), 1)), ..visit(number) })
        .collect();
    let outcomes = stage.record(&many).await;
    let (first, second) = outcomes.split_at(many.len() / 2);
    assert_eq!(count(first, |outcome| *outcome == paid(Money::ZERO)), first.len());
    assert_eq!(count(second, |outcome| *outcome == LIMITED), second.len());

    let large: Vec<_> = (MANY..2 * MANY)
        .map(|number| Entry { quota: Some(quota(MANY, MANY - 1)), ..visit(number) })
        .collect();
    let (half, rest) = large.split_at(large.len() / 2);
    let outcomes = [stage.record(half).await, stage.record(rest).await].concat();
    assert_eq!(outcomes.iter().position(|outcome| *outcome == LIMITED), Some(large.len() - 1));
    stage.assert_stored().await;
}

/// If many tasks of two instances record entries of one quota at once for different campaigns, exactly as many are paid as the
/// quota allows.
async fn entries_recorded_at_once_never_use_more_than_a_quota_allows(fixture: &impl Fixture) {
    let parts: Vec<_> = (1..=4).map(|number| participation(number, number, 1)).collect();
    let campaigns: Vec<_> = (1..=4).map(campaign).collect();
    let mut stage = Stage::set(fixture, &campaigns, &parts).await;
    let recorded = at_once(fixture, TASKS, |task, client| {
        let part = &parts[task % parts.len()];
        let display =
            Entry { quota: Some(quota(1, 3)), ..entry(&format!("display:{task}"), part, EntryKind::Display) };
        async move {
            let outcomes = client.ledger.record([display.clone()].into()).await.unwrap();
            (display, outcomes[0])
        }
    })
    .await;
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == paid(units(1.66))), 3);
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == LIMITED), TASKS - 3);
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// If batches that share quotas are recorded at once, each quota is used up to its limit and no further, whatever the order in
/// which the batches name them.
async fn batches_recorded_at_once_that_share_quotas_never_use_more_than_they_allow(fixture: &impl Fixture) {
    const QUOTAS: u64 = 5;
    let parts: Vec<_> = (1..=5).map(|number| participation(number, 1 + number % 2, number)).collect();
    let mut stage = Stage::set(fixture, &[campaign(1), campaign(2)], &parts).await;
    let recorded = record_at_once(fixture, TASKS, |task| {
        let display = |number: u64| Entry {
            quota: Some(quota(number, 2 + number)),
            ..entry(&format!("{task}:{number}"), &parts[task % parts.len()], EntryKind::Display)
        };
        let mut batch: Vec<_> = (0..QUOTAS).map(display).collect();
        batch.push(entry(&format!("{task}"), &parts[task % parts.len()], EntryKind::Click(ClickKind::Qr)));
        batch
    })
    .await;
    stage.note(&recorded);
    for number in 0..QUOTAS {
        assert_eq!(stage.used(&quota(number, 0).key), 2 + number);
    }
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == unpaid(1)), TASKS, "clicks have no quota");
    stage.assert_stored().await;
}
