//! The chance of a world: streams of random numbers that depend only on the seed, the world and what they are for.
//!
//! The seeds of decisions and the audience's answers are found by their places in a stream. Numbers that were drawn
//! before make no difference. So two strategies face the same world: if both show a campaign in the same minute, the
//! same viewers click (common random numbers). The course of a world is drawn number by number, before any strategy
//! runs.

use gametriggers_domain::selection::Seed;
use rand::Rng;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_distr::{Distribution, LogNormal, Poisson};

/// The 32-bit words between two places of a stream: more than any draw uses.
const WORDS: u128 = 256;
/// The places of one campaign in a stream: more than a world has minutes.
const MINUTES: u64 = 1 << 24;

/// What random numbers are for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The seeds of decisions.
    Decisions = 1,
    /// When broadcasts start, how many viewers watch, and when campaigns come and go.
    Course = 2,
    /// Clicks and visits.
    Audience = 3,
}

/// A stream of random numbers of one world.
#[derive(Debug, Clone)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64, world: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&world.to_le_bytes());
        key[16] = purpose as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    fn at(&mut self, place: u64) -> &mut ChaCha8Rng {
        self.0.set_word_pos(u128::from(place) * WORDS);
        &mut self.0
    }

    /// The seed of the decision with this ordinal.
    pub(super) fn seed(&mut self, ordinal: u64) -> Seed {
        let mut bytes = [0; 16];
        self.at(ordinal).fill_bytes(&mut bytes);
        Seed::new(bytes)
    }

    /// The numbers of clicks and of visits in one minute of one campaign, with these means.
    pub(super) fn answers(&mut self, campaign: u64, minute: u64, means: [f64; 2]) -> [u64; 2] {
        let stream = self.at(campaign * MINUTES + minute);
        means.map(|mean| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a small whole number
            Poisson::new(mean).map_or(0, |poisson| poisson.sample(stream) as u64)
        })
    }

    /// The next whole number from 0 to `most`.
    pub(super) fn up_to(&mut self, most: u32) -> u32 {
        // The product of two numbers of 32 bits: the error of rounding is below one in a million.
        let wide = u64::from(self.0.next_u32()) * (u64::from(most) + 1);
        u32::try_from(wide >> 32).unwrap_or(most)
    }

    /// The next factor with a mean of 1 whose logarithm has this standard deviation.
    pub(super) fn factor(&mut self, spread: f64) -> f64 {
        let drawn = LogNormal::new(-spread * spread / 2.0, spread).map(|factor| factor.sample(&mut self.0));
        drawn.unwrap_or(1.0)
    }
}
