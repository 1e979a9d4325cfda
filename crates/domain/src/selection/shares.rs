//! The candidates of a draw and their probabilities.

use gametriggers_types::{CampaignId, ParticipationId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Candidate;

/// One candidate of a draw and its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// The campaign.
    #[serde(rename = "campaignId")]
    pub campaign: CampaignId,
    /// The streamer's participation in the campaign.
    #[serde(rename = "participationId")]
    pub participation: ParticipationId,
    /// The probability that this candidate is picked. The probabilities of all candidates sum to 1.
    pub probability: f64,
}

/// All candidates of a draw and their probabilities; stored as a list of [`Share`].
///
/// The probabilities are one slice, so that a strategy can write its weights into it and the engine can turn them into
/// probabilities in place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shares {
    candidates: Vec<(CampaignId, ParticipationId)>,
    /// One for each candidate, in the same order.
    probabilities: Vec<f64>,
}

impl Shares {
    /// The candidates in the given order, with probabilities of 0.
    pub(super) fn of(candidates: &[Candidate<'_>]) -> Self {
        Self {
            candidates: candidates.iter().map(|one| (one.campaign, one.participation)).collect(),
            probabilities: vec![0.0; candidates.len()],
        }
    }

    /// The number of candidates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there are no candidates.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The candidate at this index.
    ///
    /// # Panics
    /// If `place` is not less than [`len`](Self::len).
    #[must_use]
    pub fn at(&self, place: usize) -> Share {
        let (campaign, participation) = self.candidates[place];
        Share { campaign, participation, probability: self.probabilities[place] }
    }

    /// All candidates, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Share> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// The probabilities, in the order of the candidates.
    pub fn probabilities_mut(&mut self) -> &mut [f64] {
        &mut self.probabilities
    }
}

impl FromIterator<Share> for Shares {
    fn from_iter<I: IntoIterator<Item = Share>>(shares: I) -> Self {
        let pairs = shares.into_iter().map(|one| ((one.campaign, one.participation), one.probability));
        let (candidates, probabilities) = pairs.unzip();
        Self { candidates, probabilities }
    }
}

impl Serialize for Shares {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Share>::deserialize(deserializer)?.into_iter().collect())
    }
}
