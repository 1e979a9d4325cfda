//! The promise of `performance`: a campaign's share is the probability that it has the highest click-through rate.

use std::collections::BTreeMap;

use gametriggers_domain::{decision::Basis, selection};
use gametriggers_types::CampaignId;

use crate::{
    each_moment,
    moment::{Admitted, Moment},
};

/// The number of cells of (0, 1) for the integration of densities. The densities must not be narrow, so only scenarios
/// with few impressions are tested: those in which an impression is a display.
const CELLS: usize = 2_000;
/// The number of rounds of one decision.
const ROUNDS: f64 = 128.0;

#[test]
fn a_share_is_the_probability_of_having_the_highest_rate() {
    let performance = selection::find("performance").unwrap();
    // For each scenario and campaign: the rounds won minus the expected rounds, and the variance of the rounds.
    let mut excess: BTreeMap<(String, CampaignId), (f64, f64)> = BTreeMap::new();
    each_moment(performance, |scenario, moment| {
        let has_history = moment.admitted.iter().any(|one| one.participation.counters.impressions > 1_000);
        if moment.scenario.basis != Basis::Display || has_history {
            return;
        }
        for (one, best) in moment.admitted.iter().zip(probabilities_of_being_best(moment)) {
            let (more, variance) = excess.entry((scenario.to_owned(), one.campaign.id)).or_default();
            *more += ROUNDS * (one.probability - best);
            *variance += ROUNDS * best * (1.0 - best);
        }
    });
    assert!(excess.len() > 8, "{excess:?}");
    for (campaign, (more, variance)) in excess {
        let deviations = more / variance.max(1.0).sqrt();
        assert!(deviations.abs() < 4.5, "{campaign:?}: {deviations}");
    }
}

/// ∫ pᵢ(x) ∏ Pⱼ(x) dx, with the densities p and the distribution functions P of the posteriors.
fn probabilities_of_being_best(moment: &Moment<'_>) -> Vec<f64> {
    let densities: Vec<_> = moment.admitted.iter().map(density).collect();
    let below: Vec<_> = densities.iter().map(|density| distribution(density)).collect();
    let best = |place: usize| {
        let others = |cell: usize| {
            (0..below.len()).filter(|other| *other != place).map(|other| below[other][cell]).product::<f64>()
        };
        (0..CELLS).map(|cell| densities[place][cell] * others(cell)).sum()
    };
    (0..densities.len()).map(best).collect()
}

/// The probability of each cell under Beta(1 + clicks, 1 + impressions − clicks).
#[allow(clippy::cast_precision_loss)]
fn density(one: &Admitted<'_>) -> Vec<f64> {
    let counters = &one.participation.counters;
    let clicks = counters.clicks.min(counters.impressions) as f64;
    let misses = counters.impressions as f64 - clicks;
    let at = |cell: usize| {
        let rate = (cell as f64 + 0.5) / CELLS as f64;
        clicks * rate.ln() + misses * (1.0 - rate).ln()
    };
    let logarithms: Vec<_> = (0..CELLS).map(at).collect();
    let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let relative: Vec<_> = logarithms.iter().map(|logarithm| (logarithm - greatest).exp()).collect();
    let sum: f64 = relative.iter().sum();
    relative.iter().map(|density| density / sum).collect()
}

/// The probability of a rate below the middle of each cell.
fn distribution(density: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let middle = |probability: &f64| {
        sum += probability;
        sum - probability / 2.0
    };
    density.iter().map(middle).collect()
}
