//! Checks that a budget was spent to its end, and that the ledger agrees with what the clients were told.

use std::collections::{BTreeMap, BTreeSet};

use gametriggers_domain::{
    ledger::{Counters, EntryId, EntryKind, Verdict},
    price::Accrual,
};
use gametriggers_persistence::StoredEntry;
use gametriggers_types::{Money, RejectionReason};

use super::{
    super::clients::{differences, never_sent, of_event},
    log::{Ending, Log},
};

/// Describes every violation in words. `price` is the price of every unit.
pub(super) fn violations(price: Money, log: &Log, ending: &Ending) -> Vec<String> {
    let mut found = stored_twice(ending);
    let stored: BTreeMap<_, _> = ending.entries.iter().map(|stored| (&stored.entry.id, stored)).collect();
    for (id, event) in &log.events {
        found.extend(of_event(id, event, stored.get(id).copied()));
    }
    let is_visit = |stored: &StoredEntry| matches!(stored.entry.kind, EntryKind::Visit(_));
    let known = ending.entries.iter().filter(|stored| !is_visit(stored)).map(|stored| &stored.entry.id);
    found.extend(never_sent(&log.events, known));
    found.extend(of_visits(log, ending));
    found.extend(of_counters(ending));
    found.extend(of_money(price, ending));
    found.extend(of_order(price, ending));
    found
}

fn stored_twice(ending: &Ending) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let again = ending.entries.iter().filter(|stored| !ids.insert(&stored.entry.id));
    again.map(|stored| format!("{} is stored twice", stored.entry.id)).collect()
}

/// Each acknowledged visitor must be counted, and each visitor at most once in an hour.
fn of_visits(log: &Log, ending: &Ending) -> Vec<String> {
    let mut found = Vec::new();
    for participation in &ending.participations {
        let id = participation.id;
        let visitors: Vec<_> = log.visitors.iter().filter(|visitor| visitor.joined == id).collect();
        let acknowledged = visitors.iter().filter(|visitor| visitor.is_acknowledged).count();
        let sent: usize = visitors.iter().map(|visitor| visitor.hours.len()).sum();
        let is_visit = |stored: &&StoredEntry| {
            stored.entry.participation == id && matches!(stored.entry.kind, EntryKind::Visit(_))
        };
        let stored = ending.entries.iter().filter(is_visit).count();
        if stored < acknowledged {
            found.push(format!("{id} has {stored} visits, and {acknowledged} were acknowledged"));
        }
        if stored > sent {
            found.push(format!("{id} has {stored} visits, and {sent} were sent"));
        }
    }
    found
}

/// Each entry must count once, and only entries may count.
fn of_counters(ending: &Ending) -> Vec<String> {
    let mut found = Vec::new();
    for participation in &ending.participations {
        let mut expected = Counters::default();
        for StoredEntry { entry, verdict } in &ending.entries {
            if entry.participation == participation.id {
                expected.add(&Counters::of(entry.kind, verdict));
            }
        }
        let unequal = differences(&participation.counters, &expected, "its entries");
        found.extend(unequal.iter().map(|what| format!("participation {} {what}", participation.id)));
    }
    found
}

/// What was spent and what remains must add up to the budget, and what remains must be too little for a unit.
fn of_money(price: Money, ending: &Ending) -> Vec<String> {
    let (budget, remaining) = (ending.campaign.budget, ending.campaign.remaining_budget);
    let spent: Money =
        ending.entries.iter().filter_map(|stored| paid(&stored.verdict)).map(|paid| paid.1).sum();
    let mut found = Vec::new();
    if spent + remaining != budget {
        found.push(format!("{spent} was paid and {remaining} remains of {budget}"));
    }
    if remaining < Money::ZERO {
        found.push(format!("the campaign is overspent: {remaining} remains"));
    }
    if remaining >= price {
        found.push(format!("the campaign has {remaining} left, which is enough for a unit"));
    }
    found
}

/// The ledger must pay the price of each unit as long as the money suffices, and nothing afterwards. Reads the entries in the
/// order in which they were recorded.
fn of_order(price: Money, ending: &Ending) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = ending.campaign.budget;
    let mut first_rejected: Option<&EntryId> = None;
    for StoredEntry { entry, verdict } in &ending.entries {
        let id = &entry.id;
        if let Some((units, amount)) = paid(verdict) {
            if amount.micros() != price.micros() * i64::try_from(units).unwrap() {
                found.push(format!("{id} is paid {amount} for {units} units of {price}"));
            }
            if amount > left {
                found.push(format!("{id} is paid {amount}, and {left} was left"));
            }
            if let Some(first) = first_rejected {
                found.push(format!("{id} is paid after {first} was rejected for want of money"));
            }
            left -= amount;
        } else if *verdict == Verdict::Rejected(RejectionReason::BudgetExhausted) {
            if left >= price {
                found.push(format!("{id} is rejected for want of money, and {left} was left"));
            }
            first_rejected = first_rejected.or(Some(id));
        } else if entry.kind.is_paid_under(ending.campaign.payment.kind()) {
            found.push(format!("{id} is neither paid nor rejected for want of money: {verdict:?}"));
        }
    }
    found
}

/// The paid units and their amount; `None` if nothing was paid.
pub(super) fn paid(verdict: &Verdict) -> Option<(u64, Money)> {
    match *verdict {
        Verdict::Counted(Accrual { paid: units @ 1.., amount, .. }) => Some((units, amount)),
        Verdict::Counted(_) | Verdict::Rejected(_) => None,
    }
}
