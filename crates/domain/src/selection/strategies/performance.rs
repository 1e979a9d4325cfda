//! `performance`: prefers the campaigns with the highest click-through rate and learns the rates while it shows them.
//!
//! This is Thompson sampling (Thompson 1933; Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011).
//! The posterior of a candidate's click-through rate after c clicks in n impressions is Beta(1 + c, 1 + n − c). In each
//! of a fixed number of rounds, one rate is drawn for each candidate, and the highest rate wins the round. The weight
//! is the number of rounds that the candidate wins. This weight estimates the probability that the candidate is the
//! best. So new campaigns get their chance, and the probability of the pick stays known.

use std::cmp::Ordering;

use gametriggers_types::CampaignId;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Beta, Distribution};

use crate::selection::{Candidate, Seed, SelectionContext, SelectionStrategy};

/// Rounds per decision: shares have steps of less than 1 %, and each candidate costs about 6 µs.
const ROUNDS: usize = 128;

/// Weighs each candidate by the rounds that it wins.
pub(super) struct Performance;

impl SelectionStrategy for Performance {
    fn name(&self) -> &'static str {
        "performance"
    }

    fn description(&self) -> &'static str {
        "Campaigns that your viewers click get more time, and new ones get a chance to prove themselves."
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        // The winner of each round so far. The rates are drawn candidate by candidate, so only the current winners are
        // kept.
        let mut leaders = [(0, f64::NEG_INFINITY); ROUNDS];
        for (place, candidate) in candidates.iter().enumerate() {
            let posterior = posterior(candidate);
            let mut stream = stream(ctx.seed, candidate.campaign);
            for leader in &mut leaders {
                let rate = posterior.map_or(0.0, |beta| beta.sample(&mut stream));
                let wins = match rate.total_cmp(&leader.1) {
                    Ordering::Less => false,
                    Ordering::Equal => candidate.campaign < candidates[leader.0].campaign,
                    Ordering::Greater => true,
                };
                if wins {
                    *leader = (place, rate);
                }
            }
        }
        for (place, _) in leaders {
            weights[place] += 1.0;
        }
    }
}

/// The random stream of one candidate. It depends only on the seed and the campaign, not on the other candidates.
/// `ChaCha` gives the same stream on every machine and in every version.
fn stream(seed: Seed, campaign: CampaignId) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&seed.bytes());
    key[16..28].copy_from_slice(&campaign.object_id().bytes());
    ChaCha8Rng::from_seed(key)
}

/// The posterior of a candidate's click-through rate. Counts from the previous system may hold more clicks than
/// impressions. Then only as many clicks count as there are impressions.
#[allow(clippy::cast_precision_loss)] // shapes to 15 digits
fn posterior(candidate: &Candidate<'_>) -> Option<Beta<f64>> {
    let clicks = candidate.clicks.min(candidate.impressions);
    let misses = candidate.impressions - clicks;
    Beta::new(1.0 + clicks as f64, 1.0 + misses as f64).ok()
}
