//! From weights to a pick that can be replayed.

use std::{fmt, hash::Hasher, str::FromStr};

use gametriggers_types::{CampaignId, InvalidId, ParticipationId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip::SipHasher24;

use super::{Candidate, SelectionContext, SelectionStrategy};

/// Where a decision's chance comes from: 128 bits that the server derives from streamer, ordinal and its secret.
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

    /// A number in the open interval (0, 1), the same for ever for this seed and campaign: `SipHash-2-4` under the
    /// seed, its upper 53 bits taken to the middle of their cell.
    fn uniform(self, campaign: CampaignId) -> f64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&campaign.object_id().bytes());
        #[allow(clippy::cast_precision_loss)] // 53 bits are exact
        let cell = (hasher.finish() >> 11) as f64;
        (cell + 0.5) * 2_f64.powi(-53)
    }
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
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten().ok_or(InvalidId::NotHex)?;
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

/// One candidate's part in a draw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The campaign.
    #[serde(rename = "campaignId")]
    pub campaign: CampaignId,
    /// The streamer's part in it.
    #[serde(rename = "participationId")]
    pub participation: ParticipationId,
    /// Its chance of being picked; over all candidates they sum to 1.
    pub probability: f64,
}

/// A draw and its outcome: enough to replay and to explain it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The strategy that weighed the candidates.
    pub strategy: String,
    /// Where the chance came from.
    pub seed: Seed,
    /// Every candidate, at least one.
    pub shares: Vec<Share>,
    /// The place of the pick in `shares`.
    pick: usize,
    /// The strategy's weights were all 0, or one was negative or not finite: all candidates weighed the same.
    pub weights_unusable: bool,
}

impl Selection {
    /// The campaign that was picked.
    #[must_use]
    pub fn picked(&self) -> &Share {
        // `select` and `is_consistent` guarantee the place; the first share is as good as any for a corrupt record.
        self.shares.get(self.pick).unwrap_or(&self.shares[0])
    }

    /// Draws once more from the record alone; the same campaign for ever.
    #[must_use]
    pub fn replay(&self) -> CampaignId {
        self.shares[draw(self.seed, &self.shares)].campaign
    }

    /// Whether a stored record can be what [`select`] made.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.pick < self.shares.len()
    }
}

/// Picks one of `candidates` as `strategy` weighs them; `None` without candidates.
///
/// The record lists candidates in the order given; the pick does not depend on it unless two scores are equal to the last
/// bit, in which case the lesser campaign id wins.
#[must_use]
pub fn select(
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext,
    candidates: &[Candidate],
) -> Option<Selection> {
    if candidates.is_empty() {
        return None;
    }
    let mut weights = vec![0.0; candidates.len()];
    strategy.weigh(ctx, candidates, &mut weights);
    let weights_unusable = !normalise(&mut weights);
    let shares: Vec<_> = candidates
        .iter()
        .zip(weights)
        .map(|(candidate, probability)| Share {
            campaign: candidate.campaign,
            participation: candidate.participation,
            probability,
        })
        .collect();
    let pick = draw(ctx.seed, &shares);
    Some(Selection { strategy: strategy.name().to_owned(), seed: ctx.seed, shares, pick, weights_unusable })
}

/// Turns weights into probabilities; into equal ones, and answers false, where they cannot be used.
fn normalise(weights: &mut [f64]) -> bool {
    let greatest = weights.iter().copied().fold(0.0, f64::max);
    let usable = greatest > 0.0 && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    for weight in &mut *weights {
        // Scaled by the greatest first, so that a sum of huge weights stays finite.
        *weight = if usable { *weight / greatest } else { 1.0 };
    }
    let sum: f64 = weights.iter().sum();
    for weight in &mut *weights {
        *weight /= sum;
    }
    usable
}

/// The place of the greatest −w/ln(u); of equal ones, that of the lesser id.
fn draw(seed: Seed, shares: &[Share]) -> usize {
    let score = |share: &Share| -share.probability / seed.uniform(share.campaign).ln();
    let mut best = (0, f64::NEG_INFINITY);
    for (place, share) in shares.iter().enumerate() {
        let score = score(share);
        if score > best.1 || (score >= best.1 && share.campaign < shares[best.0].campaign) {
            best = (place, score);
        }
    }
    best.0
}
