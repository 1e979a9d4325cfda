//! Whether the decisions say enough about the other strategy.

use serde::Serialize;

use super::{bootstrap::real, judged::JudgedDecision};

/// The greatest share of the other strategy's choices that may have had a recorded probability of 0.
pub const UNSUPPORTED_MAX: f64 = 0.01;
/// The greatest share of the sum of all weights that one decision may have. With this limit, the effective sample size
/// is at least 100.
///
/// With a greater share, the intervals are too narrow. Simulations like those of `tests/coverage.rs` showed this for a
/// strategy whose probabilities differ from decision to decision: the intervals contained the truth in only 90 to 93 of
/// 100 logs.
pub const GREATEST_SHARE_MAX: f64 = 0.01;

/// How far the recorded decisions cover the choices of the other strategy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overlap {
    /// The expected share of decisions in which the other strategy would have shown the campaign that was shown.
    pub agreement: f64,
    /// The share of decisions whose campaign was also the other strategy's likeliest choice.
    pub same_likeliest: f64,
    /// How many decisions of the other strategy itself would say as much as the weighted decisions: (Σ w)² / Σ w²
    /// (Kish, "Survey Sampling", 1965).
    pub effective_sample_size: f64,
    /// The expected share of the other strategy's choices that had a recorded probability of 0.
    pub unsupported: f64,
    /// The mean of the weights. The mean is near 1 if the probabilities are right and no choice is unsupported.
    pub mean_weight: f64,
    /// The greatest weight.
    pub greatest_weight: f64,
    /// The greatest weight as a share of the sum of all weights.
    pub greatest_share: f64,
    /// The share of decisions whose campaign was certain although there were other candidates.
    pub certain: f64,
}

/// Why there is no estimate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There are no decisions that can be replayed.
    #[error("no decision of this time can be replayed")]
    NoDecisions,
    /// The other strategy would often have shown a campaign that could not have been drawn.
    #[error(
        "in {:.1} % of the decisions the strategy would have shown a campaign that could not have been drawn, so nobody \
         knows what it would have earned (at most {:.0} % are tolerated; {:.1} % of the decisions were certain before they \
         were drawn)",
        unsupported * 100.0, UNSUPPORTED_MAX * 100.0, certain * 100.0
    )]
    NoOverlap {
        /// [`Overlap::unsupported`].
        unsupported: f64,
        /// [`Overlap::certain`].
        certain: f64,
    },
    /// Too few decisions show a campaign that the other strategy would have shown.
    #[error(
        "the {decisions} decisions are worth only {effective:.1} decisions of the strategy itself, and a single one of them \
         would make up {:.1} % of the estimate (at most {:.0} % are tolerated)",
        greatest_share * 100.0, GREATEST_SHARE_MAX * 100.0
    )]
    TooFew {
        /// The number of decisions.
        decisions: usize,
        /// [`Overlap::effective_sample_size`].
        effective: f64,
        /// [`Overlap::greatest_share`].
        greatest_share: f64,
    },
}

impl Overlap {
    /// The overlap of these decisions. All numbers are 0 if there are none.
    #[must_use]
    pub fn of(decisions: &[JudgedDecision]) -> Self {
        if decisions.is_empty() {
            return Self::default();
        }
        let count = real(decisions.len());
        let mean = |of: fn(&JudgedDecision) -> f64| decisions.iter().map(of).sum::<f64>() / count;
        let share =
            |is: fn(&JudgedDecision) -> bool| real(decisions.iter().filter(|one| is(one)).count()) / count;
        let (mean_weight, mean_square) = (mean(JudgedDecision::weight), mean(|one| one.weight().powi(2)));
        let greatest_weight = decisions.iter().map(JudgedDecision::weight).fold(0.0, f64::max);
        Self {
            agreement: mean(|one| one.target),
            same_likeliest: share(JudgedDecision::is_most_likely),
            effective_sample_size: if mean_square > 0.0 {
                count * mean_weight.powi(2) / mean_square
            } else {
                0.0
            },
            unsupported: mean(|one| one.unsupported),
            mean_weight,
            greatest_weight,
            greatest_share: if mean_weight > 0.0 { greatest_weight / (mean_weight * count) } else { 1.0 },
            certain: share(|one| one.was_certain),
        }
    }

    /// Checks that the decisions suffice for an estimate.
    ///
    /// # Errors
    /// [`Refusal`] if they do not.
    pub fn check(&self, decisions: &[JudgedDecision]) -> Result<(), Refusal> {
        let Self { unsupported, certain, effective_sample_size: effective, greatest_share, .. } = *self;
        if decisions.is_empty() {
            Err(Refusal::NoDecisions)
        } else if unsupported > UNSUPPORTED_MAX {
            Err(Refusal::NoOverlap { unsupported, certain })
        } else if greatest_share > GREATEST_SHARE_MAX {
            Err(Refusal::TooFew { decisions: decisions.len(), effective, greatest_share })
        } else {
            Ok(())
        }
    }
}
