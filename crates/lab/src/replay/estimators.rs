//! Estimates what the other strategy would have earned, from decisions that were drawn by known probabilities.
//!
//! Decision *i* showed campaign aᵢ and earned rᵢ. The campaign was drawn with probability pᵢ, and the other strategy
//! would have drawn it with probability qᵢ. The importance weight of the decision is wᵢ = qᵢ/pᵢ. There are *n*
//! decisions.
//!
//! - inverse propensity: Σ wᵢ·rᵢ / n (Horvitz and Thompson, 1952)
//! - self-normalised: Σ wᵢ·rᵢ / Σ wᵢ (Swaminathan and Joachims, "The self-normalized estimator for counterfactual
//!   learning", 2015)
//! - doubly robust: Σ [Σₐ q(a)·r̂(a) + wᵢ·(rᵢ − r̂(aᵢ))] / n (Dudík, Langford and Li, "Doubly robust policy evaluation and
//!   learning", 2011), where r̂ is the model `Model` below.

use serde::Serialize;

use super::{
    bootstrap::{self, Estimate, real},
    judged::JudgedDecision,
    overlap::{Overlap, Refusal},
};

/// The least number of broadcasts that are resampled as wholes. With fewer, single decisions are resampled.
const BROADCASTS_MIN: usize = 30;
/// The weight of the overall mean in a campaign's mean, as a number of decisions.
const SHRINKAGE: f64 = 10.0;
/// The seed of the resamples: the same decisions give the same intervals.
const SEED: u64 = 0x6c61_6220_7265_706c;

/// What was resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Whole broadcasts, because decisions of one broadcast depend on each other.
    Broadcasts,
    /// Single decisions, because there were too few broadcasts. The intervals are too narrow if decisions of one broadcast
    /// are alike.
    Decisions,
}

/// Earnings per decision, in units of money.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Earnings {
    /// What the decisions really earned.
    pub logged: Estimate,
    /// What the other strategy would have earned, by inverse propensity.
    pub inverse_propensity: Estimate,
    /// The same, self-normalised.
    pub self_normalised: Estimate,
    /// The same, doubly robust.
    pub doubly_robust: Estimate,
    /// The doubly robust estimate minus what was really earned.
    pub difference: Estimate,
    /// What was resampled for the intervals.
    pub unit: Unit,
    /// The number of resamples.
    pub resamples: usize,
}

impl Earnings {
    /// Every estimate with its name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, Estimate); 5] {
        [
            ("really earned", self.logged),
            ("inverse propensity", self.inverse_propensity),
            ("self-normalised", self.self_normalised),
            ("doubly robust", self.doubly_robust),
            ("doubly robust less real", self.difference),
        ]
    }

    /// What was resampled for the intervals, in words.
    pub(crate) fn resampled(&self) -> String {
        let of = match self.unit {
            Unit::Broadcasts => "whole broadcasts",
            Unit::Decisions => {
                "single decisions, because there are few broadcasts; if decisions of one broadcast are alike, the intervals \
                 are too narrow"
            }
        };
        format!("intervals by {} resamples of {of}", self.resamples)
    }

    /// The same estimates of `factor` times the earnings.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            logged: self.logged.times(factor),
            inverse_propensity: self.inverse_propensity.times(factor),
            self_normalised: self.self_normalised.times(factor),
            doubly_robust: self.doubly_robust.times(factor),
            difference: self.difference.times(factor),
            ..self
        }
    }
}

/// Estimates what the other strategy would have earned.
///
/// # Errors
/// [`Refusal`] if the decisions say too little about the other strategy.
pub fn earnings(decisions: &[JudgedDecision], resamples: usize) -> Result<Earnings, Refusal> {
    Overlap::of(decisions).check(decisions)?;
    let broadcasts = decisions.iter().map(|decision| decision.broadcast).max().map_or(0, |last| last + 1);
    let (unit, count) = if broadcasts >= BROADCASTS_MIN {
        (Unit::Broadcasts, broadcasts)
    } else {
        (Unit::Decisions, decisions.len())
    };
    let unit_of = |place: usize| if unit == Unit::Broadcasts { decisions[place].broadcast } else { place };
    let models = [1, 0].map(|other| {
        let others = decisions.iter().enumerate().filter(|(place, _)| unit_of(*place) % 2 == other);
        Model::of(others.map(|(_, decision)| decision))
    });
    let mut units = vec![[(0.0, 0.0); 5]; count];
    for (place, decision) in decisions.iter().enumerate() {
        let (weight, reward) = (decision.weight(), decision.reward);
        let model = &models[unit_of(place) % 2];
        let expected: f64 =
            decision.targets.iter().map(|(campaign, share)| share * model.of_campaign(*campaign)).sum();
        let robust = expected + weight * (reward - model.of_campaign(decision.campaign));
        let parts = [
            (reward, 1.0),
            (weight * reward, 1.0),
            (weight * reward, weight),
            (robust, 1.0),
            (robust - reward, 1.0),
        ];
        for (sum, part) in units[unit_of(place)].iter_mut().zip(parts) {
            *sum = (sum.0 + part.0, sum.1 + part.1);
        }
    }
    // A broadcast has no decisions here if none of its decisions has ended yet.
    units.retain(|parts| parts[0].1 > 0.0);
    let [logged, inverse_propensity, self_normalised, doubly_robust, difference] =
        bootstrap::estimate(&units, resamples, SEED);
    Ok(Earnings { logged, inverse_propensity, self_normalised, doubly_robust, difference, unit, resamples })
}

/// Predicts what a decision for a campaign earns. The prediction is the mean earnings of the campaign's decisions and
/// of ten more decisions that earned the overall mean. There are two models, each made from one half of the units. A
/// decision is judged by the model of the other half, so that no model knows the decisions that it judges (Chernozhukov
/// et al., "Double/debiased machine learning", 2018).
#[derive(Debug, Default)]
struct Model {
    overall: f64,
    /// The sum of earnings and the number of decisions, by the campaign's number.
    campaigns: Vec<(f64, f64)>,
}

impl Model {
    fn of<'a>(decisions: impl Iterator<Item = &'a JudgedDecision>) -> Self {
        let mut model = Self::default();
        let (mut sum, mut count) = (0.0, 0_usize);
        for decision in decisions {
            let least = decision.campaign + 1;
            if model.campaigns.len() < least {
                model.campaigns.resize(least, (0.0, 0.0));
            }
            let campaign = &mut model.campaigns[decision.campaign];
            *campaign = (campaign.0 + decision.reward, campaign.1 + 1.0);
            (sum, count) = (sum + decision.reward, count + 1);
        }
        model.overall = if count == 0 { 0.0 } else { sum / real(count) };
        model
    }

    fn of_campaign(&self, campaign: usize) -> f64 {
        let (sum, count) = self.campaigns.get(campaign).copied().unwrap_or_default();
        (sum + SHRINKAGE * self.overall) / (count + SHRINKAGE)
    }
}
