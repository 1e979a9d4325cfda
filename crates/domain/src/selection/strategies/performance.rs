//! `performance`: the campaigns that are clicked most, found out while they are shown.
//!
//! Thompson sampling (Thompson 1933; Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011) over the
//! click-through rate of each candidate, whose posterior after c clicks in n impressions is Beta(1 + c, 1 + n − c). The
//! weight is the share of a fixed number of joint draws that the candidate wins, an estimate of the probability that it
//! is the best: so a new campaign gets its chance, and the probability of the pick stays known.

use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Beta, Distribution};

use crate::selection::{Candidate, SelectionContext, SelectionStrategy};

/// Joint draws per decision: shares come in steps of less than 1 %, at some 20 µs for each candidate.
const ROUNDS: u32 = 128;

/// The share of seeded draws from each candidate's posterior that it wins.
pub(super) struct Performance;

impl SelectionStrategy for Performance {
    fn name(&self) -> &'static str {
        "performance"
    }

    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        // ChaCha's stream is the same on every machine and in every version.
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(&ctx.seed.bytes());
        let mut rng = ChaCha8Rng::from_seed(seed);
        let posteriors: Vec<_> = candidates.iter().map(posterior).collect();
        for _ in 0..ROUNDS {
            let mut best = (0, f64::NEG_INFINITY);
            for (place, posterior) in posteriors.iter().enumerate() {
                let rate = posterior.as_ref().map_or(0.0, |beta| beta.sample(&mut rng));
                if rate > best.1 {
                    best = (place, rate);
                }
            }
            weights[best.0] += 1.0;
        }
    }
}

/// What is known of a candidate's click-through rate. Counts of the previous system may hold more clicks than
/// impressions: the surplus says no more than a rate of 1.
#[allow(clippy::cast_precision_loss)] // shapes to 15 digits
fn posterior(candidate: &Candidate) -> Option<Beta<f64>> {
    let clicks = candidate.clicks.min(candidate.impressions);
    let misses = candidate.impressions - clicks;
    Beta::new(1.0 + clicks as f64, 1.0 + misses as f64).ok()
}
