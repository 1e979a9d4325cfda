//! The checker finds each violation in a falsified record of a run.

use std::collections::BTreeSet;

use gametriggers_domain::{
    ledger::{Counters, EntryId, EntryKind, Verdict},
    model::Campaign,
    price::Accrual,
};
use gametriggers_fixtures::{campaign, decision_id, entry, participation, payment, user_id};
use gametriggers_persistence::StoredEntry;
use gametriggers_types::{ClickKind, Money, PaymentType, RejectionReason, UnpaidReason, VisitSource};
use serde_json::Value;

use super::{
    super::clients::{Answer, Event, Told},
    checker::violations,
    log::{Ending, Log, Visitor},
};

const PRICE: Money = Money::from_micros(333_333);
const BUDGET: Money = Money::from_micros(1_000_000);
const REMAINING: Money = Money::from_micros(1);
const EVENTS: u32 = 6;
/// The number of units for which the budget suffices.
const AFFORDABLE: u32 = 3;
const REJECTED: Verdict = Verdict::Rejected(RejectionReason::BudgetExhausted);

/// What was sent, and what is stored.
#[derive(Clone)]
struct Record {
    log: Log,
    ending: Ending,
}

impl Record {
    /// The record of a run without violations. Two participations earn in turn, by displays (`cpm`) or visits (`cpc`). After each
    /// of these events comes a click.
    fn without_violations(kind: PaymentType) -> Self {
        let payment = payment(kind, if kind == PaymentType::Cpm { 333.333 } else { 0.333_333 }, 1);
        let campaign = Campaign { payment, budget: BUDGET, remaining_budget: REMAINING, ..campaign(1) };
        let participations = vec![participation(1, 1, 1), participation(2, 1, 2)];
        let ending = Ending { campaign, participations, entries: vec![] };
        let mut record = Self { log: Log::default(), ending };
        for number in 0..EVENTS {
            let streamer = 1 + number % 2;
            let verdict = match number {
                ..AFFORDABLE => Verdict::Counted(Accrual::priced(1, 0, PRICE)),
                _ => REJECTED,
            };
            if kind == PaymentType::Cpm {
                let display = EntryId::display(decision_id(streamer, number.into()));
                record.note(&display, streamer, verdict);
                record.store(&display, streamer, EntryKind::Display, verdict);
            } else {
                let joined = record.ending.participations[number as usize % 2].id;
                let visitor = Visitor { joined, hours: BTreeSet::from([7]), is_acknowledged: true };
                record.log.visitors.push(visitor);
                let visit = EntryId::stored(format!("visit {number}"));
                record.store(&visit, streamer, EntryKind::Visit(VisitSource::Qr), verdict);
            }
            let counted = Verdict::Counted(Accrual::unpaid(1, None));
            let click = EntryId::click(user_id(streamer), ClickKind::Chat, &number.to_string());
            record.note(&click, streamer, counted);
            record.store(&click, streamer, EntryKind::Click(ClickKind::Chat), counted);
        }
        record
    }

    /// Notes that the streamer's event was sent once, and that this verdict was told.
    fn note(&mut self, id: &EntryId, streamer: u32, told: Verdict) {
        let shown = participation(streamer, 1, streamer).id;
        let (outcome, reason) = match told {
            Verdict::Counted(_) => (Told::Counted, None),
            Verdict::Rejected(reason) => (Told::Rejected, Some(reason)),
        };
        let mut event = Event::new(String::new(), Value::Null, shown);
        event.times_sent = 1;
        event.answers.push(Answer { outcome, reason, participation_id: Some(shown) });
        self.log.events.insert(id.clone(), event);
    }

    /// Stores an entry of the streamer, and counts it.
    fn store(&mut self, id: &EntryId, streamer: u32, kind: EntryKind, verdict: Verdict) {
        let joined = &mut self.ending.participations[streamer as usize - 1];
        joined.counters.add(&Counters::of(kind, &verdict));
        let entry = entry(id.as_str(), joined, kind);
        self.ending.entries.push(StoredEntry { entry, verdict });
    }

    fn violations(&self) -> Vec<String> {
        violations(PRICE, &self.log, &self.ending)
    }

    /// The place of the paid or rejected entry with this number in the order. A click comes after each of them.
    fn place(number: u32) -> usize {
        2 * number as usize
    }

    fn entry(&mut self, number: u32) -> &mut StoredEntry {
        &mut self.ending.entries[Self::place(number)]
    }

    /// The noted event whose entry is at this place.
    fn event(&mut self, place: usize) -> &mut Event {
        self.log.events.get_mut(&self.ending.entries[place].entry.id).unwrap()
    }
}

#[test]
fn where_everything_is_right_nothing_is_said() {
    for kind in [PaymentType::Cpm, PaymentType::Cpc] {
        assert_eq!(Record::without_violations(kind).violations(), [""; 0]);
    }
}

#[test]
fn each_violation_is_found() {
    use PaymentType::{Cpc, Cpm};
    type Falsify = fn(&mut Record);
    let swap = |record: &mut Record| record.ending.entries.swap(Record::place(2), Record::place(3));
    let cases: [(&str, PaymentType, Falsify); 17] = [
        ("is stored twice", Cpm, |it| {
            let twin = it.entry(0).clone();
            it.ending.entries.push(twin);
        }),
        ("was acknowledged and is not stored", Cpm, |it| {
            it.ending.entries.remove(1);
        }),
        ("is stored and was never sent", Cpm, |it| {
            it.event(1).times_sent = 0;
        }),
        ("was answered 2 times as if it were the first", Cpm, |it| {
            let again = it.event(1).answers[0].clone();
            it.event(1).answers.push(again);
        }),
        ("and is stored with Rejected(BudgetExhausted)", Cpm, |it| {
            let told = &mut it.event(Record::place(AFFORDABLE)).answers[0];
            (told.outcome, told.reason) = (Told::Counted, None);
        }),
        ("is paid after display:", Cpm, swap),
        ("is rejected for want of money, and 0.333334 was left", Cpm, swap),
        ("is rejected for want of money, and 1.000000 was left", Cpm, |it| {
            let rejected = it.ending.entries.remove(Record::place(AFFORDABLE));
            it.ending.entries.insert(0, rejected);
        }),
        ("is paid 0.333333, and 0.000001 was left", Cpm, |it| {
            it.entry(AFFORDABLE).verdict = Verdict::Counted(Accrual::priced(1, 0, PRICE));
        }),
        ("is paid 0.333334 for 1 units of 0.333333", Cpm, |it| {
            let amount = PRICE + Money::from_micros(1);
            it.entry(0).verdict = Verdict::Counted(Accrual::priced(1, 0, amount));
        }),
        ("is neither paid nor rejected for want of money", Cpm, |it| {
            let unpaid = Accrual::unpaid(1, Some(UnpaidReason::MinuteAlreadyPaid));
            it.entry(0).verdict = Verdict::Counted(unpaid);
        }),
        ("0.999999 was paid and 0.000002 remains of 1.000000", Cpm, |it| {
            it.ending.campaign.remaining_budget = Money::from_micros(2);
        }),
        ("is overspent: -0.000001 remains", Cpm, |it| {
            it.ending.campaign.remaining_budget = Money::from_micros(-1);
        }),
        ("has 0.333333 left, which is enough for a unit", Cpm, |it| {
            it.ending.campaign.remaining_budget = PRICE;
        }),
        ("has 4 clicks, and its entries add up to 3", Cpm, |it| {
            it.ending.participations[0].counters.clicks += 1;
        }),
        ("has 2 visits, and 3 were acknowledged", Cpc, |it| {
            it.ending.entries.remove(0);
        }),
        ("has 4 visits, and 3 were sent", Cpc, |it| {
            let visit = EntryId::stored("one visit more".to_owned());
            it.store(&visit, 1, EntryKind::Visit(VisitSource::Qr), REJECTED);
        }),
    ];
    for (expected, kind, falsify) in cases {
        let mut record = Record::without_violations(kind);
        falsify(&mut record);
        let found = record.violations();
        assert!(found.iter().any(|what| what.contains(expected)), "no `{expected}` in {found:#?}");
    }
}
