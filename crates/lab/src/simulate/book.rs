//! The ledger of a simulation: judges entries and changes counters and budgets, as a store does.

use gametriggers_domain::{
    decision::Basis,
    ledger::{Counters, Entry, EntryId, EntryKind},
    model::{Campaign, Participation},
};
use gametriggers_types::{ClickKind, Money, ObjectId, Timestamp, VisitSource};

/// What the audience of one campaign did in one minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answers {
    pub(super) impressions: u64,
    /// Clicks that are no visits.
    pub(super) clicks: u64,
    pub(super) visits: u64,
}

/// One entry of each kind, which is filled in anew for each use. The entries need no ids, because a simulation never
/// records one twice.
pub(super) struct Book {
    impression: Entry,
    click: Entry,
    visit: Entry,
}

impl Book {
    /// A book for impressions of this basis.
    pub(super) fn new(basis: Basis) -> Self {
        let nobody = ObjectId::from_bytes([0; 12]);
        let entry = |kind: EntryKind| Entry {
            basis: kind.basis(),
            ..Entry::new(
                EntryId::stored(String::new()),
                kind,
                nobody.into(),
                nobody.into(),
                Timestamp::UNIX_EPOCH,
            )
        };
        Self {
            impression: entry(match basis {
                Basis::Display => EntryKind::Display,
                Basis::Viewers => EntryKind::Viewers,
            }),
            click: entry(EntryKind::Click(ClickKind::Overlay)),
            visit: entry(EntryKind::Visit(VisitSource::Link)),
        }
    }

    /// Records what happened and returns what the streamer earned. Visits are recorded one by one, so that each is paid as
    /// far as the budget goes.
    pub(super) fn record(
        &mut self,
        pair: &mut (Participation, Campaign),
        now: Timestamp,
        answers: Answers,
    ) -> Money {
        let mut earned = post(&mut self.impression, pair, now, answers.impressions);
        earned += post(&mut self.click, pair, now, answers.clicks);
        for _ in 0..answers.visits {
            earned += post(&mut self.visit, pair, now, 1);
        }
        earned
    }
}

/// Posts an entry of `units`, if there are any, and returns what it earned.
fn post(
    entry: &mut Entry,
    (participation, campaign): &mut (Participation, Campaign),
    now: Timestamp,
    units: u64,
) -> Money {
    if units == 0 {
        return Money::ZERO;
    }
    (entry.participation, entry.campaign) = (participation.id, campaign.id);
    (entry.at, entry.units) = (now, units);
    let counters = &mut participation.counters;
    let verdict = entry.judge(&campaign.payment, counters.paid_units, campaign.remaining_budget, 0);
    let change = Counters::of(entry.kind, &verdict);
    counters.add(&change);
    campaign.remaining_budget -= change.earnings;
    change.earnings
}
