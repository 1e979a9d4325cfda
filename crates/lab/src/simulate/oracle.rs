//! The oracle: a selection that knows the true rates.

use gametriggers_domain::{
    decision::Basis,
    selection::{Candidate, SelectionContext, SelectionStrategy},
};
use gametriggers_types::PaymentType;

use super::plan::Plan;

/// Puts all weight on the candidate with the greatest true expected earnings per minute, as far as its money goes. Ties go
/// to the smaller id.
///
/// The oracle is greedy: it looks at one slot. Where budgets run out or campaigns leave, a selection that looks further could
/// earn more.
pub(super) struct Oracle<'a> {
    pub(super) plan: &'a Plan,
    /// The number of viewers now, which the server does not know if impressions are displays.
    pub(super) viewers: u64,
}

impl SelectionStrategy for Oracle<'_> {
    fn name(&self) -> &'static str {
        "oracle"
    }

    fn description(&self) -> &'static str {
        "The campaign that truly earns the most per minute is on screen."
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let slot = f64::from(ctx.slot.interval().minutes());
        let best = candidates.iter().zip(weights).reduce(|best, next| {
            let [best_earns, next_earns] = [&best, &next].map(|one| self.earnings(one.0, slot));
            let wins =
                next_earns > best_earns || (next_earns >= best_earns && next.0.campaign < best.0.campaign);
            if wins { next } else { best }
        });
        if let Some((_, weight)) = best {
            *weight = 1.0;
        }
    }
}

impl Oracle<'_> {
    /// The expected earnings per minute of a slot of this many minutes, in units of money.
    #[allow(clippy::cast_precision_loss)] // an estimate
    fn earnings(&self, candidate: &Candidate<'_>, slot: f64) -> f64 {
        let payment = &candidate.payment;
        let (rate, viewers) = (payment.rate().as_units(), self.viewers as f64);
        let impressions = match self.plan.basis() {
            Basis::Display => 1.0 / slot,
            Basis::Viewers => viewers,
        };
        let earnings = match payment.kind() {
            PaymentType::Cpm => impressions * rate / 1_000.0,
            PaymentType::Fixed if payment.units_left(candidate.paid_units) == 0 => 0.0,
            PaymentType::Fixed => impressions * rate / payment.expected_impressions() as f64,
            PaymentType::Cpc => {
                let sponsor = &self.plan.scenario.campaigns[self.plan.place_of(candidate.campaign)];
                viewers * sponsor.visits_per_1000 / 1_000.0 * rate
            }
        };
        earnings.min(candidate.remaining.as_units() / slot)
    }
}
