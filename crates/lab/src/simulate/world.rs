//! The events of one world that do not depend on the strategy: when broadcasts start, how many viewers watch, and when
//! campaigns come and go.

use gametriggers_types::{SignedDuration, Timestamp};

use super::{
    chance::{Chance, Purpose},
    plan::Plan,
    scenario::Sponsor,
};

/// One world: one or several broadcasts in a row with the same budgets.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) broadcasts: Vec<Course>,
    /// The seeds of decisions.
    pub(super) seeds: Chance,
    /// Clicks and visits.
    pub(super) audience: Chance,
}

/// The events of one broadcast that do not depend on the strategy.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) begins: Timestamp,
    /// The number of viewers in each hour.
    viewers: Vec<u64>,
    /// The changes of participations, in the order of the minutes.
    pub(super) changes: Vec<Change>,
}

/// A participation becomes active, or pauses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) minute: u32,
    /// The place of the campaign in the scenario.
    pub(super) campaign: usize,
    pub(super) is_active: bool,
}

impl World {
    /// The world with this number.
    pub(super) fn new(plan: &Plan, seed: u64, number: u64) -> Self {
        let mut chance = Chance::new(seed, number, Purpose::Course);
        let broadcasts =
            (0..plan.scenario.broadcasts_per_world).map(|day| Course::new(plan, day, &mut chance));
        Self {
            broadcasts: broadcasts.collect(),
            seeds: Chance::new(seed, number, Purpose::Decisions),
            audience: Chance::new(seed, number, Purpose::Audience),
        }
    }
}

impl Course {
    fn new(plan: &Plan, day: u32, chance: &mut Chance) -> Self {
        let scenario = &plan.scenario;
        let late = SignedDuration::from_mins(i64::from(chance.up_to(scenario.late_minutes)));
        let begins = plan.starts + SignedDuration::from_hours(24 * i64::from(day)) + late;
        let level = chance.factor(scenario.viewers_spread);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative, and bounded
        let viewers = scenario.viewers.iter().map(|mean| (mean * level).round() as u64).collect();
        let mut changes = Vec::new();
        for (campaign, sponsor) in scenario.campaigns.iter().enumerate() {
            let shift = i64::from(chance.up_to(2 * sponsor.shift_minutes)) - i64::from(sponsor.shift_minutes);
            changes.extend(changes_of(campaign, sponsor, shift, scenario.minutes));
        }
        // Stable: the changes of one campaign in one minute keep their order.
        changes.sort_by_key(|change: &Change| change.minute);
        Self { begins, viewers, changes }
    }

    /// The number of viewers in this minute.
    pub(super) fn viewers(&self, minute: u32) -> u64 {
        let hour = usize::try_from(minute / 60).unwrap_or(usize::MAX);
        self.viewers.get(hour).or(self.viewers.last()).copied().unwrap_or(0)
    }
}

/// The changes of one participation in one broadcast. The first change, in minute 0, says whether the participation is
/// active at first.
fn changes_of(campaign: usize, sponsor: &Sponsor, shift: i64, minutes: u32) -> Vec<Change> {
    let change = |minute, is_active| Change { minute, campaign, is_active };
    let moved = |edge: u32| {
        let is_fixed = edge == 0 || edge == minutes;
        let moved = (i64::from(edge) + shift).clamp(1, i64::from(minutes));
        if is_fixed { edge } else { u32::try_from(moved).unwrap_or(edge) }
    };
    let Some([first, _]) = sponsor.active_minutes.first() else { return vec![change(0, true)] };
    let mut changes = if *first == 0 { Vec::new() } else { vec![change(0, false)] };
    for &[from, until] in &sponsor.active_minutes {
        changes.extend([change(moved(from), true), change(moved(until), false)]);
    }
    changes
}
