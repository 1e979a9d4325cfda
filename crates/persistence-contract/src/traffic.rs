//! Traffic of every kind over campaigns of every payment type, the same in every run.

use gametriggers_domain::{
    decision::Basis,
    ledger::{Entry, EntryId, EntryKind},
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{campaign, cpc, cpm, fixed, minute, participation, quota, units};
use gametriggers_types::{ClickKind, RejectionReason, SignedDuration, UnpaidReason, VisitSource};

use crate::support::next_random;

const KINDS: [EntryKind; 9] = [
    EntryKind::Display,
    EntryKind::Viewers,
    EntryKind::Click(ClickKind::Overlay),
    EntryKind::Click(ClickKind::Chat),
    EntryKind::Click(ClickKind::Qr),
    EntryKind::Click(ClickKind::Link),
    EntryKind::Visit(VisitSource::Qr),
    EntryKind::Visit(VisitSource::Chat),
    EntryKind::Visit(VisitSource::Link),
];

/// The number of streamers in each campaign.
const STREAMERS: u32 = 4;

/// One campaign of each payment type. None of them has enough money for all of the traffic.
pub(crate) fn campaigns() -> [Campaign; 3] {
    [(1, cpm(1_234.567), 3_000.0), (2, fixed(99.999_999, 1_000), 250.0), (3, cpc(2.5), 40.0)].map(
        |(number, payment, budget)| Campaign {
            payment,
            budget: units(budget),
            remaining_budget: units(budget),
            ..campaign(number)
        },
    )
}

/// One participation of every streamer in every campaign.
pub(crate) fn participations() -> Vec<Participation> {
    (1..=3)
        .flat_map(|campaign| (1..=STREAMERS).map(move |streamer| (campaign, streamer)))
        .map(|(campaign, streamer)| participation(100 * campaign + streamer, campaign, streamer))
        .collect()
}

/// Entries of every kind for [`participations`] within two days. Some of them are repetitions, some were refused by the caller,
/// some have the other basis, and some are marked as unpaid. Half of them use one of a dozen quotas. Another `seed` gives other
/// entries.
pub(crate) fn entries(seed: u64, count: usize) -> Vec<Entry> {
    let participations = participations();
    let mut state = seed;
    let mut below = move |bound: u64| next_random(&mut state) % bound;
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for number in 0..count {
        let participation = &participations[index(below(participations.len() as u64))];
        let kind = KINDS[index(below(KINDS.len() as u64))];
        let repeated = if below(10) == 0 { entries.get(index(below(count as u64))) } else { None };
        let fresh_id = || EntryId::stored(format!("traffic:{seed}:{number}"));
        let id = repeated.map_or_else(fresh_id, |entry| entry.id.clone());
        let units = if kind == EntryKind::Viewers { 1 + below(900) } else { 1 };
        let at = minute(0) + SignedDuration::from_millis(i64::try_from(below(172_800_000)).unwrap());
        let rejected = (below(20) == 0).then_some(RejectionReason::Blackout);
        let basis = if below(20) == 0 { kind.basis().map(Basis::other) } else { kind.basis() };
        let unpaid = (below(20) == 0).then_some(UnpaidReason::Bot);
        let quota = (below(2) == 0).then(|| quota(below(12), 3));
        let entry = Entry::new(id, kind, participation.id, participation.campaign_id, at);
        entries.push(Entry { units, basis, rejected, unpaid, quota, ..entry });
    }
    entries
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
