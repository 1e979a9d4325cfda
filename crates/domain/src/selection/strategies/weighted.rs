//! `weighted`: gives each campaign a chance in proportion to its pay, performance and fairness, weighted by the
//! streamer's settings.

use gametriggers_types::{SignedDuration, Timestamp};

use crate::selection::{Candidate, LONGEST_WAIT, SelectionContext, SelectionStrategy};

/// The click-through rate that counts as full performance: 1 %. Higher rates do not raise the weight further.
const FULL_PERFORMANCE_CTR: f64 = 0.01;

/// The weight is `paymentRate`·pay + `performance`·perf + `fairness`·fair. Each of the three values is from 0 to 1:
///
/// - pay = rate / the greatest rate of all candidates
/// - perf = min(100·CTR, 1)
/// - fair = min(minutes since last shown / 30, 1); 1 if never shown in this broadcast
pub(super) struct Weighted;

impl SelectionStrategy for Weighted {
    fn name(&self) -> &'static str {
        "weighted"
    }

    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        let rate = |candidate: &Candidate| candidate.payment.rate().as_units();
        let greatest_rate = candidates.iter().map(rate).fold(0.0, f64::max);
        for (candidate, weight) in candidates.iter().zip(weights) {
            let pay = if greatest_rate > 0.0 { rate(candidate) / greatest_rate } else { 0.0 };
            let performance = (candidate.click_through_rate() / FULL_PERFORMANCE_CTR).min(1.0);
            let fairness = candidate.last_shown.map_or(1.0, |last| waited(last, ctx.now));
            *weight = ctx.weights.payment_rate().value() * pay
                + ctx.weights.performance().value() * performance
                + ctx.weights.fairness().value() * fairness;
        }
    }
}

/// The time since the campaign was last shown, as a share of [`LONGEST_WAIT`], from 0 to 1.
fn waited(last_shown: Timestamp, now: Timestamp) -> f64 {
    let minutes = |duration: SignedDuration| duration.as_secs_f64() / 60.0;
    (minutes(now.duration_since(last_shown)) / minutes(LONGEST_WAIT)).clamp(0.0, 1.0)
}
