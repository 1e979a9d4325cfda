//! A stage: campaigns and participations in a store, together with the state that the domain's rules predict.

use std::collections::BTreeMap;

use gametriggers_domain::{
    ledger::{Counters, Entry, EntryId, Verdict},
    model::{Campaign, Participation},
    price::Accrual,
};
use gametriggers_fixtures::{campaign, participation};
use gametriggers_persistence::{Outcome, Rollup, StoredEntry};
use gametriggers_types::{CampaignId, Money, ParticipationId, Quarter, RejectionReason, Timestamp};

use crate::{
    Fixture,
    support::{store_campaign, store_participation, stored_campaign, stored_participation},
};

const OUT_OF_MONEY: Verdict = Verdict::Rejected(RejectionReason::BudgetExhausted);

/// The state that the store must hold: the documents as inserted, changed by every entry that was recorded since.
pub(crate) struct Stage<'f, F> {
    fixture: &'f F,
    campaigns: BTreeMap<CampaignId, Campaign>,
    participations: BTreeMap<ParticipationId, Participation>,
    openings: BTreeMap<ParticipationId, Counters>,
    entries: BTreeMap<EntryId, StoredEntry>,
    rollups: BTreeMap<(ParticipationId, Quarter), Rollup>,
    /// The number of paid entries per quota key.
    used: BTreeMap<String, u64>,
}

impl<'f, F: Fixture> Stage<'f, F> {
    /// Stores the documents and starts the prediction from them.
    pub(crate) async fn set(
        fixture: &'f F,
        campaigns: &[Campaign],
        participations: &[Participation],
    ) -> Self {
        for campaign in campaigns {
            store_campaign(fixture, campaign.clone()).await;
        }
        for participation in participations {
            store_participation(fixture, participation.clone()).await;
        }
        Self {
            fixture,
            campaigns: campaigns.iter().map(|campaign| (campaign.id, campaign.clone())).collect(),
            participations: participations.iter().map(|part| (part.id, part.clone())).collect(),
            openings: participations.iter().map(|part| (part.id, part.counters)).collect(),
            entries: BTreeMap::new(),
            rollups: BTreeMap::new(),
            used: BTreeMap::new(),
        }
    }

    /// Records the batch, asserts that its outcomes are those that the rules predict, and returns them.
    pub(crate) async fn record(&mut self, batch: &[Entry]) -> Vec<Outcome> {
        let expected: Vec<_> = batch.iter().map(|entry| self.foretell(entry)).collect();
        let outcomes = self.fixture.repositories().ledger.record(batch.into()).await.unwrap();
        assert_eq!(outcomes.len(), batch.len());
        for ((entry, outcome), expected) in batch.iter().zip(&outcomes).zip(&expected) {
            assert_eq!(outcome, expected, "the outcome of {entry:?}");
        }
        outcomes
    }

    /// Adds entries that were recorded at once. The prediction takes over their outcomes, because only the store knows their
    /// order.
    pub(crate) fn note(&mut self, recorded: &[(Entry, Outcome)]) {
        for (entry, outcome) in recorded {
            match *outcome {
                Outcome::Counted(accrual) => {
                    assert_eq!(accrual.paid + accrual.unpaid, entry.units, "units are counted whole");
                    self.keep(entry, Verdict::Counted(accrual));
                }
                Outcome::Rejected(reason) => {
                    let rejected = entry.judge_unpriced().unwrap_or(OUT_OF_MONEY);
                    assert_eq!(rejected, Verdict::Rejected(reason));
                    self.keep(entry, Verdict::Rejected(reason));
                }
                Outcome::Duplicate { .. } => {}
            }
        }
        for (entry, outcome) in recorded {
            if matches!(outcome, Outcome::Duplicate { .. }) {
                assert_eq!(Some(*outcome), self.duplicate_of(&entry.id), "a repetition of {}", entry.id);
            }
        }
    }

    /// The predicted counters of a participation.
    pub(crate) fn counters(&self, id: ParticipationId) -> Counters {
        self.participations[&id].counters
    }

    /// The predicted remaining budget of a campaign.
    pub(crate) fn remaining(&self, id: CampaignId) -> Money {
        self.campaigns[&id].remaining_budget
    }

    /// The predicted number of paid entries of a quota.
    pub(crate) fn used(&self, quota: &str) -> u64 {
        self.used.get(quota).copied().unwrap_or(0)
    }

    /// Asserts that a new client reads every document, entry and rollup as predicted, and that `reconcile` finds no difference.
    pub(crate) async fn assert_stored(&self) {
        for campaign in self.campaigns.values() {
            assert_eq!(&stored_campaign(self.fixture, campaign.id).await, campaign);
        }
        let fresh = self.fixture.reopen().await;
        for participation in self.participations.values() {
            assert_eq!(&stored_participation(self.fixture, participation.id).await, participation);
            self.assert_price(participation);
            let rollups = fresh.ledger.list_rollups(participation.id).await.unwrap();
            let expected: Vec<_> = self
                .rollups
                .range((participation.id, Quarter::containing(Timestamp::MIN))..)
                .take_while(|((id, _), _)| *id == participation.id)
                .map(|(_, rollup)| *rollup)
                .collect();
            assert_eq!(rollups, expected, "the rollups of {}", participation.id);
        }
        for (id, stored) in &self.entries {
            assert_eq!(fresh.ledger.find_entry(id).await.unwrap().as_ref(), Some(stored));
        }
        assert_eq!(fresh.ledger.reconcile(false).await.unwrap(), []);
    }

    /// Asserts that the paid units cost as much as if they had been paid at once, whatever the order and size of the entries.
    fn assert_price(&self, participation: &Participation) {
        let Some(campaign) = self.campaigns.get(&participation.campaign_id) else { return };
        let (before, after) = (self.openings[&participation.id], participation.counters);
        let cost = campaign.payment.cost(before.paid_units, after.paid_units - before.paid_units);
        assert_eq!(after.earnings - before.earnings, cost, "the earnings of {}", participation.id);
    }

    fn foretell(&mut self, entry: &Entry) -> Outcome {
        if let Some(duplicate) = self.duplicate_of(&entry.id) {
            return duplicate;
        }
        let campaign = &self.campaigns[&entry.campaign];
        let paid_so_far = self.participations[&entry.participation].counters.paid_units;
        let used = entry.quota.as_ref().map_or(0, |quota| self.used(&quota.key));
        let verdict = entry.judge(&campaign.payment, paid_so_far, campaign.remaining_budget, used);
        self.keep(entry, verdict);
        match verdict {
            Verdict::Counted(accrual) => Outcome::Counted(accrual),
            Verdict::Rejected(reason) => Outcome::Rejected(reason),
        }
    }

    fn duplicate_of(&self, id: &EntryId) -> Option<Outcome> {
        let stored = self.entries.get(id)?;
        Some(Outcome::Duplicate { participation: stored.entry.participation, verdict: stored.verdict })
    }

    fn keep(&mut self, entry: &Entry, verdict: Verdict) {
        // The store does not keep the quota of an entry, and keeps the basis only as far as the verdict tells it.
        let kept = Entry { quota: None, ..entry.clone() }.submitted(&verdict);
        let kept = StoredEntry { entry: kept, verdict };
        assert_eq!(self.entries.insert(entry.id.clone(), kept), None, "{} was new twice", entry.id);
        let Verdict::Counted(accrual) = verdict else { return };
        if let Some(quota) = entry.quota.as_ref().filter(|_| accrual.paid > 0) {
            *self.used.entry(quota.key.clone()).or_default() += 1;
            assert!(self.used[&quota.key] <= quota.limit, "more than {quota:?} allows are paid");
        }
        let change = Counters::of(entry.kind, &verdict);
        self.participations.get_mut(&entry.participation).unwrap().counters.add(&change);
        self.campaigns.get_mut(&entry.campaign).unwrap().remaining_budget -= accrual.amount;
        let quarter = Quarter::containing(entry.at);
        self.rollups
            .entry((entry.participation, quarter))
            .or_insert(Rollup { quarter, campaign: entry.campaign, counters: Counters::default() })
            .counters
            .add(&change);
    }
}

/// The outcome of an entry of one unit that was paid this amount.
pub(crate) fn paid(amount: Money) -> Outcome {
    Outcome::Counted(Accrual::priced(1, 0, amount))
}

/// The outcome of an entry whose units are counted and not paid.
pub(crate) fn unpaid(units: u64) -> Outcome {
    Outcome::Counted(Accrual::unpaid(units, None))
}

/// A stage with one campaign, as [`campaign`] makes it, and one participation.
pub(crate) async fn stage_of_one<F: Fixture>(fixture: &F) -> (Stage<'_, F>, Participation) {
    let part = participation(1, 1, 1);
    (Stage::set(fixture, &[campaign(1)], std::slice::from_ref(&part)).await, part)
}
