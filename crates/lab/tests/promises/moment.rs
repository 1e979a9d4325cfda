//! A moment of decision, and what was on screen before. All is measured from the decisions alone.

use std::collections::{BTreeMap, BTreeSet};

use gametriggers_domain::{
    model::{Campaign, Participation},
    selection::Selection,
};
use gametriggers_lab::simulate::{Scenario, Step};
use gametriggers_types::{CampaignId, ParameterValue, SignedDuration, Slot, Timestamp};

/// What was on screen in this broadcast.
#[derive(Default)]
pub(crate) struct Screen {
    broadcast: u32,
    is_begun: bool,
    displayed: BTreeMap<CampaignId, SignedDuration>,
    last: BTreeMap<CampaignId, Timestamp>,
    /// The campaigns that could be picked at every decision of this broadcast.
    pub(crate) all_along: BTreeSet<CampaignId>,
}

impl Screen {
    /// Adds what was on screen until this decision.
    pub(crate) fn enter(&mut self, step: &Step<'_>) {
        let eligible = step.eligible.iter().map(|(_, campaign)| campaign.id);
        if !self.is_begun || self.broadcast != step.broadcast {
            *self = Self { broadcast: step.broadcast, is_begun: true, ..Self::default() };
            self.all_along = eligible.collect();
            return;
        }
        let eligible: BTreeSet<_> = eligible.collect();
        self.all_along.retain(|campaign| eligible.contains(campaign));
        let Some(previous) = step.previous else { return };
        let Some((shown, _)) = previous.shown() else { return };
        let end = previous.until.min(step.decision.from);
        *self.displayed.entry(shown).or_default() += end.duration_since(previous.from);
        self.last.insert(shown, end);
    }

    /// How long the campaign was on screen.
    pub(crate) fn displayed(&self, campaign: CampaignId) -> SignedDuration {
        self.displayed.get(&campaign).copied().unwrap_or_default()
    }

    /// How long campaigns were on screen, all together.
    pub(crate) fn displayed_by_all(&self) -> SignedDuration {
        self.displayed.values().sum()
    }
}

/// A candidate that could be picked after spacing, and its recorded probability.
pub(crate) struct Admitted<'a> {
    pub(crate) participation: &'a Participation,
    pub(crate) campaign: &'a Campaign,
    pub(crate) probability: f64,
}

/// What a decision was made from, and its outcome.
pub(crate) struct Moment<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) selection: &'a Selection,
    pub(crate) screen: &'a Screen,
    pub(crate) now: Timestamp,
    pub(crate) slot: Slot,
    pub(crate) picked: CampaignId,
    pub(crate) admitted: Vec<Admitted<'a>>,
    tallied: BTreeMap<CampaignId, SignedDuration>,
}

impl<'a> Moment<'a> {
    pub(crate) fn new(scenario: &'a Scenario, step: &Step<'a>, screen: &'a Screen) -> Self {
        let decision = step.decision;
        let selection = decision.selection().unwrap();
        let count = selection.shares.len() - selection.barred;
        let admitted = selection.shares.iter().take(count).map(|share| {
            let pair = step.eligible.iter().find(|(_, campaign)| campaign.id == share.campaign).unwrap();
            Admitted { participation: &pair.0, campaign: &pair.1, probability: share.probability }
        });
        let tallied = step.eligible.iter().map(|(_, one)| (one.id, decision.tally.of(one.id).total()));
        Self {
            scenario,
            selection,
            screen,
            now: decision.from,
            slot: Slot::containing(decision.from, scenario.streamer.interval_minutes),
            picked: selection.picked().campaign,
            admitted: admitted.collect(),
            tallied: tallied.collect(),
        }
    }

    /// Asserts that the probabilities are in proportion to these weights, mixed with the installation's exploration
    /// share.
    #[track_caller]
    pub(crate) fn assert_weights(&self, weights: &[f64]) {
        let (sum, exploration) = (weights.iter().sum::<f64>(), self.scenario.exploration.value());
        for (admitted, weight) in self.admitted.iter().zip(weights) {
            let expected = (1.0 - exploration) * weight / sum
                + exploration / f64::from(u32::try_from(weights.len()).unwrap());
            let probability = admitted.probability;
            assert!(
                (probability - expected).abs() < 1e-9,
                "{}, {}: {probability} and not {expected}",
                self.now,
                admitted.campaign.title
            );
        }
        assert!(!self.selection.weights_unusable);
    }

    /// Asserts that this candidate has all the weight.
    #[track_caller]
    pub(crate) fn assert_favourite(&self, favourite: &Admitted<'_>) {
        let is_favourite = |one: &Admitted<'_>| f64::from(u8::from(one.campaign.id == favourite.campaign.id));
        self.assert_weights(&self.admitted.iter().map(is_favourite).collect::<Vec<_>>());
    }

    /// The order of a fair rotation. The tallied time comes from the engine, because it contains credits. The rest is
    /// measured.
    pub(crate) fn turn(&self, one: &Admitted<'_>) -> (SignedDuration, Option<Timestamp>, CampaignId) {
        let id = one.campaign.id;
        (self.tallied[&id], self.screen.last.get(&id).copied(), id)
    }

    /// When the campaign was last on screen in this broadcast.
    pub(crate) fn last_shown(&self, one: &Admitted<'_>) -> Option<Timestamp> {
        self.screen.last.get(&one.campaign.id).copied()
    }

    /// The number that the scenario sets for a parameter.
    pub(crate) fn parameter(&self, strategy: &str, name: &str, default: f64) -> f64 {
        match self.scenario.streamer.parameters.get(strategy).and_then(|values| values.get(name)) {
            Some(ParameterValue::Number(value)) => *value,
            _ => default,
        }
    }
}
