//! Checks that the store agrees with what the clients were told.

use gametriggers_domain::{
    ledger::Counters,
    model::{Campaign, Participation},
};
use gametriggers_persistence::StoredEntry;
use gametriggers_types::{Money, PaymentType};

use super::{
    super::clients::{differences, never_sent, of_event},
    log::Log,
    state::State,
};

/// Describes every violation in words.
pub(super) fn violations(log: &Log, state: &State) -> Vec<String> {
    let mut found = Vec::new();
    for (id, event) in &log.events {
        found.extend(of_event(id, event, state.entries.get(id)));
    }
    found.extend(never_sent(&log.events, state.entries.keys()));
    found.extend(of_decisions(log, state));
    for campaign in &state.campaigns {
        found.extend(of_money(campaign, state).map(|what| format!("{} {what}", campaign.title)));
        for participation in state.participations.iter().filter(|it| it.campaign_id == campaign.id) {
            let whats = of_counters(participation, campaign, state);
            let whats = whats.into_iter().chain(of_visits(participation, campaign, log));
            found.extend(whats.map(|what| format!("participation {} {what}", participation.id)));
        }
    }
    found.extend(state.discrepancies.iter().map(|difference| format!("reconcile finds {difference:?}")));
    found
}

/// Every decision that a screen was told must be stored as it was told.
fn of_decisions(log: &Log, state: &State) -> impl Iterator<Item = String> {
    log.shown.iter().filter_map(|(id, shown)| match state.decisions.get(id) {
        None => Some(format!("decision {id} was shown and is not stored")),
        Some(stored) if *stored == Some(*shown) => None,
        Some(stored) => Some(format!("decision {id} was shown as {shown} and is stored as {stored:?}")),
    })
}

/// No campaign may spend more than its budget, and the spent amount must equal the earnings of its participations.
fn of_money(campaign: &Campaign, state: &State) -> impl Iterator<Item = String> {
    let remaining = campaign.remaining_budget;
    let spent = campaign.budget - remaining;
    let of_campaign = state.participations.iter().filter(|it| it.campaign_id == campaign.id);
    let earned: Money = of_campaign.map(|it| it.counters.earnings).sum();
    let overspent = (remaining < Money::ZERO).then(|| format!("is overspent: {remaining} remains"));
    let unequal = (spent != earned).then(|| format!("has spent {spent}, and {earned} was earned"));
    overspent.into_iter().chain(unequal)
}

/// Each entry must count once, and only entries may count.
fn of_counters(participation: &Participation, campaign: &Campaign, state: &State) -> Vec<String> {
    let stored = &participation.counters;
    let own = state.entries.values().filter(|it| it.entry.participation == participation.id);
    let mut expected = Counters::default();
    for StoredEntry { entry, verdict } in own {
        expected.add(&Counters::of(entry.kind, verdict));
    }
    // Visits cannot be looked up by id. No click of the load has their source, so the stored number of visits is used.
    let visits = stored.visits;
    let paid = if campaign.payment.kind() == PaymentType::Cpc { visits } else { 0 };
    expected.add(&Counters { visits, clicks: visits, qr_scans: visits, paid_units: paid, ..<_>::default() });
    expected.earnings = campaign.payment.cost(0, expected.paid_units);

    let mut found = differences(stored, &expected, "its entries");
    let rollups = state.rollups.get(&participation.id).copied().unwrap_or_default();
    found.extend(differences(stored, &rollups, "its rollups"));
    found
}

/// All acknowledged visits must count unless no money was left for them, and no others may count.
fn of_visits(participation: &Participation, campaign: &Campaign, log: &Log) -> impl Iterator<Item = String> {
    let stored = participation.counters.visits;
    let visits = log.visits.get(&participation.id).copied().unwrap_or_default();
    let payment = &campaign.payment;
    let has_money = payment.kind() != PaymentType::Cpc
        || payment.affords_next(participation.counters.paid_units, campaign.remaining_budget);
    let lost = (stored < visits.acknowledged && has_money)
        .then(|| format!("has {stored} visits, and {} were acknowledged", visits.acknowledged));
    let unknown =
        (stored > visits.sent).then(|| format!("has {stored} visits, and {} were sent", visits.sent));
    lost.into_iter().chain(unknown)
}
