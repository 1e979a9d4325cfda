//! Runs one strategy through one world, minute by minute, with the server's decisions and the ledger's verdicts.

use std::time::Instant;

use gametriggers_domain::{
    decision::{self, Basis, Circumstances, Decision},
    eligibility::{self, EmptyReason, hindrance},
    model::{Campaign, Participation},
    selection::SelectionStrategy,
};
use gametriggers_types::{ParticipationStatus, SignedDuration, Timestamp};

use super::{
    book::{Answers, Book},
    cost::Cost,
    figures::{BILLION, Each, Figures, Whole},
    oracle::Oracle,
    plan::{Plan, planned_share},
    world::{Course, World},
};

/// Who selects.
#[derive(Clone, Copy)]
pub(super) enum Policy {
    /// A strategy of the registry.
    Strategy(&'static dyn SelectionStrategy),
    /// The [`Oracle`].
    Oracle,
}

/// A decision of a simulation, and what it was made from.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The number of the broadcast in its world, from 0.
    pub broadcast: u32,
    /// The campaigns that could be picked, each with the streamer's participation in it.
    pub eligible: &'a [(Participation, Campaign)],
    /// The decision before; `None` for the first of the world.
    pub previous: Option<&'a Decision>,
    /// The decision.
    pub decision: &'a Decision,
}

/// The state of a world while a strategy runs in it.
pub(super) struct Run<'a, O> {
    plan: &'a Plan,
    world: World,
    policy: Policy,
    /// Called with each decision.
    observe: O,
    /// How long decisions took; `None` if that is not measured.
    pub(super) cost: Option<Cost>,
    /// All campaigns. Those that were eligible at the latest decision come first.
    pairs: Vec<(Participation, Campaign)>,
    /// Whether a campaign was eligible at the latest decision, in the order of the scenario.
    is_eligible: Vec<bool>,
    previous: Option<Decision>,
    /// The index in `pairs` of the campaign on screen.
    on_screen: Option<usize>,
    /// The place in the scenario of the campaign that was on screen last.
    last_shown: Option<usize>,
    /// For each campaign: its present gap and its longest gap of the broadcast, in minutes. In a gap, the campaign
    /// could be on screen and another campaign is.
    gaps: Vec<(i64, i64)>,
    book: Book,
    /// The number of decisions with unusable weights.
    unusable: i64,
    figures: Figures,
}

impl<'a, O: FnMut(Step<'_>)> Run<'a, O> {
    pub(super) fn new(plan: &'a Plan, world: World, policy: Policy, observe: O) -> Self {
        let count = plan.pairs.len();
        Self {
            plan,
            world,
            policy,
            observe,
            cost: None,
            pairs: plan.pairs.clone(),
            is_eligible: vec![true; count],
            previous: None,
            on_screen: None,
            last_shown: None,
            gaps: vec![(0, 0); count],
            book: Book::new(plan.basis()),
            unusable: 0,
            figures: Figures::new(count),
        }
    }

    /// Runs all broadcasts of the world.
    pub(super) fn finish(mut self) -> (Figures, Option<Cost>) {
        let broadcasts = std::mem::take(&mut self.world.broadcasts);
        let mut end = self.plan.starts;
        for (number, course) in (0..).zip(&broadcasts) {
            end = self.broadcast(number, course);
        }
        self.sum_up(end);
        (self.figures, self.cost)
    }

    /// Runs one broadcast and returns when it ended.
    fn broadcast(&mut self, number: u32, course: &Course) -> Timestamp {
        let mut changes = course.changes.iter().peekable();
        let mut now = course.begins;
        (self.on_screen, self.last_shown) = (None, None);
        for minute in 0..self.plan.minutes() {
            while let Some(change) = changes.next_if(|change| change.minute <= minute) {
                self.change(change.campaign, change.is_active);
            }
            let viewers = course.viewers(minute);
            let is_new = !self.is_in_force(now) && self.decide(number, now, viewers);
            if let Some(index) = self.on_screen {
                let minute_of_world = u64::from(number) * u64::from(self.plan.minutes()) + u64::from(minute);
                self.credit(index, now, minute_of_world, viewers, is_new);
            } else {
                *self.figures.whole(Whole::Empty) += 1;
            }
            self.count_minute();
            now += SignedDuration::from_mins(1);
        }
        let mut longest_of_all = 0;
        for (place, (gap, longest)) in self.gaps.iter_mut().enumerate() {
            *self.figures.each(place, Each::LongestGap) += *longest;
            longest_of_all = longest_of_all.max(*longest);
            (*gap, *longest) = (0, 0);
        }
        *self.figures.whole(Whole::LongestGap) += longest_of_all;
        now
    }

    /// Makes the participation active, or pauses it.
    fn change(&mut self, campaign: usize, is_active: bool) {
        let pair = self.pairs.iter_mut().find(|(_, one)| self.plan.place_of(one.id) == campaign);
        if let Some((participation, _)) = pair {
            participation.status = if is_active {
                ParticipationStatus::Active
            } else {
                ParticipationStatus::ParticipationPaused
            };
        }
    }

    /// Whether the latest decision still holds the screen.
    fn is_in_force(&self, now: Timestamp) -> bool {
        let version = self.plan.user.selection.version;
        let shown = self.on_screen.map(|index| &self.pairs[index]);
        self.previous.as_ref().is_some_and(|decision| decision.is_current(now, version))
            && shown
                .is_some_and(|(participation, campaign)| hindrance(campaign, participation, now).is_none())
    }

    /// Makes the next decision. Returns whether the decision shows a campaign.
    fn decide(&mut self, broadcast: u32, now: Timestamp, viewers: u64) -> bool {
        let plan = self.plan;
        let screen_hindrance = eligibility::screen_hindrance(&plan.user, now);
        let eligible = self.sort_eligible(now, screen_hindrance);
        let circumstances = Circumstances {
            user: &plan.user,
            previous: self.previous.as_ref(),
            eligible: &self.pairs[..eligible],
            viewers: (plan.basis() == Basis::Viewers).then_some(viewers),
            exploration: plan.exploration(),
            now,
        };
        let began = self.cost.is_some().then(Instant::now);
        let seeds = &mut self.world.seeds;
        let next = match self.policy {
            Policy::Strategy(strategy) => circumstances.decide_with(strategy, |id| seeds.seed(id.ordinal)),
            Policy::Oracle => {
                circumstances.decide_with(&Oracle { plan, viewers }, |id| seeds.seed(id.ordinal))
            }
        };
        if let (Some(cost), Some(began)) = (&mut self.cost, began) {
            cost.decisions += 1;
            cost.took += began.elapsed();
        }
        let Some(next) = next else {
            self.empty(screen_hindrance.unwrap_or(EmptyReason::NoCampaign), now);
            return false;
        };
        (self.observe)(Step {
            broadcast,
            eligible: circumstances.eligible,
            previous: circumstances.previous,
            decision: &next,
        });
        self.unusable += i64::from(next.selection().is_some_and(|selection| selection.weights_unusable));
        *self.figures.whole(Whole::Decisions) += 1;
        let shown = next.shown().map(|(campaign, _)| campaign);
        self.on_screen = shown.and_then(|shown| self.pairs.iter().position(|(_, one)| one.id == shown));
        let place = shown.map(|shown| plan.place_of(shown));
        if self.last_shown.is_some() && place != self.last_shown {
            *self.figures.whole(Whole::Switches) += 1;
        }
        (self.last_shown, self.previous) = (place, Some(next));
        true
    }

    /// Empties the screen. As on the server, an empty decision ends the decision in force.
    fn empty(&mut self, reason: EmptyReason, now: Timestamp) {
        let running = self.previous.as_ref().filter(|one| one.shown().is_some() && now < one.until);
        if let Some(running) = running {
            self.previous = Some(decision::empty_decision(&self.plan.user, running, reason, now));
        }
        self.on_screen = None;
    }

    /// Moves the eligible campaigns to the front and returns their number.
    fn sort_eligible(&mut self, now: Timestamp, screen_hindrance: Option<EmptyReason>) -> usize {
        let plan = self.plan;
        let (mut is_changed, mut count) = (false, 0);
        for (participation, campaign) in &self.pairs {
            let is_eligible = screen_hindrance.is_none() && hindrance(campaign, participation, now).is_none();
            let before = &mut self.is_eligible[plan.place_of(campaign.id)];
            is_changed |= *before != is_eligible;
            *before = is_eligible;
            count += usize::from(is_eligible);
        }
        if is_changed {
            let is_eligible = &self.is_eligible;
            self.pairs.sort_by_key(|(_, campaign)| {
                let place = plan.place_of(campaign.id);
                (!is_eligible[place], place)
            });
        }
        count
    }

    /// Records what the audience does in one minute of the campaign on screen.
    fn credit(&mut self, index: usize, now: Timestamp, minute_of_world: u64, viewers: u64, is_new: bool) {
        let pair = &mut self.pairs[index];
        let place = self.plan.place_of(pair.1.id);
        let impressions = match self.plan.basis() {
            Basis::Display => u64::from(is_new),
            Basis::Viewers => viewers,
        };
        let sponsor = &self.plan.scenario.campaigns[place];
        #[allow(clippy::cast_precision_loss)] // at most some millions
        let means =
            [sponsor.clicks_per_1000, sponsor.visits_per_1000].map(|rate| rate * viewers as f64 / 1_000.0);
        let [clicks, visits] = match u64::try_from(place) {
            Ok(place) if viewers > 0 => self.world.audience.answers(place, minute_of_world, means),
            _ => [0; 2],
        };
        let earned = self.book.record(pair, now, Answers { impressions, clicks, visits });
        *self.figures.each(place, Each::Earned) += earned.micros();
    }

    fn count_minute(&mut self) {
        let shown = self.on_screen.map(|index| self.plan.place_of(self.pairs[index].1.id));
        if let Some(place) = shown {
            *self.figures.each(place, Each::OnScreen) += 1;
        }
        for (place, (gap, longest)) in self.gaps.iter_mut().enumerate() {
            let waits = shown.is_some_and(|shown| shown != place) && self.is_eligible[place];
            *gap = if waits { *gap + 1 } else { 0 };
            *longest = (*longest).max(*gap);
        }
    }

    /// Sums the world up after its last broadcast.
    #[allow(clippy::cast_possible_truncation)] // shares of a billion
    fn sum_up(&mut self, end: Timestamp) {
        let mut deviations = Vec::new();
        for (_, campaign) in &self.pairs {
            let place = self.plan.place_of(campaign.id);
            *self.figures.each(place, Each::MoneyLeft) = campaign.remaining_budget.micros();
            if let Some(planned) = planned_share(campaign, end) {
                let spent = (campaign.budget - campaign.remaining_budget).as_units();
                let delivered = spent / (planned * campaign.budget.as_units());
                *self.figures.each(place, Each::Delivered) = (delivered * BILLION).round() as i64;
                deviations.push((delivered - 1.0).abs());
            }
        }
        for place in 0..self.pairs.len() {
            let (earned, left) =
                (*self.figures.each(place, Each::Earned), *self.figures.each(place, Each::MoneyLeft));
            *self.figures.whole(Whole::Earned) += earned;
            *self.figures.whole(Whole::MoneyLeft) += left;
        }
        #[allow(clippy::cast_precision_loss)] // few campaigns
        if !deviations.is_empty() {
            let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
            *self.figures.whole(Whole::OffPlan) = (mean * BILLION).round() as i64;
        }
        let decisions = *self.figures.whole(Whole::Decisions);
        let billion = BILLION as i64;
        *self.figures.whole(Whole::Unusable) = self.unusable * billion / decisions.max(1);
    }
}
