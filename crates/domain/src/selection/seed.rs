//! The seed of a decision, from which all its randomness comes.

use std::{fmt, hash::Hasher, str::FromStr};

use gametriggers_types::{CampaignId, InvalidId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip::SipHasher24;

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

    /// A pseudo-random number in the open interval (0, 1): `SipHash-2-4` of the campaign with the seed as key. The same
    /// seed and campaign always give the same number.
    pub(super) fn uniform(self, campaign: CampaignId) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// If u were 0 or 1, the logarithm would decide alone: the candidate would win or lose whatever its weight.
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
