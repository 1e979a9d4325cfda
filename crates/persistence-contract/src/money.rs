//! Laws of money: what entries are paid, and that no budget is overspent.

use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, EntryKind, Verdict},
    model::{Campaign, Participation},
    price::{Accrual, Payment},
};
use gametriggers_fixtures::{campaign, campaign_id, cpc, cpm, entry, fixed, participation, units};
use gametriggers_persistence::Outcome;
use gametriggers_types::{ClickKind, Money, ParticipationId, RejectionReason, VisitSource};

use crate::{
    Fixture,
    stage::Stage,
    support::{at_once, count, stored_campaign, stored_participation},
};

crate::laws! { $ money:
    m24_single_units_add_up_to_the_price_of_all,
    the_next_price_starts_where_the_last_ended_also_within_a_batch,
    m11_fixed_pays_its_rate_and_no_more_to_each_participation,
    a_visit_pays_the_whole_rate_or_nothing,
    m12_a_rate_of_0_counts_and_pays_nothing,
    what_was_paid_before_the_ledger_is_not_paid_again,
    an_audience_is_paid_as_far_as_the_money_goes,
    m26_the_last_unit_that_fits_is_paid,
    the_order_of_the_batch_decides_who_is_paid,
    m6_concurrent_entries_never_overspend_a_budget,
    m6_concurrent_audiences_are_paid_as_far_as_the_money_goes,
    a_refusal_for_want_of_money_is_final,
    clicks_count_without_any_money,
    a_budget_overspent_before_pays_nothing_and_stays,
    campaigns_do_not_spend_each_others_money,
}

const EXHAUSTED: Outcome = Outcome::Rejected(RejectionReason::BudgetExhausted);

fn counted(paid: u64, unpaid: u64, amount: Money) -> Outcome {
    Outcome::Counted(Accrual::priced(paid, unpaid, amount))
}

/// Campaign 1 with this payment and this remaining budget.
fn paying(payment: Payment, remaining_budget: Money) -> Campaign {
    Campaign { payment, remaining_budget, ..campaign(1) }
}

/// Participations of `number` streamers in campaign 1.
fn parts(number: u32) -> Vec<Participation> {
    (1..=number).map(|number| participation(number, 1, number)).collect()
}

fn display(id: &str, part: &Participation) -> Entry {
    entry(id, part, EntryKind::Display)
}

fn viewers(id: &str, part: &Participation, units: u64) -> Entry {
    Entry { units, ..entry(id, part, EntryKind::Viewers) }
}

fn visit(id: &str, part: &Participation) -> Entry {
    entry(id, part, EntryKind::Visit(VisitSource::Link))
}

async fn remaining(fixture: &impl Fixture) -> Money {
    stored_campaign(fixture, campaign_id(1)).await.remaining_budget
}

async fn counters(fixture: &impl Fixture, id: ParticipationId) -> Counters {
    stored_participation(fixture, id).await.counters
}

/// Units cost the same whether they are recorded one by one or at once: no fraction is lost or won.
async fn m24_single_units_add_up_to_the_price_of_all(fixture: &impl Fixture) {
    let parts = parts(2);
    // Each unit costs 1.000001 + 1/1000 of a micro-unit.
    let payment = cpm(1_000.001_001);
    let mut stage = Stage::set(fixture, &[paying(payment, units(2_000.002_002))], &parts).await;
    for hundred in 0..10 {
        let batch: Vec<_> =
            (0..100).map(|unit| display(&format!("display:{hundred}:{unit}"), &parts[0])).collect();
        stage.record(&batch).await;
    }
    for (number, units) in [1, 332, 667].into_iter().enumerate() {
        stage.record(&[viewers(&format!("viewers:{number}"), &parts[1], units)]).await;
    }
    assert_eq!(counters(fixture, parts[0].id).await.earnings, units(1_000.001_001));
    assert_eq!(counters(fixture, parts[1].id).await.earnings, units(1_000.001_001));
    assert_eq!(remaining(fixture).await, Money::ZERO);
    stage.assert_stored().await;
}

/// A price depends on the units paid to this participation so far, including earlier entries of the same batch, and on no other
/// participation.
async fn the_next_price_starts_where_the_last_ended_also_within_a_batch(fixture: &impl Fixture) {
    let parts = parts(2);
    // Each unit costs 1.5 micro-units: the prices are 1, 2, 1, 2 …
    let mut stage = Stage::set(fixture, &[paying(cpm(0.0015), units(1.0))], &parts).await;
    let batch: Vec<_> = (0..6)
        .map(|number: usize| display(&format!("display:{number}"), &parts[usize::from(number == 2)]))
        .collect();
    let prices = [1, 2, 1, 1, 2, 1].map(|micros| counted(1, 0, Money::from_micros(micros)));
    assert_eq!(stage.record(&batch).await, prices);
    let next = [display("next:0", &parts[0]), display("next:1", &parts[1])];
    assert_eq!(stage.record(&next).await, [2, 2].map(|micros| counted(1, 0, Money::from_micros(micros))));
    stage.assert_stored().await;
}

/// A `fixed` campaign pays each participation its rate in total, evenly over the expected impressions, and nothing beyond them.
async fn m11_fixed_pays_its_rate_and_no_more_to_each_participation(fixture: &impl Fixture) {
    let parts = parts(2);
    let mut stage = Stage::set(fixture, &[paying(fixed(10.0, 3), units(100.0))], &parts).await;
    let thirds = [3_333_333, 3_333_333, 3_333_334].map(|micros| counted(1, 0, Money::from_micros(micros)));
    for (number, third) in thirds.into_iter().enumerate() {
        assert_eq!(stage.record(&[display(&format!("display:{number}"), &parts[0])]).await, [third]);
    }
    let beyond = [display("beyond", &parts[0]), viewers("far beyond", &parts[0], 50)];
    assert_eq!(stage.record(&beyond).await, [counted(0, 1, Money::ZERO), counted(0, 50, Money::ZERO)]);
    assert_eq!(stage.record(&[viewers("all", &parts[1], 5)]).await, [counted(3, 2, units(10.0))]);
    assert_eq!(counters(fixture, parts[0].id).await.impressions, 54);
    assert_eq!(counters(fixture, parts[0].id).await.earnings, units(10.0));
    assert_eq!(counters(fixture, parts[1].id).await.earnings, units(10.0));
    assert_eq!(remaining(fixture).await, units(80.0));
    stage.assert_stored().await;
}

/// A visit is paid the whole rate, or it is rejected and takes nothing if less than the rate remains.
async fn a_visit_pays_the_whole_rate_or_nothing(fixture: &impl Fixture) {
    let parts = parts(1);
    let mut stage = Stage::set(fixture, &[paying(cpc(2.5), units(7.499_999))], &parts).await;
    for id in ["first", "second"] {
        assert_eq!(stage.record(&[visit(id, &parts[0])]).await, [counted(1, 0, units(2.5))]);
    }
    assert_eq!(stage.record(&[visit("third", &parts[0])]).await, [EXHAUSTED]);
    assert_eq!(counters(fixture, parts[0].id).await.visits, 2);
    assert_eq!(remaining(fixture).await, units(2.499_999));
    stage.assert_stored().await;
}

/// A rate of 0 counts every unit and pays nothing, even if no money remains.
async fn m12_a_rate_of_0_counts_and_pays_nothing(fixture: &impl Fixture) {
    let parts = parts(1);
    let mut stage = Stage::set(fixture, &[paying(cpm(0.0), Money::ZERO)], &parts).await;
    assert_eq!(stage.record(&[viewers("viewers", &parts[0], 9)]).await, [counted(9, 0, Money::ZERO)]);
    assert_eq!(counters(fixture, parts[0].id).await.impressions, 9);
    assert_eq!(remaining(fixture).await, Money::ZERO);
    stage.assert_stored().await;
}

/// A participation that was imported with paid units continues from them, and earns in addition to its imported earnings.
async fn what_was_paid_before_the_ledger_is_not_paid_again(fixture: &impl Fixture) {
    let before = Counters { impressions: 9, paid_units: 8, earnings: units(8.0), ..Counters::default() };
    let part = Participation { counters: before, ..participation(1, 1, 1) };
    let money = units(100.0);
    let mut stage = Stage::set(fixture, &[paying(fixed(10.0, 10), money)], std::slice::from_ref(&part)).await;
    assert_eq!(stage.record(&[viewers("viewers", &part, 5)]).await, [counted(2, 3, units(2.0))]);
    let after = Counters {
        impressions: 14,
        paid_units: 10,
        earnings: units(10.0),
        peak_viewers: 5,
        viewer_sum: 5,
        viewer_samples: 1,
        ..before
    };
    assert_eq!(counters(fixture, part.id).await, after);
    assert_eq!(remaining(fixture).await, units(98.0));
    stage.assert_stored().await;
}

/// An entry of many units is paid for as many as the remaining budget covers, and the other units are counted without pay.
async fn an_audience_is_paid_as_far_as_the_money_goes(fixture: &impl Fixture) {
    let parts = parts(1);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_660.0), units(16.7))], &parts).await;
    let outcomes = stage.record(&[viewers("viewers", &parts[0], 900)]).await;
    assert_eq!(outcomes, [counted(10, 890, units(16.6))]);
    let after = counters(fixture, parts[0].id).await;
    assert_eq!((after.impressions, after.paid_units, after.earnings), (900, 10, units(16.6)));
    assert_eq!(remaining(fixture).await, units(0.1));
    assert_eq!(stage.record(&[viewers("more", &parts[0], 900)]).await, [EXHAUSTED]);
    assert_eq!(counters(fixture, parts[0].id).await.impressions, 900);
    stage.assert_stored().await;
}

/// A unit that costs exactly the remaining budget is paid, and one that costs a micro-unit more is not.
async fn m26_the_last_unit_that_fits_is_paid(fixture: &impl Fixture) {
    let parts = parts(1);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_660.0), units(3.319_999))], &parts).await;
    assert_eq!(stage.record(&[display("first", &parts[0])]).await, [counted(1, 0, units(1.66))]);
    assert_eq!(stage.record(&[display("second", &parts[0])]).await, [EXHAUSTED]);
    let exact = Campaign { remaining_budget: units(1.66), ..campaign(2) };
    let part = participation(2, 2, 2);
    let mut stage = Stage::set(fixture, &[exact], std::slice::from_ref(&part)).await;
    assert_eq!(stage.record(&[display("exact", &part)]).await, [counted(1, 0, units(1.66))]);
    stage.assert_stored().await;
}

/// If the money is short, entries are paid in the order of the batch, and a later, cheaper one may still be paid.
async fn the_order_of_the_batch_decides_who_is_paid(fixture: &impl Fixture) {
    let parts = parts(3);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_000.0), units(4.0))], &parts).await;
    let batch = [
        viewers("three", &parts[1], 3),
        viewers("two", &parts[0], 2),
        display("none left", &parts[2]),
        entry("click", &parts[2], EntryKind::Click(ClickKind::Chat)),
    ];
    let expected =
        [counted(3, 0, units(3.0)), counted(1, 1, units(1.0)), EXHAUSTED, counted(0, 1, Money::ZERO)];
    assert_eq!(stage.record(&batch).await, expected);

    // The second unit of a participation costs 2 micro-units, and the first unit of another participation costs 1.
    let part = |number| participation(10 + number, 2, number);
    let tight = Campaign { payment: cpm(0.0015), remaining_budget: Money::from_micros(2), ..campaign(2) };
    let mut stage = Stage::set(fixture, &[tight], &[part(1), part(2)]).await;
    let batch = [display("a", &part(1)), display("b", &part(1)), display("c", &part(2))];
    let one = counted(1, 0, Money::from_micros(1));
    assert_eq!(stage.record(&batch).await, [one, EXHAUSTED, one]);
    assert_eq!(stored_campaign(fixture, campaign_id(2)).await.remaining_budget, Money::ZERO);
}

/// If the budget covers exactly 10 impressions and 50 streamers record one display each at once through two instances, 10 are
/// counted, 40 are rejected and nothing remains.
async fn m6_concurrent_entries_never_overspend_a_budget(fixture: &impl Fixture) {
    let parts = parts(50);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_660.0), units(16.6))], &parts).await;
    let recorded = at_once(fixture, parts.len(), |task, client| {
        let display = display(&format!("display:{task}"), &parts[task]);
        async move {
            let outcomes = client.ledger.record([display.clone()].into()).await.unwrap();
            (display, outcomes[0])
        }
    })
    .await;
    let paid = counted(1, 0, units(1.66));
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == paid), 10);
    assert_eq!(count(&recorded, |(_, outcome)| *outcome == EXHAUSTED), 40);
    assert_eq!(remaining(fixture).await, Money::ZERO);
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// If audiences are sampled at once, together they are paid for as many viewers as the budget covers, and one of them is paid in
/// part.
async fn m6_concurrent_audiences_are_paid_as_far_as_the_money_goes(fixture: &impl Fixture) {
    let parts = parts(20);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_000.0), units(1_234.5))], &parts).await;
    let recorded = at_once(fixture, parts.len(), |task, client| {
        let sample = viewers(&format!("viewers:{task}"), &parts[task], 100);
        async move {
            let outcomes = client.ledger.record([sample.clone()].into()).await.unwrap();
            (sample, outcomes[0])
        }
    })
    .await;
    let times = |wanted: Outcome| count(&recorded, |(_, outcome)| *outcome == wanted);
    assert_eq!(times(counted(100, 0, units(100.0))), 12);
    assert_eq!(times(counted(34, 66, units(34.0))), 1);
    assert_eq!(times(EXHAUSTED), 7);
    assert_eq!(remaining(fixture).await, units(0.5));
    stage.note(&recorded);
    stage.assert_stored().await;
}

/// An entry that was rejected for lack of money stays rejected, even if a second submission could be paid.
async fn a_refusal_for_want_of_money_is_final(fixture: &impl Fixture) {
    let (poor, rich) = (participation(1, 1, 1), participation(2, 2, 1));
    let campaigns = [paying(cpm(1_660.0), units(1.0)), campaign(2)];
    let mut stage = Stage::set(fixture, &campaigns, &[poor.clone(), rich.clone()]).await;
    assert_eq!(stage.record(&[display("fact", &poor)]).await, [EXHAUSTED]);
    let verdict = Verdict::Rejected(RejectionReason::BudgetExhausted);
    let duplicate = Outcome::Duplicate { participation: poor.id, verdict };
    let click = entry("fact", &poor, EntryKind::Click(ClickKind::Chat));
    assert_eq!(stage.record(&[display("fact", &poor), display("fact", &rich), click]).await, [duplicate; 3]);
    let stored = fixture.reopen().await.ledger.find_entry(&EntryId::stored("fact".to_owned())).await.unwrap();
    let stored = stored.unwrap();
    assert_eq!((stored.entry, stored.verdict), (display("fact", &poor), verdict));
    assert_eq!(fixture.reopen().await.ledger.list_rollups(poor.id).await.unwrap(), []);
    assert_eq!(stored_participation(fixture, poor.id).await, poor);
    assert_eq!(stored_participation(fixture, rich.id).await, rich);
    assert_eq!(remaining(fixture).await, units(1.0));
    stage.assert_stored().await;
}

/// A click, and a visit that the campaign does not pay for, cost nothing and are counted even if no money remains.
async fn clicks_count_without_any_money(fixture: &impl Fixture) {
    let parts = parts(1);
    let mut stage = Stage::set(fixture, &[paying(cpm(1_660.0), Money::ZERO)], &parts).await;
    let click = entry("click", &parts[0], EntryKind::Click(ClickKind::Overlay));
    let outcomes = stage.record(&[display("display", &parts[0]), click, visit("visit", &parts[0])]).await;
    assert_eq!(outcomes, [EXHAUSTED, counted(0, 1, Money::ZERO), counted(0, 1, Money::ZERO)]);
    let after = counters(fixture, parts[0].id).await;
    assert_eq!((after.impressions, after.clicks, after.visits, after.paid_units), (0, 2, 1, 0));
    stage.assert_stored().await;
}

/// A campaign that the previous system overspent pays nothing, not even at a rate of 0, and its debt stays as it is.
async fn a_budget_overspent_before_pays_nothing_and_stays(fixture: &impl Fixture) {
    let free = Campaign { remaining_budget: Money::from_micros(-1), payment: cpm(0.0), ..campaign(2) };
    let overspent = paying(cpm(1_660.0), units(-0.01));
    let parts = [participation(1, 1, 1), participation(2, 2, 1)];
    let mut stage = Stage::set(fixture, &[overspent.clone(), free.clone()], &parts).await;
    let click = entry("click", &parts[0], EntryKind::Click(ClickKind::Chat));
    let batch = [display("display", &parts[0]), viewers("viewers", &parts[1], 5), click];
    assert_eq!(stage.record(&batch).await, [EXHAUSTED, EXHAUSTED, counted(0, 1, Money::ZERO)]);
    assert_eq!(stored_campaign(fixture, overspent.id).await, overspent);
    assert_eq!(stored_campaign(fixture, free.id).await, free);
    stage.assert_stored().await;
}

/// If one batch credits several campaigns, each campaign pays its own entries from its own budget.
async fn campaigns_do_not_spend_each_others_money(fixture: &impl Fixture) {
    let campaigns = [
        paying(cpm(1_000.0), units(1.0)),
        Campaign { payment: cpm(2_000.0), remaining_budget: units(4.0), ..campaign(2) },
    ];
    let parts = [participation(1, 1, 1), participation(2, 2, 1)];
    let mut stage = Stage::set(fixture, &campaigns, &parts).await;
    let batch: Vec<_> =
        (0..6).map(|number: usize| display(&format!("display:{number}"), &parts[number % 2])).collect();
    let (one, two) = (counted(1, 0, units(1.0)), counted(1, 0, units(2.0)));
    assert_eq!(stage.record(&batch).await, [one, two, EXHAUSTED, two, EXHAUSTED, EXHAUSTED]);
    assert_eq!(stage.remaining(campaign_id(1)), Money::ZERO);
    stage.assert_stored().await;
}
