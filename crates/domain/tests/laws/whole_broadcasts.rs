//! Whole broadcasts, made decision by decision as the service makes them. What a decision passes to the next is stored
//! and read in between.

use gametriggers_domain::{
    decision::{self, Circumstances, Decision},
    eligibility::EmptyReason,
    model::{Campaign, Participation, User},
    selection::{self, ExplorationShare, SelectionStrategy},
};
use gametriggers_fixtures::{decision_id, empty_decision, interval, minutes, seed, time, user};
use gametriggers_types::{ParameterValue, RotationInterval, SignedDuration, StrategyName, Timestamp};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::support::{any_interval, campaign, number_of, participation};

/// The middle of a slot, whatever its length.
pub(crate) const MID_SLOT: &str = "2026-11-20T18:00:40Z";

/// One decision, and how long it was in force.
pub(crate) struct Turn {
    pub(crate) decision: Decision,
    /// The numbers of the decision's candidates.
    pub(crate) candidates: Vec<u64>,
    /// The length of the decision's slot.
    pub(crate) interval: RotationInterval,
    /// How long the decision was in force.
    pub(crate) lasted: SignedDuration,
}

impl Turn {
    /// The number of the campaign on screen.
    pub(crate) fn shown(&self) -> Option<u64> {
        self.decision.shown().map(|(campaign, _)| number_of(campaign))
    }

    /// The tallied time of campaign `number` before this decision.
    pub(crate) fn total_of(&self, number: u64) -> SignedDuration {
        self.decision.tally.of(campaign(number)).total()
    }
}

/// When the decision after this one is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// When this decision ends as planned.
    AtEnd,
    /// Earlier: after this percentage of this decision's planned time.
    Early(i64),
    /// This many milliseconds after the planned end, because nobody asked before.
    Late(i64),
}

/// Consecutive decisions with the same candidates. Without candidates, the screen is empty.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) candidates: Vec<u64>,
    pub(crate) turns: Vec<(RotationInterval, Next)>,
}

/// A streamer and the categories of the campaigns that they have joined.
#[derive(Debug)]
pub(crate) struct Streamer {
    pub(crate) user: User,
    /// The categories by the number of the campaign. A campaign beyond the end of the list has no categories.
    pub(crate) categories: Vec<Vec<String>>,
}

impl Streamer {
    /// A streamer with default settings, except for the strategy.
    pub(crate) fn with_strategy(name: &str) -> Self {
        let mut user = user(1);
        user.selection.strategy = StrategyName::new(name);
        Self { user, categories: Vec::new() }
    }

    /// Sets a parameter of the streamer's strategy to a number.
    pub(crate) fn with_number(mut self, parameter: &str, value: f64) -> Self {
        let strategy = self.user.selection.strategy.clone();
        self.user.selection.parameters.set(strategy.as_str(), parameter, ParameterValue::Number(value));
        self
    }

    /// Campaign `number` and the streamer's participation in it.
    fn joined(&self, number: u64) -> (Participation, Campaign) {
        let participation =
            Participation { id: participation(number), ..gametriggers_fixtures::participation(0, 0, 1) };
        let place = usize::try_from(number).unwrap();
        let categories = self.categories.get(place).cloned().unwrap_or_default();
        let campaign = Campaign { id: campaign(number), categories, ..gametriggers_fixtures::campaign(0) };
        (participation, campaign)
    }

    /// Makes the next decision by the streamer's strategy.
    pub(crate) fn decide(
        &self,
        previous: Option<&Decision>,
        now: Timestamp,
        interval: RotationInterval,
        candidates: &[u64],
    ) -> Decision {
        let strategy = selection::find_or_default(&self.user.selection.strategy);
        self.decide_with(strategy, previous, now, interval, candidates)
    }

    /// Makes the next decision by this strategy.
    pub(crate) fn decide_with(
        &self,
        strategy: &dyn SelectionStrategy,
        previous: Option<&Decision>,
        now: Timestamp,
        interval: RotationInterval,
        candidates: &[u64],
    ) -> Decision {
        let mut user = self.user.clone();
        user.selection.interval = interval;
        let eligible: Vec<_> = candidates.iter().map(|&number| self.joined(number)).collect();
        let (viewers, exploration) = (None, ExplorationShare::default());
        let circumstances =
            Circumstances { user: &user, previous, eligible: &eligible, viewers, exploration, now };
        let decision = circumstances.decide_with(strategy, |id| seed(id.ordinal)).unwrap_or_else(|| {
            let first = Decision { id: decision_id(1, 0), from: now, ..empty_decision(1, 1) };
            decision::empty_decision(&user, previous.unwrap_or(&first), EmptyReason::NoCampaign, now)
        });
        Decision { tally: stored(&decision.tally), broadcast: stored(&decision.broadcast), ..decision }
    }

    /// Makes the decisions of a whole broadcast.
    pub(crate) fn broadcast(&self, begins: &str, phases: &[Phase]) -> Vec<Turn> {
        let mut now = time(begins);
        let mut turns: Vec<Turn> = Vec::new();
        for phase in phases {
            for &(interval, next) in &phase.turns {
                let previous = turns.last().map(|turn| &turn.decision);
                let decision = self.decide(previous, now, interval, &phase.candidates);
                let (from, until) = (now, decision.until);
                now = match next {
                    Next::AtEnd => until,
                    Next::Early(percent) => {
                        let millis =
                            i64::try_from(until.duration_since(from).as_millis()).unwrap() * percent / 100;
                        from + SignedDuration::from_millis(millis.max(1))
                    }
                    Next::Late(millis) => until + SignedDuration::from_millis(millis),
                };
                let lasted = now.min(until).duration_since(from);
                turns.push(Turn { decision, candidates: phase.candidates.clone(), interval, lasted });
            }
        }
        turns
    }

    /// The picks of a broadcast in which each slot of three minutes runs to its end; `-` is an empty screen.
    pub(crate) fn picks(&self, phases: &[(&[u64], usize)]) -> String {
        let phases: Vec<_> = phases
            .iter()
            .map(|&(candidates, turns)| Phase {
                candidates: candidates.to_vec(),
                turns: vec![(interval(3), Next::AtEnd); turns],
            })
            .collect();
        let name = |turn: &Turn| turn.shown().map_or("-".to_owned(), |number| number.to_string());
        self.broadcast("2026-11-20T18:00:00Z", &phases).iter().map(name).collect()
    }
}

/// The value as it is read after it was stored.
pub(crate) fn stored<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// A broadcast, and the length of its longest slot. The campaigns `always` are candidates whenever there are
/// candidates. Four other campaigns come and go. At times there is no candidate, or nobody asks for up to just under
/// six hours.
pub(crate) fn any_broadcast(always: &'static [u64]) -> impl Strategy<Value = (SignedDuration, Vec<Phase>)> {
    const JUST_UNDER_SIX_HOURS_MS: i64 = 6 * 3_600_000 - 1;
    let next = || {
        prop_oneof![
            6 => Just(Next::AtEnd),
            3 => (0..100_i64).prop_map(Next::Early),
            1 => (0..=JUST_UNDER_SIX_HOURS_MS).prop_map(Next::Late),
        ]
    };
    let candidates = move || {
        let some = prop::sample::subsequence(vec![2, 3, 4, 5], 0..=4)
            .prop_map(move |others| always.iter().copied().chain(others).collect());
        prop_oneof![1 => Just(Vec::new()), 6 => some]
    };
    (1..=60_i64).prop_flat_map(move |longest| {
        let turns = prop::collection::vec((any_interval(longest), next()), 1..12);
        let phase = (candidates(), turns).prop_map(|(candidates, turns)| Phase { candidates, turns });
        (Just(minutes(longest)), prop::collection::vec(phase, 1..12))
    })
}
