//! What is counted in a world, and sums over worlds.
//!
//! All figures are whole numbers, so their sums are exact and do not depend on the order in which threads add them.

/// A figure of a whole world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// What the streamer earned, in millionths.
    Earned,
    /// What the oracle earned minus what the strategy earned, in millionths.
    Regret,
    /// How often the campaign on screen changed.
    Switches,
    /// The longest gap of any campaign in each broadcast, in minutes: the sum over broadcasts.
    LongestGap,
    /// What is left of all campaigns' money after the last broadcast, in millionths.
    MoneyLeft,
    /// The mean distance of campaigns with a plan from their plan, in billionths of what was planned.
    OffPlan,
    /// The share of decisions with unusable weights, in billionths.
    Unusable,
    /// The number of decisions that show a campaign.
    Decisions,
    /// Minutes with nothing on screen.
    Empty,
}

/// A figure of one campaign in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    /// Minutes on screen.
    OnScreen,
    /// The longest time in each broadcast in which the campaign could have been on screen and was not, in minutes: the sum
    /// over broadcasts.
    LongestGap,
    /// What the streamer earned from the campaign, in millionths.
    Earned,
    /// What is left of the campaign's money after the last broadcast, in millionths.
    MoneyLeft,
    /// What was spent of the budget, in billionths of what was planned by then.
    Delivered,
}

const WHOLE: usize = Whole::Empty as usize + 1;
const EACH: usize = Each::Delivered as usize + 1;
/// A share of 1 as a figure: figures hold shares in billionths.
pub(super) const BILLION: f64 = 1e9;

/// The figures of one world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figures {
    whole: [i64; WHOLE],
    campaigns: Vec<[i64; EACH]>,
}

impl Figures {
    pub(super) fn new(campaigns: usize) -> Self {
        Self { whole: [0; WHOLE], campaigns: vec![[0; EACH]; campaigns] }
    }

    pub(super) fn whole(&mut self, figure: Whole) -> &mut i64 {
        &mut self.whole[figure as usize]
    }

    pub(super) fn each(&mut self, campaign: usize, figure: Each) -> &mut i64 {
        &mut self.campaigns[campaign][figure as usize]
    }
}

/// The sum and the sum of squares of one figure over worlds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moments {
    sum: i128,
    squares: i128,
}

impl Moments {
    fn add(&mut self, value: i64) {
        let value = i128::from(value);
        self.sum += value;
        self.squares += value * value;
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

/// A mean with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mean {
    pub(super) mean: f64,
    /// Half the width of the interval: 1.96 standard errors of the mean (normal approximation). 0 for a single world.
    pub(super) half_width: f64,
}

/// Sums of the figures of worlds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    worlds: u64,
    whole: [Moments; WHOLE],
    campaigns: Vec<[Moments; EACH]>,
}

impl Sums {
    pub(super) fn new(campaigns: usize) -> Self {
        Self {
            worlds: 0,
            whole: [Moments::default(); WHOLE],
            campaigns: vec![[Moments::default(); EACH]; campaigns],
        }
    }

    pub(super) fn add(&mut self, figures: &Figures) {
        self.worlds += 1;
        let pairs = |sums: &mut [Moments], figures: &[i64]| {
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| sum.add(*figure));
        };
        pairs(&mut self.whole, &figures.whole);
        for (sums, figures) in self.campaigns.iter_mut().zip(&figures.campaigns) {
            pairs(sums, figures);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.worlds += other.worlds;
        let own = self.whole.iter_mut().chain(self.campaigns.iter_mut().flatten());
        let others = other.whole.iter().chain(other.campaigns.iter().flatten());
        own.zip(others).for_each(|(own, other)| own.merge(*other));
    }

    /// The mean of a figure over worlds, divided by `unit`.
    pub(super) fn whole(&self, figure: Whole, unit: f64) -> Mean {
        self.mean(self.whole[figure as usize], unit)
    }

    /// The mean of one campaign's figure over worlds, divided by `unit`.
    pub(super) fn each(&self, campaign: usize, figure: Each, unit: f64) -> Mean {
        self.mean(self.campaigns[campaign][figure as usize], unit)
    }

    #[allow(clippy::cast_precision_loss)] // figures for people
    fn mean(&self, moments: Moments, unit: f64) -> Mean {
        let worlds = self.worlds.max(1) as f64;
        // n·Σx² − (Σx)² is exact, so equal figures have a variance of exactly 0.
        let spread = i128::from(self.worlds) * moments.squares - moments.sum * moments.sum;
        let variance = if self.worlds < 2 { 0.0 } else { spread as f64 / (worlds * (worlds - 1.0)) };
        let error = (variance / worlds).sqrt();
        Mean { mean: moments.sum as f64 / worlds / unit, half_width: 1.96 * error / unit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_interval_of_the_normal_approximation() {
        let mut sums = Sums::new(1);
        for (earned, shown) in [(2, 7), (4, 7), (4, 7), (6, 7)] {
            let mut figures = Figures::new(1);
            *figures.whole(Whole::Earned) = earned;
            *figures.each(0, Each::OnScreen) = shown;
            sums.add(&figures);
        }
        let earned = sums.whole(Whole::Earned, 2.0);
        // The variance is 8/3, the standard error √(8/3/4).
        assert!((earned.mean - 2.0).abs() < 1e-12, "{earned:?}");
        assert!((earned.half_width - 1.96 * (8.0_f64 / 12.0).sqrt() / 2.0).abs() < 1e-12, "{earned:?}");
        assert_eq!(sums.each(0, Each::OnScreen, 1.0), Mean { mean: 7.0, half_width: 0.0 });
    }
}
