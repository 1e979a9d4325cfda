//! `revenue-optimized`: shows the campaign with the highest expected earnings per impression.

use gametriggers_types::PaymentType;

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// The prior for the rate of visits: one visit in a hundred impressions, with the weight of a hundred impressions. It
/// stands in for the missing history of a new campaign and matters less with every impression.
const PRIOR_IMPRESSIONS: f64 = 100.0;
const PRIOR_VISITS: f64 = 1.0;

/// Puts all weight on the candidate with the greatest expected earnings per impression. Ties go to the smaller id.
///
/// - `cpm`: rate / 1000
/// - `fixed`: rate / expected impressions, or 0 if the whole rate is paid
/// - `cpc`: rate × (visits + 1) / (impressions + 100), the smoothed rate of visits
pub(super) struct RevenueOptimized;

impl SelectionStrategy for RevenueOptimized {
    fn name(&self) -> &'static str {
        "revenue-optimized"
    }

    fn description(&self) -> &'static str {
        "The campaign that is expected to earn you the most is on your screen."
    }

    fn weigh(&self, _: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let best = candidates.iter().zip(weights).reduce(|best, next| {
            let (best_earning, next_earning) = (expected_earning(best.0), expected_earning(next.0));
            let wins = next_earning > best_earning
                || (next_earning >= best_earning && next.0.campaign < best.0.campaign);
            if wins { next } else { best }
        });
        if let Some((_, weight)) = best {
            *weight = 1.0;
        }
    }
}

/// The expected earnings of one more impression, in units of money.
#[allow(clippy::cast_precision_loss)] // an estimate
fn expected_earning(candidate: &Candidate<'_>) -> f64 {
    let payment = &candidate.payment;
    let rate = payment.rate().as_units();
    match payment.kind() {
        PaymentType::Cpm => rate / 1_000.0,
        PaymentType::Fixed if payment.units_left(candidate.paid_units) == 0 => 0.0,
        PaymentType::Fixed => rate / payment.expected_impressions() as f64,
        PaymentType::Cpc => {
            rate * (candidate.visits as f64 + PRIOR_VISITS)
                / (candidate.impressions as f64 + PRIOR_IMPRESSIONS)
        }
    }
}
