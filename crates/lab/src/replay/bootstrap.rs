//! Estimates of ratios of sums, with intervals by the studentised bootstrap.
//!
//! A resample draws as many units as there are, with replacement. The interval comes from the distribution of
//! (resampled value − value) / (standard error of the resample): Efron, "Nonparametric standard errors and confidence
//! intervals" (1981); Hall, "Theoretical comparison of bootstrap confidence intervals" (1988). The studentised
//! bootstrap is used because importance weights are skewed. With skewed weights, percentile intervals miss the truth
//! too often. The standard error of a ratio is that of its linearisation (Cochran, "Sampling Techniques", 1977, chapter
//! 6).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// The share of intervals that are to contain the truth.
const LEVEL: f64 = 0.95;
/// A variance is computed from squares. If it is less than this share of the squares, it is rounding noise.
const NOISE: f64 = 1e-12;

/// An estimate and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
}

impl Estimate {
    /// The estimate of `factor` times the quantity.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, low: self.low * factor, high: self.high * factor }
    }
}

/// The numerator and the denominator that one unit adds to a ratio.
pub type Part = (f64, f64);

/// Estimates Σ numerators / Σ denominators for each of `N` ratios. Every unit has a part in each ratio, and all ratios see
/// the same resamples. The same seed gives the same intervals.
#[must_use]
pub fn estimate<const N: usize>(units: &[[Part; N]], resamples: usize, seed: u64) -> [Estimate; N] {
    let moments: Vec<_> = units.iter().map(|parts| parts.map(Moments::of)).collect();
    let whole = moments.iter().fold([Moments::default(); N], added);
    let mut deviations: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(resamples));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..resamples {
        let mut sum = [Moments::default(); N];
        for _ in 0..units.len() {
            sum = added(sum, &moments[rng.random_range(0..units.len())]);
        }
        for (place, deviations) in deviations.iter_mut().enumerate() {
            deviations.extend(sum[place].deviation(whole[place], units.len()));
        }
    }
    std::array::from_fn(|place| {
        let (value, error) = (whole[place].ratio(), whole[place].standard_error(units.len()));
        let deviations = &mut deviations[place];
        deviations.sort_unstable_by(f64::total_cmp);
        let end = |share| value - error * quantile(deviations, share);
        Estimate { value, low: end(f64::midpoint(1.0, LEVEL)), high: end((1.0 - LEVEL) / 2.0) }
    })
}

/// Sums over units: of numerators, of denominators, and of their squares and products.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    a: f64,
    b: f64,
    aa: f64,
    ab: f64,
    bb: f64,
}

impl Moments {
    fn of((a, b): Part) -> Self {
        Self { a, b, aa: a * a, ab: a * b, bb: b * b }
    }

    fn ratio(&self) -> f64 {
        if self.b == 0.0 { 0.0 } else { self.a / self.b }
    }

    fn standard_error(&self, units: usize) -> f64 {
        let ratio = self.ratio();
        let squares = self.aa + ratio * ratio * self.bb;
        let residuals = squares - 2.0 * ratio * self.ab;
        if units < 2 || residuals <= NOISE * squares {
            return 0.0;
        }
        let units = real(units);
        (residuals * units / (units - 1.0)).sqrt() / self.b.abs()
    }

    /// The ratio of the resample minus the ratio of `whole`, in standard errors of the resample. `None` if the standard
    /// error is 0.
    fn deviation(&self, whole: Self, units: usize) -> Option<f64> {
        let deviation = (self.ratio() - whole.ratio()) / self.standard_error(units);
        deviation.is_finite().then_some(deviation)
    }
}

fn added<const N: usize>(mut sum: [Moments; N], unit: &[Moments; N]) -> [Moments; N] {
    for (sum, unit) in sum.iter_mut().zip(unit) {
        sum.a += unit.a;
        sum.b += unit.b;
        sum.aa += unit.aa;
        sum.ab += unit.ab;
        sum.bb += unit.bb;
    }
    sum
}

/// The quantile of sorted values, interpolated between the two nearest values; 0 if there are no values.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in a list
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = (share * real(sorted.len() + 1) - 1.0).clamp(0.0, real(last));
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above.min(last)] - sorted[below]) * place.fract()
}

/// A count as a number to calculate with.
#[allow(clippy::cast_precision_loss)] // counts of decisions
pub(super) const fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_without_variation_is_certain_and_the_same_seed_gives_the_same_interval() {
        let constant = vec![[(3.0, 2.0)]; 40];
        assert_eq!(estimate(&constant, 200, 1)[0], Estimate { value: 1.5, low: 1.5, high: 1.5 });
        let units: Vec<_> = (0..40).map(|number| [(f64::from(number % 7), 1.0)]).collect();
        let of_seed = |seed| estimate(&units, 200, seed)[0];
        assert_eq!(of_seed(1), of_seed(1));
        assert_ne!(of_seed(1), of_seed(2));
        assert!(of_seed(1).low < of_seed(1).value && of_seed(1).value < of_seed(1).high);
    }

    /// The place of a quantile among n values is share·(n + 1), as if the values cut the line into n + 1 equal parts.
    #[test]
    fn quantiles_lie_between_the_nearest_values() {
        for (share, value) in [(0.0, 1.0), (0.25, 1.0), (0.375, 1.5), (0.5, 2.0), (0.625, 3.0), (0.9, 4.0)] {
            assert!((quantile(&[1.0, 2.0, 4.0], share) - value).abs() < f64::EPSILON, "{share}");
        }
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
    }
}
