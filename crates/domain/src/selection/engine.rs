//! Draws one campaign from the weights of the candidates. The stored record allows the draw to be repeated.

use gametriggers_types::{CampaignId, Spacing};
use serde::{Deserialize, Serialize};

use super::{Candidate, Seed, SelectionContext, SelectionStrategy, Share, Shares, spacing};

/// A draw and its outcome. The complete form is enough to repeat and to explain the draw; the shortened form is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The strategy that weighed the candidates.
    pub strategy: String,
    /// The seed of the draw.
    pub seed: Seed,
    /// Every candidate with its probability, at least one. A shortened record holds only the picked candidate.
    pub shares: Shares,
    /// The index of the picked candidate in `shares`.
    pick: usize,
    /// True if the strategy's weights could not be used: all were 0, or one was negative or not finite. Then all
    /// candidates had the same weight.
    pub weights_unusable: bool,
    /// The number of candidates that could not be picked because of the streamer's spacing. They are the last ones in
    /// `shares`, with a probability of 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub barred: usize,
    /// The exploration share that was in force. The probabilities contain the share: each is (1 − exploration)·w/Σw +
    /// exploration/N for N candidates that are not barred.
    #[serde(default, skip_serializing_if = "ExplorationShare::is_off")]
    pub exploration: ExplorationShare,
    /// In a shortened record, the number of candidates that there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shortened_from: Option<usize>,
}

impl Selection {
    /// The picked candidate.
    #[must_use]
    pub fn picked(&self) -> Share {
        // The index is valid after `select` and in every consistent record. For a corrupt record, the first share is
        // returned.
        self.shares.at(if self.is_consistent() { self.pick } else { 0 })
    }

    /// Repeats the draw from the record; the result is always the same campaign. `None` if the record is shortened,
    /// because the candidates that the draw needs are gone.
    #[must_use]
    pub fn replay(&self) -> Option<CampaignId> {
        (!self.is_shortened()).then(|| self.shares.at(draw(self.seed, &self.shares)).campaign)
    }

    /// The number of candidates of the draw, also for a shortened record.
    #[must_use]
    pub fn candidate_count(&self) -> usize {
        self.shortened_from.unwrap_or(self.shares.len())
    }

    /// Whether the record is shortened, that is, holds only the picked candidate.
    #[must_use]
    pub const fn is_shortened(&self) -> bool {
        self.shortened_from.is_some()
    }

    /// The shortened record: the candidates that were not picked are removed.
    #[must_use]
    pub(crate) fn shortened(self) -> Self {
        let shortened_from = Some(self.candidate_count());
        Self { shares: [self.picked()].into_iter().collect(), pick: 0, barred: 0, shortened_from, ..self }
    }

    /// Whether a stored record has a form that [`select`] makes, complete or shortened.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let is_complete = self.shortened_from.is_none_or(|count| count >= 1 && self.shares.len() == 1);
        self.pick < self.shares.len() && is_complete
    }
}

/// The share of decisions that are drawn with equal probabilities instead of the strategy's: from 0 (off, the default) to 1.
///
/// Some strategies always give one campaign all the weight. Without exploration, their decisions never show what
/// another campaign would have earned. So nobody can learn about other strategies from these decisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub struct ExplorationShare(f64);

/// The number is not from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the exploration share is a number from 0 (off) to 1")]
pub struct InvalidExplorationShare;

impl ExplorationShare {
    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Whether no decision is left to chance.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0 <= 0.0
    }
}

impl TryFrom<f64> for ExplorationShare {
    type Error = InvalidExplorationShare;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err(InvalidExplorationShare) }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // for serde
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The rules of a draw that hold for every strategy.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DrawRules {
    /// The distance between campaigns that the streamer wants.
    pub spacing: Spacing,
    /// The share of decisions that the installation leaves to chance.
    pub exploration: ExplorationShare,
}

/// Picks one of `candidates` with the weights that `strategy` gives them; `None` if there are no candidates. Allocates
/// only the record.
///
/// The record lists the candidates in the given order. That order does not influence the pick: if two scores are
/// exactly equal, the smaller campaign id wins.
#[must_use]
pub fn select(
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext<'_>,
    candidates: &[Candidate<'_>],
) -> Option<Selection> {
    draw_from(strategy, ctx, candidates, candidates.len(), ExplorationShare::default())
}

/// Picks as [`select`] does, and keeps these rules. Moves the candidates that may not be picked now to the end of
/// `candidates`.
#[must_use]
pub fn select_by(
    rules: DrawRules,
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext<'_>,
    candidates: &mut [Candidate<'_>],
) -> Option<Selection> {
    let admitted = spacing::admit(rules.spacing, ctx, candidates);
    draw_from(strategy, ctx, candidates, admitted, rules.exploration)
}

/// Picks one of the first `admitted` candidates.
fn draw_from(
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext<'_>,
    candidates: &[Candidate<'_>],
    admitted: usize,
    exploration: ExplorationShare,
) -> Option<Selection> {
    let eligible = candidates.get(..admitted).filter(|eligible| !eligible.is_empty())?;
    let mut shares = Shares::of(candidates);
    let probabilities = &mut shares.probabilities_mut()[..admitted];
    strategy.weigh(ctx, eligible, probabilities);
    let weights_unusable = !normalise(probabilities);
    explore(exploration, probabilities);
    let pick = draw(ctx.seed, &shares);
    Some(Selection {
        strategy: strategy.name().to_owned(),
        seed: ctx.seed,
        shares,
        pick,
        weights_unusable,
        barred: candidates.len() - admitted,
        exploration,
        shortened_from: None,
    })
}

/// Leaves a share of the decisions to chance.
fn explore(exploration: ExplorationShare, probabilities: &mut [f64]) {
    if exploration.is_off() {
        return;
    }
    #[allow(clippy::cast_precision_loss)] // few candidates
    let equal = 1.0 / probabilities.len() as f64;
    for probability in probabilities {
        *probability = (1.0 - exploration.0) * *probability + exploration.0 * equal;
    }
}

/// Turns weights into probabilities. If the weights cannot be used, makes all probabilities equal and returns false.
fn normalise(weights: &mut [f64]) -> bool {
    let greatest = weights.iter().copied().fold(0.0, f64::max);
    let usable = greatest > 0.0 && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    for weight in &mut *weights {
        // Dividing by the greatest weight first keeps the sum of huge weights finite.
        *weight = if usable { *weight / greatest } else { 1.0 };
    }
    let sum: f64 = weights.iter().sum();
    for weight in &mut *weights {
        *weight /= sum;
    }
    usable
}

/// The index of the candidate with the greatest score −w/ln(u). If scores are equal, the smaller campaign id wins.
fn draw(seed: Seed, shares: &Shares) -> usize {
    let score = |share: &Share| -share.probability / seed.uniform(share.campaign).ln();
    let mut best = (0, f64::NEG_INFINITY);
    for (place, share) in shares.iter().enumerate() {
        let score = score(&share);
        if score > best.1 || (score >= best.1 && share.campaign < shares.at(best.0).campaign) {
            best = (place, score);
        }
    }
    best.0
}
