//! `performance`: the campaigns that are clicked most, found out while they are shown.
//!
//! Thompson sampling (Thompson 1933; Chapelle and Li, "An empirical evaluation of Thompson sampling", 2011) over the
//! click-through rate of each candidate, whose posterior after c clicks in n impressions is Beta(1 + c, 1 + n − c). The
//! weight is the share of a fixed number of joint draws that the candidate wins, an estimate of the probability that it
//! is the best: so a new campaign gets its chance, and the probability of the pick stays known.

use std::cmp::Ordering;

use gametriggers_types::CampaignId;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Beta, Distribution};

use crate::selection::{Candidate, Seed, SelectionContext, SelectionStrategy};

/// Joint draws per decision: shares come in steps of less than 1 %, at some 6 µs for each candidate.
const ROUNDS: usize = 128;

/// The share of seeded draws from each candidate's posterior that it wins.
pub(super) struct Performance;

impl SelectionStrategy for Performance {
    fn name(&self) -> &'static str {
        "performance"
    }

    fn weigh(&self, ctx: &SelectionContext, candidates: &[Candidate], weights: &mut [f64]) {
        // The best of each round so far: candidate by candidate, nothing has to be kept of those that do not lead.
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

/// A candidate's own chance, so that it does not depend on who stands beside it. `ChaCha`'s stream is the same on every
/// machine and in every version.
fn stream(seed: Seed, campaign: CampaignId) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&seed.bytes());
    key[16..28].copy_from_slice(&campaign.object_id().bytes());
    ChaCha8Rng::from_seed(key)
}

/// What is known of a candidate's click-through rate. Counts of the previous system may hold more clicks than
/// impressions: the surplus says no more than a rate of 1.
#[allow(clippy::cast_precision_loss)] // shapes to 15 digits
fn posterior(candidate: &Candidate) -> Option<Beta<f64>> {
    let clicks = candidate.clicks.min(candidate.impressions);
    let misses = candidate.impressions - clicks;
    Beta::new(1.0 + clicks as f64, 1.0 + misses as f64).ok()
}
