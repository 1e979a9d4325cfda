//! Draws one campaign from the weights of the candidates. The stored record allows the draw to be repeated.

use std::{fmt, hash::Hasher, str::FromStr};

use gametriggers_types::{CampaignId, InvalidId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip::SipHasher24;

use super::{Candidate, SelectionContext, SelectionStrategy, Share, Shares};

/// The source of a decision's randomness: 128 bits that the server derives from the streamer, the ordinal and its
/// secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed([u8; 16]);

impl Seed {
    /// A seed of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A pseudo-random number in the open interval (0, 1): `SipHash-2-4` of the campaign with the seed as key. It never
    /// changes for the same seed and campaign.
    fn uniform(self, campaign: CampaignId) -> f64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&campaign.object_id().bytes());
        open_unit(hasher.finish())
    }
}

/// Maps the upper 52 bits of a hash to the middle of one of 2⁵² equal cells of (0, 1). With 53 bits, the middle of the
/// last cell would round to 1.
fn open_unit(hash: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)] // 52 bits are exact
    let cell = (hash >> 12) as f64;
    (cell + 0.5) * 2_f64.powi(-52)
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Seed {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number =
            digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or(InvalidId::NotHex)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

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
        Self { shares: [self.picked()].into_iter().collect(), pick: 0, shortened_from, ..self }
    }

    /// Whether a stored record has a form that [`select`] makes, complete or shortened.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let is_complete = self.shortened_from.is_none_or(|count| count >= 1 && self.shares.len() == 1);
        self.pick < self.shares.len() && is_complete
    }
}

/// Picks one of `candidates` with the weights that `strategy` gives them; `None` if there are no candidates. Allocates
/// only the record.
///
/// The record lists the candidates in the given order. That order does not influence the pick: if two scores are
/// exactly equal, the smaller campaign id wins.
#[must_use]
pub fn select(
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext,
    candidates: &[Candidate],
) -> Option<Selection> {
    if candidates.is_empty() {
        return None;
    }
    let mut shares = Shares::of(candidates);
    strategy.weigh(ctx, candidates, shares.probabilities_mut());
    let weights_unusable = !normalise(shares.probabilities_mut());
    let pick = draw(ctx.seed, &shares);
    Some(Selection {
        strategy: strategy.name().to_owned(),
        seed: ctx.seed,
        shares,
        pick,
        weights_unusable,
        shortened_from: None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// At 0 or 1 itself the logarithm is of no use: a candidate would win or lose whatever it weighs.
    #[test]
    fn no_hash_is_taken_to_0_or_1() {
        for hash in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let u = open_unit(hash);
            assert!(0.0 < u && u < 1.0, "{hash}: {u}");
            assert!(u.ln() < 0.0 && u.ln().is_finite(), "{hash}: {u}");
        }
    }

    #[test]
    fn a_seed_is_read_back_from_its_text_and_nothing_else_is_a_seed() {
        let seed = Seed::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(seed.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(seed.to_string().parse(), Ok(seed));
        for junk in ["", "0", "+00102030405060708090a0b0c0d0eff", "g00102030405060708090a0b0c0d0eff"] {
            assert_eq!(junk.parse::<Seed>(), Err(InvalidId::NotHex), "{junk:?}");
        }
    }

    /// If the hash changed, no stored record would replay.
    #[test]
    fn the_number_of_a_seed_and_campaign_is_the_same_for_ever() {
        let campaign = |byte| CampaignId::from(gametriggers_types::ObjectId::from_bytes([byte; 12]));
        let drawn = |byte| Seed::new([7; 16]).uniform(campaign(byte)).to_string();
        assert_eq!([drawn(1), drawn(2)], ["0.5454299020934187", "0.4125253477096077"]);
    }
}
