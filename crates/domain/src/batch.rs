//! Judges the entries of a batch in their order, and adds up what they change.
//!
//! A store does the rest in one transaction. It tells the batch which entries are stored already, what participations
//! and campaigns held before, and how many entries of each quota were paid. Then it writes the result. It reads and
//! changes each participation, campaign and quota once, however many entries name it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gametriggers_types::{CampaignId, Money, ParticipationId, Quarter, Timestamp};

use crate::{
    ledger::{Counters, Entry, EntryId, Outcome, Verdict},
    price::{Accrual, Payment},
};

/// The entries of a batch, and what the store has said about them.
pub struct Batch<'a> {
    entries: &'a [Entry],
    known: HashMap<EntryId, (ParticipationId, Verdict)>,
    before: HashMap<ParticipationId, Counters>,
    purses: HashMap<CampaignId, Purse>,
    /// How many entries of each quota were paid.
    used: HashMap<String, u64>,
}

/// What a campaign pays, what it has left, and what the batch spends of it.
struct Purse {
    payment: Payment,
    remaining: Money,
    spent: Money,
}

/// The ids of participations and of campaigns.
pub type Named = (BTreeSet<ParticipationId>, BTreeSet<CampaignId>);

/// The batch was told nothing about a participation or a campaign that the price of an entry depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// A participation.
    Participation(ParticipationId),
    /// A campaign.
    Campaign(CampaignId),
}

/// The result of a batch.
pub struct Judged<'a> {
    /// The outcome of each entry, in the order of the batch.
    pub outcomes: Vec<Outcome>,
    /// The entries to be stored, with their verdicts.
    pub entries: Vec<(&'a Entry, Verdict)>,
    /// What is added to participations.
    pub credits: BTreeMap<ParticipationId, Credit>,
    /// What is taken from campaigns.
    pub charges: BTreeMap<CampaignId, Charge>,
    /// What is added to the rollups of quarter-hours, and the campaign that pays.
    pub rollups: BTreeMap<(ParticipationId, Quarter), (CampaignId, Counters)>,
    /// What is added to quotas, by their keys.
    pub quotas: BTreeMap<&'a str, QuotaUse>,
}

/// What is added to a participation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credit {
    /// The counters before the batch, as the store gave them. They are zero if the store gave none.
    pub before: Counters,
    /// What is added.
    pub added: Counters,
}

/// What is added to a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// When the minute or hour of the quota began.
    pub since: Timestamp,
    /// How many entries of the quota were paid before the batch, as the store said.
    pub before: u64,
    /// How many entries of the quota the batch pays, at least one.
    pub added: u64,
}

/// What is taken from a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The amount, more than zero.
    pub amount: Money,
    /// Whether the rest of the budget is too small for one more unit.
    pub is_last: bool,
}

impl<'a> Batch<'a> {
    /// A batch about which the store has said nothing yet.
    #[must_use]
    pub fn new(entries: &'a [Entry]) -> Self {
        Self {
            entries,
            known: HashMap::new(),
            before: HashMap::new(),
            purses: HashMap::new(),
            used: HashMap::new(),
        }
    }

    /// Says that an entry with this id is stored, with its participation and its verdict.
    pub fn knows(&mut self, id: EntryId, participation: ParticipationId, verdict: Verdict) {
        self.known.insert(id, (participation, verdict));
    }

    /// Says what a participation holds. It is needed if an entry [with a price](Self::priced) names the participation.
    /// Only those counters matter on which prices and means depend.
    pub fn holds(&mut self, participation: ParticipationId, counters: Counters) {
        self.before.insert(participation, counters);
    }

    /// Says what a campaign pays and has left. It is needed if an entry [with a price](Self::priced) names the
    /// campaign.
    pub fn pays(&mut self, campaign: CampaignId, payment: Payment, remaining: Money) {
        self.purses.insert(campaign, Purse { payment, remaining, spent: Money::ZERO });
    }

    /// Says how many entries of a quota were paid. Without this call, none were.
    pub fn used(&mut self, quota: String, entries: u64) {
        self.used.insert(quota, entries);
    }

    /// The entries that are not stored yet. If several entries of the batch have the same id, all of them are among
    /// these.
    pub fn unknown(&self) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(|entry| !self.known.contains_key(&entry.id))
    }

    /// The participations and the campaigns that [unknown](Self::unknown) entries name. The store has to make sure that
    /// they exist.
    #[must_use]
    pub fn named(&self) -> Named {
        self.unknown().map(|entry| (entry.participation, entry.campaign)).unzip()
    }

    /// The participations and the campaigns that unknown entries with a price name. The verdict on such an entry
    /// depends on a price, a budget or a quota.
    #[must_use]
    pub fn priced(&self) -> Named {
        self.unknown_priced().map(|entry| (entry.participation, entry.campaign)).unzip()
    }

    /// The quotas of unknown entries with a price: the key of each, and when its minute or hour began.
    #[must_use]
    pub fn quotas(&self) -> BTreeMap<&'a str, Timestamp> {
        let quotas = self.unknown_priced().filter_map(|entry| entry.quota.as_ref());
        quotas.map(|quota| (quota.key.as_str(), quota.since)).collect()
    }

    fn unknown_priced(&self) -> impl Iterator<Item = &'a Entry> {
        self.unknown().filter(|entry| entry.judge_unpriced().is_none())
    }

    /// What a campaign pays, if the batch was told.
    #[must_use]
    pub fn payment_of(&self, campaign: CampaignId) -> Option<Payment> {
        self.purses.get(&campaign).map(|purse| purse.payment)
    }

    /// Judges the entries in their order. If the money does not suffice for all of them, earlier entries are paid
    /// first.
    ///
    /// # Errors
    /// [`Unknown`] if an entry has a price and the batch was told nothing about its participation or its campaign.
    pub fn judge(mut self) -> Result<Judged<'a>, Unknown> {
        let mut judged = Judged {
            outcomes: Vec::with_capacity(self.entries.len()),
            entries: Vec::with_capacity(self.entries.len()),
            credits: BTreeMap::new(),
            charges: BTreeMap::new(),
            rollups: BTreeMap::new(),
            quotas: BTreeMap::new(),
        };
        let mut here = HashMap::with_capacity(self.entries.len());
        for entry in self.entries {
            let known = self.known.get(&entry.id).or_else(|| here.get(&entry.id));
            let outcome = if let Some(&(participation, verdict)) = known {
                Outcome::Duplicate { participation, verdict }
            } else {
                let verdict = self.judge_one(entry, &mut judged)?;
                here.insert(&entry.id, (entry.participation, verdict));
                judged.entries.push((entry, verdict));
                match verdict {
                    Verdict::Counted(accrual) => Outcome::Counted(accrual),
                    Verdict::Rejected(reason) => Outcome::Rejected(reason),
                }
            };
            judged.outcomes.push(outcome);
        }
        let spent = self.purses.into_iter().filter(|(_, purse)| purse.spent != Money::ZERO);
        judged.charges.extend(spent.map(|(campaign, Purse { payment, remaining, spent })| {
            (campaign, Charge { amount: spent, is_last: !payment.affords_next(0, remaining) })
        }));
        Ok(judged)
    }

    fn judge_one(&mut self, entry: &'a Entry, judged: &mut Judged<'a>) -> Result<Verdict, Unknown> {
        let Entry { participation, campaign, .. } = *entry;
        let verdict = match entry.judge_unpriced() {
            Some(verdict) => verdict,
            None => self.price(entry, judged)?,
        };
        if matches!(verdict, Verdict::Counted(_)) {
            let change = Counters::of(entry.kind, &verdict);
            let before = self.before.get(&participation).copied().unwrap_or_default();
            let credit = judged.credits.entry(participation);
            credit.or_insert_with(|| Credit { before, ..Credit::default() }).added.add(&change);
            let rollup = judged.rollups.entry((participation, Quarter::containing(entry.at)));
            rollup.or_insert_with(|| (campaign, Counters::default())).1.add(&change);
        }
        Ok(verdict)
    }

    /// The verdict on an entry with a price. Takes the amount out of the purse, and uses the entry's quota if the entry
    /// is paid.
    fn price(&mut self, entry: &'a Entry, judged: &mut Judged<'a>) -> Result<Verdict, Unknown> {
        let Entry { participation, campaign, .. } = *entry;
        let credit = judged.credits.get(&participation);
        let before = self.before.get(&participation).ok_or(Unknown::Participation(participation))?;
        let purse = self.purses.get_mut(&campaign).ok_or(Unknown::Campaign(campaign))?;
        let paid_so_far = before.paid_units + credit.map_or(0, |credit| credit.added.paid_units);
        let used_before = |key: &str| self.used.get(key).copied().unwrap_or(0);
        let used = entry.quota.as_ref().map_or(0, |quota| {
            let added = judged.quotas.get(quota.key.as_str()).map_or(0, |quota| quota.added);
            used_before(&quota.key) + added
        });
        let verdict = entry.judge(&purse.payment, paid_so_far, purse.remaining, used);
        if let Verdict::Counted(Accrual { paid, amount, .. }) = verdict {
            purse.remaining -= amount;
            purse.spent += amount;
            if let Some(quota) = entry.quota.as_ref().filter(|_| paid > 0) {
                let new = || QuotaUse { since: quota.since, before: used_before(&quota.key), added: 0 };
                judged.quotas.entry(&quota.key).or_insert_with(new).added += 1;
            }
        }
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_types::{ClickKind, ObjectId, PaymentType, UnpaidReason, VisitSource};
    use proptest::prelude::*;

    use super::*;
    use crate::{ledger::EntryKind, quota::Quota};

    const KINDS: [EntryKind; 4] = [
        EntryKind::Display,
        EntryKind::Viewers,
        EntryKind::Click(ClickKind::Chat),
        EntryKind::Visit(VisitSource::Qr),
    ];

    fn id(byte: u8) -> ObjectId {
        ObjectId::from_bytes([byte; 12])
    }

    fn entry(number: u8, kind: EntryKind, participation: u8, units: u64) -> Entry {
        let (part, at) = (id(participation).into(), Timestamp::UNIX_EPOCH);
        let entry = Entry::new(EntryId::stored(number.to_string()), kind, part, id(0).into(), at);
        Entry { units, basis: kind.basis(), ..entry }
    }

    /// The quota with this number. A number of 5 or more means no quota.
    fn quota(number: u8) -> Option<Quota> {
        (number < 5).then(|| Quota {
            key: number.to_string(),
            since: Timestamp::UNIX_EPOCH,
            limit: u64::from(number),
            reason: UnpaidReason::AddressLimit,
        })
    }

    /// One campaign that pays 3 for 1,000 impressions, and three participations.
    fn batch<'a>(
        entries: &'a [Entry],
        remaining: Money,
        before: &BTreeMap<ParticipationId, Counters>,
    ) -> Batch<'a> {
        let mut batch = Batch::new(entries);
        let payment = Payment::new(PaymentType::Cpm, Money::from_micros(3_000_000), 1).unwrap();
        batch.pays(id(0).into(), payment, remaining);
        for participation in 1..=3 {
            let participation = id(participation).into();
            batch.holds(participation, before.get(&participation).copied().unwrap_or_default());
        }
        batch
    }

    #[test]
    fn twins_count_once_and_who_came_first_is_paid_first() {
        let display = |number, participation| entry(number, EntryKind::Display, participation, 1);
        let entries = [display(1, 1), display(2, 2), display(1, 1), display(3, 3)];
        let judged = batch(&entries, Money::from_micros(6_500), &BTreeMap::new()).judge().unwrap();
        let paid = Accrual::priced(1, 0, Money::from_micros(3_000));
        assert_eq!(judged.outcomes[..2], [Outcome::Counted(paid); 2]);
        assert!(matches!(judged.outcomes[2], Outcome::Duplicate { .. }));
        assert!(matches!(judged.outcomes[3], Outcome::Rejected(_)));
        let charge = Charge { amount: Money::from_micros(6_000), is_last: true };
        assert_eq!(judged.charges.into_iter().collect::<Vec<_>>(), [(id(0).into(), charge)]);
        assert_eq!((judged.entries.len(), judged.credits.len(), judged.rollups.len()), (3, 2, 2));
    }

    #[test]
    fn a_price_needs_to_be_told_of_whom_it_depends_on_and_a_click_has_none() {
        let [click, display] =
            [EntryKind::Click(ClickKind::Overlay), EntryKind::Display].map(|kind| [entry(1, kind, 9, 1)]);
        assert_eq!(Batch::new(&click).judge().unwrap().credits.len(), 1);
        assert_eq!(Batch::new(&click).priced(), (BTreeSet::new(), BTreeSet::new()));
        let unknown = Batch::new(&display).judge().err();
        assert_eq!(unknown, Some(Unknown::Participation(id(9).into())));
    }

    #[test]
    fn of_the_entries_of_a_quota_as_many_are_paid_as_it_allows_and_only_those_use_it() {
        let visit = |number| Entry { quota: quota(3), ..entry(number, EntryKind::Display, 1, 1) };
        let entries = [
            visit(1),
            visit(1),
            Entry { unpaid: Some(UnpaidReason::Bot), ..visit(2) },
            Entry { kind: EntryKind::Visit(VisitSource::Qr), ..visit(3) },
            visit(4),
            visit(5),
            Entry { quota: None, ..visit(6) },
        ];
        let mut batch = batch(&entries, Money::from_micros(1_000_000), &BTreeMap::new());
        assert_eq!(batch.quotas().into_keys().collect::<Vec<_>>(), ["3"]);
        batch.used("3".to_owned(), 1);
        let judged = batch.judge().unwrap();
        let paid = |outcome: &Outcome| matches!(outcome, Outcome::Counted(Accrual { paid: 1, .. }));
        let is_paid: Vec<_> = judged.outcomes.iter().map(paid).collect();
        assert_eq!(is_paid, [true, false, false, false, true, false, true]);
        let limited = Accrual::unpaid(1, Some(UnpaidReason::AddressLimit));
        assert_eq!(judged.outcomes[5], Outcome::Counted(limited));
        assert_eq!(
            judged.outcomes[3],
            Outcome::Counted(Accrual::unpaid(1, None)),
            "it is not what is paid for"
        );
        let used = QuotaUse { since: Timestamp::UNIX_EPOCH, before: 1, added: 2 };
        assert_eq!(judged.quotas.into_iter().collect::<Vec<_>>(), [("3", used)]);
    }

    proptest! {
        /// However entries are divided into batches, each entry has the same outcome, no budget falls below zero, and
        /// no quota pays more entries than it allows.
        #[test]
        fn the_cut_into_batches_changes_nothing(
            drawn in prop::collection::vec((0_u8..40, 0..4_usize, 1_u8..4, 1_u64..2_000, 0_u8..8), 1..60),
            cut in 0..60_usize,
            budget in 0_i64..20_000_000,
        ) {
            let draw = |&(number, kind, part, units, quoted): &(u8, usize, u8, u64, u8)| {
                Entry { quota: quota(quoted), ..entry(number, KINDS[kind], part, units) }
            };
            let entries: Vec<_> = drawn.iter().map(draw).collect();
            let cut = cut.min(entries.len());
            let mut sums = Vec::new();
            for cuts in [vec![&entries[..]], vec![&entries[..cut], &entries[cut..]]] {
                let (mut remaining, mut held) = (Money::from_micros(budget), BTreeMap::new());
                let (mut known, mut outcomes) = (Vec::new(), Vec::new());
                let mut used = BTreeMap::new();
                for entries in cuts {
                    let mut batch = batch(entries, remaining, &held);
                    for (id, participation, verdict) in &known {
                        batch.knows(EntryId::clone(id), *participation, *verdict);
                    }
                    for (quota, paid) in &used {
                        batch.used(String::clone(quota), *paid);
                    }
                    let judged = batch.judge().unwrap();
                    for (key, QuotaUse { before, added, .. }) in judged.quotas {
                        prop_assert_eq!(used.insert(key.to_owned(), before + added).unwrap_or(0), before);
                        prop_assert!(before + added <= key.parse().unwrap());
                    }
                    known.extend(judged.entries.iter().map(|(one, verdict)| (one.id.clone(), one.participation, *verdict)));
                    outcomes.extend(judged.outcomes);
                    for Charge { amount, .. } in judged.charges.into_values() {
                        remaining -= amount;
                        prop_assert!(remaining >= Money::ZERO);
                    }
                    for (id, credit) in judged.credits {
                        held.entry(id).or_insert_with(Counters::default).add(&credit.added);
                    }
                }
                let earned = held.values().fold(Money::ZERO, |sum, counters| sum + counters.earnings);
                prop_assert_eq!(earned + remaining, Money::from_micros(budget));
                sums.push((outcomes, held, used));
            }
            prop_assert_eq!(&sums[0], &sums[1]);
        }
    }
}
