//! The entries of the ledger, the verdicts on them, and the counters that they change.
//!
//! Counters are a projection of the entries. [`Counters::of`] is the only function that says how an entry changes
//! counters. It is used when an entry is recorded, and again when counters are recomputed.

use std::{fmt, str::FromStr};

use gametriggers_types::{
    CampaignId, ClickKind, DecisionId, Minute, Money, ParticipationId, PaymentType, RejectionReason,
    Timestamp, UnknownValue, UnpaidReason, UserId, VisitSource,
};

use crate::{
    basis::Basis,
    price::{Accrual, Payment},
    quota::Quota,
};

/// The id of an entry. The same fact always has the same id, so an entry that is submitted again is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(String);

impl EntryId {
    /// The id for the display of a decision.
    #[must_use]
    pub fn display(decision: DecisionId) -> Self {
        Self(format!("display:{decision}"))
    }

    /// The id for a streamer's audience in one minute.
    #[must_use]
    pub fn viewers(streamer: UserId, minute: Minute) -> Self {
        Self(format!("viewers:{streamer}:{}", minute.since_epoch()))
    }

    /// The id for a click under a streamer's token. The caller chooses `event_id`.
    #[must_use]
    pub fn click(streamer: UserId, kind: ClickKind, event_id: &str) -> Self {
        Self(format!("event:{streamer}:{kind}:{event_id}"))
    }

    /// The id for a visit. All visits of one visitor in the same hour have the same id if they come through the same
    /// campaign and source. `visitor` is a keyed hash that only the server can make.
    #[must_use]
    pub fn visit(campaign: CampaignId, source: VisitSource, hour: i64, visitor: &str) -> Self {
        Self(format!("visit:{campaign}:{source}:{hour}:{visitor}"))
    }

    /// An id that was read from a store.
    #[must_use]
    pub fn stored(id: String) -> Self {
        Self(id)
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A decision was displayed. This is one impression, for a streamer whose audience cannot be measured.
    Display,
    /// A streamer had a live audience in one minute. The units are viewers.
    Viewers,
    /// A click under a streamer's own token. It is counted and never paid.
    Click(ClickKind),
    /// A viewer followed the tracking link.
    Visit(VisitSource),
}

impl EntryKind {
    /// Whether a campaign of this payment type pays for entries of this kind.
    #[must_use]
    pub const fn is_paid_under(self, payment: PaymentType) -> bool {
        match self {
            Self::Display | Self::Viewers => matches!(payment, PaymentType::Cpm | PaymentType::Fixed),
            Self::Visit(_) => matches!(payment, PaymentType::Cpc),
            Self::Click(_) => false,
        }
    }

    /// The basis that a decision must have for entries of this kind to count. `None` for clicks and visits, which count
    /// under any basis.
    #[must_use]
    pub const fn basis(self) -> Option<Basis> {
        match self {
            Self::Display => Some(Basis::Display),
            Self::Viewers => Some(Basis::Viewers),
            Self::Click(_) | Self::Visit(_) => None,
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Display => f.write_str("display"),
            Self::Viewers => f.write_str("viewers"),
            Self::Click(kind) => write!(f, "click.{kind}"),
            Self::Visit(source) => write!(f, "visit.{source}"),
        }
    }
}

impl FromStr for EntryKind {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            None if text == "display" => Ok(Self::Display),
            None if text == "viewers" => Ok(Self::Viewers),
            Some(("click", kind)) => kind.parse().map(Self::Click),
            Some(("visit", source)) => source.parse().map(Self::Visit),
            _ => Err(UnknownValue {
                value: text.chars().take(64).collect(),
                expected: "display, viewers, click.<kind>, visit.<source>",
            }),
        }
    }
}

/// One fact that is submitted to the ledger. An entry does not hold its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The id by which a repeated entry is recognised.
    pub id: EntryId,
    /// The participation that is credited.
    pub participation: ParticipationId,
    /// The campaign that pays.
    pub campaign: CampaignId,
    /// What happened.
    pub kind: EntryKind,
    /// The number of units, at least 1.
    pub units: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The basis of the decision on which the event happened. A display counts only under [`Basis::Display`], and a
    /// minute of an audience counts only under [`Basis::Viewers`].
    pub basis: Option<Basis>,
    /// Why the rules refuse the entry, or `None` if they do not. The reason can never change. A refused entry is
    /// stored, so that the earner sees the reason, and counts nothing.
    pub rejected: Option<RejectionReason>,
    /// Why the rules leave the entry unpaid, or `None` if they do not. The entry is stored with the reason and counts.
    pub unpaid: Option<UnpaidReason>,
    /// The quota that limits how many such entries are paid. It is not stored with the entry.
    pub quota: Option<Quota>,
}

/// The ledger's judgement of an entry. It is stored with the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The entry counts.
    Counted(Accrual),
    /// The entry does not count.
    Rejected(RejectionReason),
}

/// What the ledger did with one entry of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The entry is stored and counts.
    Counted(Accrual),
    /// An entry with this id was stored before, with this verdict. Nothing has changed now.
    Duplicate {
        /// The participation that the stored entry names.
        participation: ParticipationId,
        /// The verdict on the stored entry.
        verdict: Verdict,
    },
    /// The entry is stored and counts nothing.
    Rejected(RejectionReason),
}

impl Entry {
    /// An entry of one unit that no rule refuses or leaves unpaid. A display or a minute of an audience also needs its
    /// [`basis`](Self::basis).
    #[must_use]
    pub const fn new(
        id: EntryId,
        kind: EntryKind,
        participation: ParticipationId,
        campaign: CampaignId,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            participation,
            campaign,
            kind,
            units: 1,
            at,
            basis: None,
            rejected: None,
            unpaid: None,
            quota: None,
        }
    }

    /// The verdict on a new entry. The participation was paid for `paid_so_far` units before, the campaign has
    /// `remaining` left, and `used` entries of the quota were paid.
    #[must_use]
    pub fn judge(&self, payment: &Payment, paid_so_far: u64, remaining: Money, used: u64) -> Verdict {
        if let Some(verdict) = self.judge_unpriced() {
            return verdict;
        }
        if !self.kind.is_paid_under(payment.kind()) {
            return self.without_pay(None);
        }
        if let Some(quota) = self.quota.as_ref().filter(|quota| used >= quota.limit) {
            return self.without_pay(Some(quota.reason));
        }
        match payment.accrue(paid_so_far, self.units, remaining) {
            Some(accrual) => Verdict::Counted(accrual),
            None => Verdict::Rejected(RejectionReason::BudgetExhausted),
        }
    }

    /// The verdict if it depends on no price, no budget and no quota; otherwise `None`.
    #[must_use]
    pub fn judge_unpriced(&self) -> Option<Verdict> {
        if let Some(reason) = self.rejected {
            return Some(Verdict::Rejected(reason));
        }
        if self.kind.basis().is_some_and(|basis| self.basis != Some(basis)) {
            return Some(Verdict::Rejected(RejectionReason::OtherBasis));
        }
        let is_click = matches!(self.kind, EntryKind::Click(_));
        (is_click || self.unpaid.is_some()).then(|| self.without_pay(self.unpaid))
    }

    const fn without_pay(&self, reason: Option<UnpaidReason>) -> Verdict {
        Verdict::Counted(Accrual::unpaid(self.units, reason))
    }

    /// Turns an entry that was read from a store back into the entry that was submitted. `self` is the stored entry and
    /// `verdict` is the verdict on it. [`quota`](Self::quota) is missing, because it is not stored. The basis is worked
    /// out from the verdict.
    #[must_use]
    pub fn submitted(self, verdict: &Verdict) -> Self {
        let (rejected, unpaid) = match *verdict {
            Verdict::Counted(Accrual { reason, .. }) => (None, reason),
            Verdict::Rejected(reason) => (Some(reason), None),
        };
        let basis = match rejected {
            Some(RejectionReason::OtherBasis) => self.kind.basis().map(Basis::other),
            _ => self.kind.basis(),
        };
        Self {
            basis,
            rejected: rejected.filter(|reason| !reason.is_of_ledger()),
            unpaid: unpaid.filter(|reason| !reason.is_of_ledger()),
            ..self
        }
    }
}

/// What a participation has been credited with. The same type holds the change that one entry makes and the sums of a
/// quarter-hour. [`Counters::add`] adds them up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Counters {
    pub impressions: u64,
    /// Clicks of every kind.
    pub clicks: u64,
    pub chat_clicks: u64,
    pub qr_scans: u64,
    pub link_clicks: u64,
    /// Visits through the tracking link. Each visit is also a click of its kind.
    pub visits: u64,
    /// Units paid so far. The next price depends on this number.
    pub paid_units: u64,
    pub earnings: Money,
    pub peak_viewers: u64,
    pub viewer_sum: u64,
    /// Minutes in which a live audience was counted.
    pub viewer_samples: u64,
}

impl Counters {
    /// What an entry of this kind and verdict adds.
    #[must_use]
    pub fn of(kind: EntryKind, verdict: &Verdict) -> Self {
        let Verdict::Counted(Accrual { paid, unpaid, amount, .. }) = *verdict else {
            return Self::default();
        };
        let units = paid.saturating_add(unpaid);
        let mut counters = Self { paid_units: paid, earnings: amount, ..Self::default() };
        match kind {
            EntryKind::Display => counters.impressions = units,
            EntryKind::Viewers => {
                counters.impressions = units;
                counters.peak_viewers = units;
                counters.viewer_sum = units;
                counters.viewer_samples = 1;
            }
            EntryKind::Click(click) => {
                counters.clicks = units;
                match click {
                    ClickKind::Overlay => {}
                    ClickKind::Chat => counters.chat_clicks = units,
                    ClickKind::Qr => counters.qr_scans = units,
                    ClickKind::Link => counters.link_clicks = units,
                }
            }
            EntryKind::Visit(source) => {
                counters.visits = units;
                counters.clicks = units;
                match source {
                    VisitSource::Chat => counters.chat_clicks = units,
                    VisitSource::Qr => counters.qr_scans = units,
                    VisitSource::Link => counters.link_clicks = units,
                }
            }
        }
        counters
    }

    /// Adds `other`. The peak becomes the greater of the two.
    pub fn add(&mut self, other: &Self) {
        self.impressions += other.impressions;
        self.clicks += other.clicks;
        self.chat_clicks += other.chat_clicks;
        self.qr_scans += other.qr_scans;
        self.link_clicks += other.link_clicks;
        self.visits += other.visits;
        self.paid_units += other.paid_units;
        self.earnings += other.earnings;
        self.peak_viewers = self.peak_viewers.max(other.peak_viewers);
        self.viewer_sum += other.viewer_sum;
        self.viewer_samples += other.viewer_samples;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(paid: u64, unpaid: u64) -> Verdict {
        Verdict::Counted(Accrual::priced(paid, unpaid, Money::from_micros(5)))
    }

    fn entry(kind: EntryKind) -> Entry {
        let id = gametriggers_types::ObjectId::from_bytes([0; 12]);
        let entry =
            Entry::new(EntryId::stored("x".to_owned()), kind, id.into(), id.into(), Timestamp::UNIX_EPOCH);
        Entry { basis: kind.basis(), ..entry }
    }

    #[test]
    fn every_kind_is_read_back_from_storage() {
        let mut kinds = vec![EntryKind::Display, EntryKind::Viewers];
        kinds.extend(ClickKind::ALL.iter().map(|&kind| EntryKind::Click(kind)));
        kinds.extend(VisitSource::ALL.iter().map(|&source| EntryKind::Visit(source)));
        for kind in kinds {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("click".parse::<EntryKind>().is_err());
    }

    #[test]
    fn overlay_clicks_count_as_clicks_only_and_others_also_as_their_kind() {
        let overlay = Counters::of(EntryKind::Click(ClickKind::Overlay), &counted(0, 1));
        assert_eq!(
            (overlay.clicks, overlay.chat_clicks, overlay.qr_scans, overlay.link_clicks),
            (1, 0, 0, 0)
        );
        let chat = Counters::of(EntryKind::Click(ClickKind::Chat), &counted(0, 1));
        assert_eq!((chat.clicks, chat.chat_clicks), (1, 1));
        let visit = Counters::of(EntryKind::Visit(VisitSource::Qr), &counted(1, 0));
        assert_eq!((visit.visits, visit.clicks, visit.qr_scans, visit.paid_units), (1, 1, 1, 1));
    }

    /// Defect M1: the audience was counted whole and paid as one impression.
    #[test]
    fn m1_impressions_and_pay_come_from_the_same_units() {
        let cpm = Payment::new(PaymentType::Cpm, Money::from_micros(1_660_000_000), 1).unwrap();
        let entry = Entry { units: 900, ..entry(EntryKind::Viewers) };
        let whole = entry.judge(&cpm, 0, Money::from_micros(10_000_000_000), 0);
        let counters = Counters::of(entry.kind, &whole);
        assert_eq!((counters.impressions, counters.earnings.micros()), (900, 1_494_000_000));
        let partial = entry.judge(&cpm, 0, Money::from_micros(16_600_000), 0);
        let Verdict::Counted(accrual) = partial else { panic!("{partial:?}") };
        assert_eq!((accrual.paid, accrual.unpaid), (10, 890));
    }

    /// A decision's impressions are paid by its displays or by its viewers, never by both.
    #[test]
    fn a_display_counts_where_displays_pay_and_an_audience_where_viewers_do() {
        let cpm = Payment::new(PaymentType::Cpm, Money::from_micros(1_000), 1).unwrap();
        for kind in [EntryKind::Display, EntryKind::Viewers] {
            for basis in [None, Some(Basis::Display), Some(Basis::Viewers)] {
                let entry = Entry { basis, ..entry(kind) };
                let verdict = entry.judge(&cpm, 0, Money::from_micros(9), 0);
                let is_counted = matches!(verdict, Verdict::Counted(_));
                assert_eq!(is_counted, basis == kind.basis(), "{kind} under {basis:?}");
                assert!(is_counted || verdict == Verdict::Rejected(RejectionReason::OtherBasis));
            }
        }
        let click = Entry { basis: Some(Basis::Viewers), ..entry(EntryKind::Click(ClickKind::Chat)) };
        assert_eq!(click.judge_unpriced(), Some(click.without_pay(None)), "of whatever basis");
    }

    #[test]
    fn what_is_known_to_be_unpaid_counts_with_its_reason_and_needs_no_money() {
        let cpc = Payment::new(PaymentType::Cpc, Money::from_micros(5), 1).unwrap();
        let visit = entry(EntryKind::Visit(VisitSource::Qr));
        let by_bot = Entry { unpaid: Some(UnpaidReason::Bot), ..visit.clone() };
        let verdict = by_bot.judge(&cpc, 0, Money::ZERO, 0);
        assert_eq!(verdict, Verdict::Counted(Accrual::unpaid(1, Some(UnpaidReason::Bot))));
        assert_eq!(Counters::of(by_bot.kind, &verdict).visits, 1);
        assert_eq!(visit.judge(&cpc, 0, Money::ZERO, 0), Verdict::Rejected(RejectionReason::BudgetExhausted));
        assert_eq!(by_bot.clone().submitted(&verdict), by_bot);
    }

    /// Defects M15 and M16: the average was (old + new) / 2, and once a concatenated string.
    #[test]
    fn m15_the_mean_comes_from_sum_and_count() {
        let mut sum = Counters::default();
        for viewers in [100, 10, 40] {
            sum.add(&Counters::of(EntryKind::Viewers, &counted(viewers, 0)));
        }
        assert_eq!((sum.viewer_sum, sum.viewer_samples, sum.peak_viewers), (150, 3, 100));
    }
}
