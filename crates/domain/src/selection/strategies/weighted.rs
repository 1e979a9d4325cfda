//! `weighted`: gives each campaign a chance in proportion to the weighted sum of its pay, performance and fairness. The
//! streamer's settings hold the weights of this sum.

use gametriggers_types::{PriorityWeights, SignedDuration, Timestamp, Weight};

use crate::selection::{Candidate, Parameter, PriorityWeightParameter, SelectionContext, SelectionStrategy};

/// The longest waiting time that the strategy distinguishes: a longer wait does not raise the weight further.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(30);
/// The click-through rate that counts as full performance: 1 %. Higher rates do not raise the weight further.
const FULL_PERFORMANCE_CTR: f64 = 0.01;

static PARAMETERS: [Parameter; 3] = [
    weight("paymentRate", "How much a campaign's rate matters.", PriorityWeights::payment_rate),
    weight("performance", "How much a campaign's clicks matter.", PriorityWeights::performance),
    weight("fairness", "How much it matters that a campaign has waited.", PriorityWeights::fairness),
];

const fn weight(
    name: &'static str,
    description: &'static str,
    of: fn(PriorityWeights) -> Weight,
) -> Parameter {
    Parameter::PriorityWeight(PriorityWeightParameter { name, description, of })
}

/// The weight is `paymentRate`·pay + `performance`·perf + `fairness`·fair. Each of the three values is from 0 to 1:
///
/// - pay = rate / the greatest rate of all candidates
/// - perf = min(100·CTR, 1)
/// - fair = min(minutes since last shown / 30, 1); 1 if never shown in this broadcast
///
/// If the weights of all candidates are 0, every candidate gets the same weight.
pub(super) struct Weighted;

impl SelectionStrategy for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn description(&self) -> &'static str {
        "Pay, clicks and waiting time each give a campaign a chance, as much as you want them to."
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        let rate = |candidate: &Candidate<'_>| candidate.payment.rate().as_units();
        let greatest_rate = candidates.iter().map(rate).fold(0.0, f64::max);
        let chosen = ctx.parameters.priority_weights();
        for (candidate, weight) in candidates.iter().zip(&mut *weights) {
            let pay = if greatest_rate > 0.0 { rate(candidate) / greatest_rate } else { 0.0 };
            let performance = (candidate.click_through_rate() / FULL_PERFORMANCE_CTR).min(1.0);
            let fairness = candidate.last_shown.map_or(1.0, |last| waited(last, ctx.now));
            *weight = chosen.payment_rate().value() * pay
                + chosen.performance().value() * performance
                + chosen.fairness().value() * fairness;
        }
        if weights.iter().all(|weight| *weight <= 0.0) {
            weights.fill(1.0);
        }
    }
}

/// The time since the campaign was last shown, as a share of [`LONGEST_WAIT`], from 0 to 1.
fn waited(last_shown: Timestamp, now: Timestamp) -> f64 {
    let minutes = |duration: SignedDuration| duration.as_secs_f64() / 60.0;
    (minutes(now.duration_since(last_shown)) / minutes(LONGEST_WAIT)).clamp(0.0, 1.0)
}
