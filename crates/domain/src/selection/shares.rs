//! The candidates of a draw and the chance of each.

use gametriggers_types::{CampaignId, ParticipationId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Candidate;

/// One candidate's part in a draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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

/// Every candidate's part in a draw; stored as a list of [`Share`].
///
/// The chances lie side by side, so that a strategy writes its weights where the record keeps what becomes of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shares {
    candidates: Vec<(CampaignId, ParticipationId)>,
    /// As many.
    probabilities: Vec<f64>,
}

impl Shares {
    /// The candidates in their order, without any chance yet.
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        Self {
            candidates: candidates.iter().map(|one| (one.campaign, one.participation)).collect(),
            probabilities: vec![0.0; candidates.len()],
        }
    }

    /// How many candidates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The one at this place.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn at(&self, place: usize) -> Share {
        let (campaign, participation) = self.candidates[place];
        Share { campaign, participation, probability: self.probabilities[place] }
    }

    /// All of them, in their order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Share> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// The chances, in the order of the candidates.
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
