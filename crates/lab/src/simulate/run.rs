//! One strategy in one world: minute by minute, with the server's decisions and the ledger's verdicts.

use std::time::{Duration, Instant};

use gametriggers_domain::{
    decision::{self, Basis, Circumstances, Decision},
    eligibility::{self, EmptyReason, hindrance},
    ledger::{Counters, Entry, EntryId, EntryKind},
    model::{Campaign, Participation},
    selection::SelectionStrategy,
};
use gametriggers_types::{ClickKind, ParticipationStatus, SignedDuration, Timestamp, VisitSource};

use super::{
    figures::{BILLION, Each, Figures, Whole},
    oracle::Oracle,
    plan::Plan,
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

/// A decision that a strategy made in a simulation, and what it knew.
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

/// How long decisions took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) decisions: u64,
    pub(super) took: Duration,
}

impl Cost {
    pub(super) fn plus(self, other: Self) -> Self {
        Self { decisions: self.decisions + other.decisions, took: self.took + other.took }
    }

    pub(super) fn mean_nanos(self) -> u64 {
        u64::try_from(self.took.as_nanos() / u128::from(self.decisions.max(1))).unwrap_or(u64::MAX)
    }
}

/// The state of a world while a strategy runs in it.
pub(super) struct Run<'a, O> {
    plan: &'a Plan,
    world: World,
    policy: Policy,
    /// Told of each decision.
    observe: O,
    /// How long decisions took; `None` if that is not measured.
    pub(super) cost: Option<Cost>,
    /// The campaigns, those that were eligible at the latest decision first.
    pairs: Vec<(Participation, Campaign)>,
    /// Whether a campaign was eligible at the latest decision, in the order of the scenario.
    is_eligible: Vec<bool>,
    previous: Option<Decision>,
    /// The index in `pairs` of the campaign on screen.
    on_screen: Option<usize>,
    /// The campaign that was on screen last, as a place in the scenario.
    last_shown: Option<usize>,
    /// For how many minutes each campaign could have been on screen and was not, and the longest such time of the broadcast.
    gaps: Vec<(i64, i64)>,
    entries: Entries,
    /// The number of decisions with unusable weights.
    unusable: i64,
    figures: Figures,
}

/// The entries of the ledger, which are filled in again and again.
struct Entries {
    impression: Entry,
    click: Entry,
    visit: Entry,
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
            entries: Entries::new(plan),
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

    /// The participation becomes active, or stops to be.
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

    /// Makes the next decision. Returns whether there is one that shows a campaign.
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

    /// Nothing is on screen. As on the server, a decision ends the running one.
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
        let earned = self.figures.each(place, Each::Earned);
        record(&mut self.entries.impression, pair, now, impressions, earned);
        record(&mut self.entries.click, pair, now, clicks, earned);
        for _ in 0..visits {
            record(&mut self.entries.visit, pair, now, 1, earned);
        }
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

/// Which part of a campaign's budget should be spent by `end`; `None` if the campaign has no end date or no budget, or has not
/// begun.
pub(super) fn planned_share(campaign: &Campaign, end: Timestamp) -> Option<f64> {
    let (begins, ends) = (campaign.start_date.unwrap_or(campaign.created_at), campaign.end_date?);
    let seconds = |until: Timestamp| until.duration_since(begins).as_secs_f64();
    let planned = (seconds(end) / seconds(ends)).clamp(0.0, 1.0);
    (planned > 0.0 && campaign.budget.micros() > 0).then_some(planned)
}

/// Gives an entry of `units` to the ledger: judges it, and changes the counters and the budget.
fn record(
    entry: &mut Entry,
    (participation, campaign): &mut (Participation, Campaign),
    now: Timestamp,
    units: u64,
    earned: &mut i64,
) {
    if units == 0 {
        return;
    }
    (entry.participation, entry.campaign, entry.at, entry.units) =
        (participation.id, campaign.id, now, units);
    let counters = &mut participation.counters;
    let verdict = entry.judge(&campaign.payment, counters.paid_units, campaign.remaining_budget, 0);
    let change = Counters::of(entry.kind, &verdict);
    counters.add(&change);
    campaign.remaining_budget -= change.earnings;
    *earned += change.earnings.micros();
}

impl Entries {
    fn new(plan: &Plan) -> Self {
        let ids = plan.pairs.first().map(|(participation, campaign)| (participation.id, campaign.id));
        let (participation, campaign) = ids.unwrap_or_else(|| {
            let none = gametriggers_types::ObjectId::from_bytes([0; 12]);
            (none.into(), none.into())
        });
        let entry = |kind: EntryKind| Entry {
            basis: kind.basis(),
            ..Entry::new(EntryId::stored(String::new()), kind, participation, campaign, plan.starts)
        };
        Self {
            impression: entry(match plan.basis() {
                Basis::Display => EntryKind::Display,
                Basis::Viewers => EntryKind::Viewers,
            }),
            click: entry(EntryKind::Click(ClickKind::Overlay)),
            visit: entry(EntryKind::Visit(VisitSource::Link)),
        }
    }
}
