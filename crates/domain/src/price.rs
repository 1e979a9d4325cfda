//! Prices of units, calculated so that rounding errors do not add up and budgets are not overspent.

use gametriggers_types::{Money, PaymentType, UnpaidReason};

/// Why a price is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayment {
    /// The rate is negative.
    #[error("paymentRate is 0 or more")]
    NegativeRate,
    /// `expectedImpressions` is 0.
    #[error("expectedImpressions is 1 or more")]
    NoImpressions,
}

/// How a campaign pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    kind: PaymentType,
    rate: Money,
    expected_impressions: u64,
}

/// The price of a number of units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accrual {
    /// Units that were paid.
    pub paid: u64,
    /// Units that were counted without pay.
    pub unpaid: u64,
    /// What the paid units earn for the streamer and cost the campaign.
    pub amount: Money,
    /// Why no units are paid, if the reason is not the price.
    pub reason: Option<UnpaidReason>,
}

impl Accrual {
    /// `paid` units are paid and `unpaid` units are not, only because of the price.
    #[must_use]
    pub const fn priced(paid: u64, unpaid: u64, amount: Money) -> Self {
        Self { paid, unpaid, amount, reason: None }
    }

    /// None of the `units` is paid.
    #[must_use]
    pub const fn unpaid(units: u64, reason: Option<UnpaidReason>) -> Self {
        Self { paid: 0, unpaid: units, amount: Money::ZERO, reason }
    }
}

impl Payment {
    /// The impressions over which a `fixed` rate is spread if the campaign does not say.
    pub const DEFAULT_EXPECTED_IMPRESSIONS: u64 = 10_000;

    /// How a campaign pays. `expected_impressions` matters only to `fixed`.
    ///
    /// # Errors
    /// [`InvalidPayment`] if the rate is negative or `expected_impressions` is 0.
    pub fn new(kind: PaymentType, rate: Money, expected_impressions: u64) -> Result<Self, InvalidPayment> {
        if rate < Money::ZERO {
            return Err(InvalidPayment::NegativeRate);
        }
        if expected_impressions == 0 {
            return Err(InvalidPayment::NoImpressions);
        }
        Ok(Self { kind, rate, expected_impressions })
    }

    /// What the campaign pays for.
    #[must_use]
    pub const fn kind(&self) -> PaymentType {
        self.kind
    }

    /// The rate: for a thousand impressions (`cpm`), in total (`fixed`), or for a visit (`cpc`).
    #[must_use]
    pub const fn rate(&self) -> Money {
        self.rate
    }

    /// The impressions over which a `fixed` rate is spread.
    #[must_use]
    pub const fn expected_impressions(&self) -> u64 {
        self.expected_impressions
    }

    /// The number of units that the rate pays for.
    const fn units_per_rate(&self) -> u64 {
        match self.kind {
            PaymentType::Cpm => 1_000,
            PaymentType::Fixed => self.expected_impressions,
            PaymentType::Cpc => 1,
        }
    }

    /// How many more units can ever be paid to a participation after `paid_so_far` units.
    #[must_use]
    pub const fn units_left(&self, paid_so_far: u64) -> u64 {
        match self.kind {
            PaymentType::Fixed => self.expected_impressions.saturating_sub(paid_so_far),
            PaymentType::Cpm | PaymentType::Cpc => u64::MAX,
        }
    }

    /// The price of `more` units after `paid_so_far`: ⌊rate·(n+k)/N⌋ − ⌊rate·n/N⌋ micro-units, so that the sum over
    /// any split of the units is the same.
    #[must_use]
    pub fn cost(&self, paid_so_far: u64, more: u64) -> Money {
        let up_to = |units: u128| -> i128 {
            // Counters are less than 2^63, so the product is less than 2^63 · 2^64 and fits i128.
            i128::from(self.rate.micros()) * units.cast_signed() / i128::from(self.units_per_rate())
        };
        let before = u128::from(paid_so_far);
        let micros = up_to(before + u128::from(more)) - up_to(before);
        Money::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Pays as many of the `units` as the participation may still be paid for and `remaining` can pay.
    ///
    /// Returns `None` if units could be paid but `remaining` does not suffice for the first.
    #[must_use]
    pub fn accrue(&self, paid_so_far: u64, units: u64, remaining: Money) -> Option<Accrual> {
        let payable = units.min(self.units_left(paid_so_far));
        if payable == 0 {
            return Some(Accrual::unpaid(units, None));
        }
        let affordable = |count: &u64| self.cost(paid_so_far, *count) <= remaining;
        let paid = if affordable(&payable) { payable } else { greatest(payable, affordable) };
        (paid > 0).then(|| Accrual::priced(paid, units - paid, self.cost(paid_so_far, paid)))
    }

    /// Whether `remaining` suffices for the next unit. A `fixed` participation that was paid its whole rate is checked
    /// with the price of the first unit, so that a campaign without money is shown to nobody.
    #[must_use]
    pub fn affords_next(&self, paid_so_far: u64, remaining: Money) -> bool {
        let so_far = if self.units_left(paid_so_far) == 0 { 0 } else { paid_so_far };
        self.accrue(so_far, 1, remaining).is_some()
    }

    /// The number of paid units to which earnings from before the ledger correspond. Only `fixed` needs it, because its
    /// total is bounded for each participation. For `cpm` and `cpc`, counting starts at 0.
    #[must_use]
    pub fn units_for(&self, earned: Money) -> u64 {
        if self.kind != PaymentType::Fixed || earned <= Money::ZERO || self.rate <= Money::ZERO {
            return 0;
        }
        let units = (i128::from(earned.micros()) * i128::from(self.expected_impressions))
            .div_euclid(i128::from(self.rate.micros()));
        u64::try_from(units).unwrap_or(u64::MAX).min(self.expected_impressions)
    }
}

/// The greatest number below `bound` for which `holds` is true, by binary search; 0 if there is none. `holds` must be
/// true up to some number and false beyond it.
fn greatest(bound: u64, holds: impl Fn(&u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, bound);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(&middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(amount: f64) -> Money {
        Money::from_units(amount).unwrap()
    }

    fn payment(kind: PaymentType, rate: f64) -> Payment {
        Payment::new(kind, units(rate), Payment::DEFAULT_EXPECTED_IMPRESSIONS).unwrap()
    }

    #[test]
    fn an_impression_of_1660_per_thousand_is_worth_1_66() {
        assert_eq!(payment(PaymentType::Cpm, 1660.0).cost(5, 1), units(1.66));
    }

    /// Defect M11: `fixed` had six meanings. It pays the rate in total, evenly.
    #[test]
    fn m11_fixed_pays_the_rate_in_total_and_no_more() {
        let fixed = payment(PaymentType::Fixed, 5000.0);
        assert_eq!(fixed.cost(0, 10_000), units(5000.0));
        let last = fixed.accrue(9_999, 5, units(1e6)).unwrap();
        assert_eq!(last, Accrual::priced(1, 4, units(0.5)));
        let over = fixed.accrue(10_000, 5, Money::ZERO).unwrap();
        assert_eq!(over, Accrual::unpaid(5, None));
    }

    /// Defect M12: a rate of 0 paid as 2.0.
    #[test]
    fn m12_a_rate_of_nothing_pays_nothing() {
        let free = payment(PaymentType::Cpm, 0.0);
        assert_eq!(free.accrue(0, 7, Money::ZERO), Some(Accrual::priced(7, 0, Money::ZERO)));
    }

    #[test]
    fn a_visit_pays_the_whole_rate_or_is_not_paid() {
        let cpc = payment(PaymentType::Cpc, 2.5);
        assert_eq!(cpc.accrue(3, 1, units(2.5)).unwrap().amount, units(2.5));
        assert_eq!(cpc.accrue(3, 1, units(2.499_999)), None);
    }

    #[test]
    fn a_budget_overspent_by_the_previous_system_pays_nothing() {
        assert!(!payment(PaymentType::Cpm, 10.0).affords_next(0, units(-0.01)));
        assert!(!payment(PaymentType::Cpm, 0.0).affords_next(0, units(-0.01)));
    }

    #[test]
    fn a_campaign_without_money_is_not_affordable_even_where_nothing_more_is_paid() {
        let fixed = payment(PaymentType::Fixed, 5000.0);
        assert!(!fixed.affords_next(10_000, Money::ZERO));
        assert!(fixed.affords_next(10_000, units(0.5)));
    }

    #[test]
    fn fixed_earnings_of_old_count_as_paid_units() {
        let fixed = payment(PaymentType::Fixed, 5000.0);
        assert_eq!(fixed.units_for(units(2500.0)), 5_000);
        assert_eq!(fixed.units_for(units(9999.0)), 10_000);
        assert_eq!(payment(PaymentType::Cpm, 5000.0).units_for(units(2500.0)), 0);
    }

    /// A rate of up to `most` micro-units, and as often one of up to 9 units.
    fn any_payment(most: i64) -> impl Strategy<Value = Payment> {
        let kinds = prop_oneof![Just(PaymentType::Cpm), Just(PaymentType::Fixed), Just(PaymentType::Cpc)];
        (kinds, prop_oneof![0..=9_000_000_i64, 0..=most], 1_u64..2_000_000).prop_map(
            |(kind, rate, expected)| Payment::new(kind, Money::from_micros(rate), expected).unwrap(),
        )
    }

    proptest! {
        /// However units are split into entries, the sum is the same: nothing drifts.
        #[test]
        fn the_split_of_units_does_not_change_the_sum(
            payment in any_payment(9_000_000_000), n in 0_u64..1_000_000, a in 0_u64..100_000, b in 0_u64..100_000,
        ) {
            let whole = payment.cost(n, a + b);
            prop_assert_eq!(payment.cost(n, a) + payment.cost(n + a, b), whole);
        }

        /// What is paid never exceeds what remains, and one unit more would not have fitted.
        #[test]
        fn an_accrual_goes_exactly_as_far_as_the_money(
            payment in any_payment(9_000_000_000_000_000),
            n in 0_u64..1_000_000,
            k in 1_u64..100_000,
            remaining in -10_i64..9_000_000_000,
        ) {
            let remaining = Money::from_micros(remaining);
            let paid = match payment.accrue(n, k, remaining) {
                Some(accrual) => {
                    prop_assert_eq!(accrual.paid + accrual.unpaid, k);
                    prop_assert_eq!(accrual.amount, payment.cost(n, accrual.paid));
                    prop_assert!(accrual.paid == 0 || accrual.amount <= remaining);
                    accrual.paid
                }
                None => 0,
            };
            let payable = k.min(payment.units_left(n));
            prop_assert!(paid == payable || payment.cost(n, paid + 1) > remaining);
        }
    }
}
