//! Whether the estimates of a replay are right. The tests make logs for which the truth is known.

#![allow(clippy::float_cmp)] // probabilities that are exactly 0 or 1
#![allow(clippy::unwrap_used)] // a log that cannot be made fails the test
#![allow(clippy::print_stdout)] // `--nocapture` shows what was measured

use gametriggers_lab::replay::{
    estimators::earnings,
    judged::JudgedDecision,
    overlap::{Overlap, Refusal},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, Poisson};

const CAMPAIGNS: usize = 4;
const MOODS: usize = 3;
/// A strategy: the probability of each campaign in each mood.
type Policy = [[f64; CAMPAIGNS]; MOODS];

/// What a display of each campaign pays, and what a visit pays.
const DISPLAY: [f64; CAMPAIGNS] = [0.02, 0.05, 0.0, 0.01];
const VISIT: [f64; CAMPAIGNS] = [0.0, 0.0, 0.25, 0.1];
/// How many visits a decision brings in each mood of the audience.
const VISITS: [[f64; CAMPAIGNS]; MOODS] = [[0.0, 0.0, 0.1, 0.5], [0.0, 0.0, 0.6, 0.2], [0.0, 0.0, 0.3, 1.5]];

/// How a log is made, and the strategy that is judged from it.
struct World {
    broadcasts: usize,
    decisions_each: usize,
    logged: Policy,
    target: Policy,
    /// Whether some broadcasts have more visitors than others, so that decisions of one broadcast are alike.
    alike: bool,
}

impl World {
    fn log(&self, seed: u64) -> Vec<JudgedDecision> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let popularity = Gamma::new(4.0, 0.25).unwrap();
        let mut log = Vec::new();
        for broadcast in 0..self.broadcasts {
            let popular: f64 = if self.alike { popularity.sample(&mut rng) } else { 1.0 };
            for _ in 0..self.decisions_each {
                let mood = rng.random_range(0..MOODS);
                let (logged, target) = (&self.logged[mood], &self.target[mood]);
                let campaign = drawn(logged, rng.random());
                let mean = popular * VISITS[mood][campaign];
                let visits = if mean > 0.0 { Poisson::new(mean).unwrap().sample(&mut rng) } else { 0.0 };
                let of = |one: usize| (one, target[one]);
                log.push(JudgedDecision {
                    broadcast,
                    campaign,
                    logged: logged[campaign],
                    target: target[campaign],
                    targets: (0..CAMPAIGNS).map(of).filter(|(_, share)| *share > 0.0).collect(),
                    unsupported: (0..CAMPAIGNS)
                        .filter(|one| logged[*one] == 0.0)
                        .map(|one| target[one])
                        .sum(),
                    was_certain: logged.contains(&1.0),
                    reward: DISPLAY[campaign] + VISIT[campaign] * visits,
                    hours: 1.0 / 12.0,
                });
            }
        }
        log
    }
}

/// What a strategy earns per decision in the worlds of these tests.
fn truth_of(policy: &Policy) -> f64 {
    let moods = policy.iter().zip(VISITS);
    let earned = |(policy, visits): (&[f64; CAMPAIGNS], [f64; CAMPAIGNS])| {
        (0..CAMPAIGNS).map(|one| policy[one] * (DISPLAY[one] + VISIT[one] * visits[one])).sum::<f64>()
    };
    moods.map(earned).sum::<f64>() / real(MOODS)
}

fn drawn(policy: &[f64; CAMPAIGNS], uniform: f64) -> usize {
    let mut left = uniform;
    let place = policy.iter().position(|share| {
        left -= share;
        left < 0.0
    });
    place.unwrap_or(CAMPAIGNS - 1)
}

/// A strategy that always shows one campaign in each mood. The share `exploration` of its decisions is left to chance.
fn greedy(best: [usize; MOODS], exploration: f64) -> Policy {
    best.map(|best| {
        let equal = exploration / 4.0;
        std::array::from_fn(|one| if one == best { 1.0 - exploration + equal } else { equal })
    })
}

const SOFT: Policy = [[0.1, 0.2, 0.3, 0.4], [0.1, 0.1, 0.6, 0.2], [0.0, 0.1, 0.2, 0.7]];

const RUNS: u64 = 1_000;
/// A replay takes more resamples. For these tests, more resamples would only take longer.
const RESAMPLES: usize = 400;

/// Asserts of each estimator that its intervals contain the truth in 93 to 97 % of 1,000 logs, and that the mean of its
/// estimates differs from the truth by less than three standard errors.
#[track_caller]
fn assert_right(world: &World) {
    let (truth, logged) = (truth_of(&world.target), truth_of(&world.logged));
    let runs: Vec<_> = (0..RUNS).map(|seed| earnings(&world.log(seed), RESAMPLES).unwrap()).collect();
    for (place, truth) in [logged, truth, truth, truth, truth - logged].into_iter().enumerate() {
        let name = runs[0].named()[place].0;
        let estimates: Vec<_> = runs.iter().map(|run| run.named()[place].1).collect();
        let covered = estimates.iter().filter(|one| one.low <= truth && truth <= one.high).count();
        let count = real(estimates.len());
        let mean = estimates.iter().map(|one| one.value).sum::<f64>() / count;
        let variance = estimates.iter().map(|one| (one.value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let error = (variance / count).sqrt();
        println!(
            "{name}: {covered} of {RUNS} intervals contain {truth:.5}; the mean is {mean:.5} ± {error:.5}"
        );
        assert!((930..=970).contains(&covered), "{name}: {covered}");
        assert!((mean - truth).abs() < 3.0 * error, "{name}: {mean} instead of {truth} ± {error}");
    }
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn intervals_contain_the_truth_where_all_decisions_were_left_to_chance() {
    let (logged, target) = (greedy([0, 0, 0], 1.0), greedy([3, 1, 3], 0.0));
    assert_right(&World { broadcasts: 150, decisions_each: 8, logged, target, alike: true });
}

#[test]
fn intervals_contain_the_truth_for_a_strategy_that_draws() {
    let (logged, target) = (greedy([1, 2, 1], 0.2), SOFT);
    assert_right(&World { broadcasts: 100, decisions_each: 20, logged, target, alike: true });
}

/// With one broadcast, single decisions are resampled.
#[test]
fn intervals_contain_the_truth_where_there_is_one_broadcast() {
    let (logged, target) = (greedy([1, 2, 1], 0.6), greedy([3, 1, 3], 0.0));
    assert_right(&World { broadcasts: 1, decisions_each: 1_000, logged, target, alike: false });
}

/// The decisions of a deterministic strategy say nothing about another strategy.
#[test]
fn without_overlap_there_is_no_estimate() {
    let (logged, target) = (greedy([1, 2, 1], 0.0), greedy([3, 2, 1], 0.0));
    let log = World { broadcasts: 50, decisions_each: 20, logged, target, alike: true }.log(1);
    let refusal = earnings(&log, RESAMPLES).unwrap_err();
    let Refusal::NoOverlap { unsupported, certain } = refusal else { panic!("{refusal:?}") };
    assert!((unsupported - 1.0 / 3.0).abs() < 0.05 && certain > 0.99, "{refusal:?}");
}

#[test]
fn a_deterministic_strategy_can_be_judged_by_its_own_decisions() {
    let policy = greedy([1, 2, 1], 0.0);
    let world = World { broadcasts: 50, decisions_each: 20, logged: policy, target: policy, alike: true };
    let run = earnings(&world.log(1), RESAMPLES).unwrap();
    for same in [run.inverse_propensity, run.self_normalised, run.doubly_robust] {
        assert!((same.value - run.logged.value).abs() < 1e-9, "{run:?}");
    }
    assert!(run.logged.low < truth_of(&policy) && truth_of(&policy) < run.logged.high, "{run:?}");
}

#[test]
fn where_few_decisions_say_something_there_is_no_estimate() {
    let (logged, target) = (greedy([1, 2, 1], 0.05), greedy([3, 1, 3], 0.0));
    let log = World { broadcasts: 50, decisions_each: 20, logged, target, alike: true }.log(1);
    let refusal = earnings(&log, RESAMPLES).unwrap_err();
    let Refusal::TooFew { decisions: 1_000, effective, .. } = refusal else { panic!("{refusal:?}") };
    assert!((5.0..25.0).contains(&effective), "{refusal:?}");
    assert_eq!(earnings(&[], RESAMPLES).unwrap_err(), Refusal::NoDecisions);
    // As text, because 0 and -0 are equal.
    assert_eq!(format!("{:?}", Overlap::of(&[])), format!("{:?}", Overlap::default()));
}
