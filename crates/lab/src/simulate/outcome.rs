//! The outcome of a simulation, in the form in which it is reported.

use gametriggers_domain::{decision::Basis, selection::SelectionStrategy};
use gametriggers_types::{Money, PaymentType};
use serde::Serialize;

use super::{
    cost::Cost,
    figures::{BILLION, Each, Mean, Sums, Whole},
    plan::{Plan, money_of, planned_share},
};
use crate::estimate::Estimate;

/// What strategies did in the worlds of one scenario. Every estimate is a mean over worlds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    pub description: String,
    /// What counted as an impression.
    pub basis: Basis,
    /// The seed of all chance.
    pub seed: u64,
    /// The number of broadcasts.
    pub broadcasts: u64,
    /// The number of worlds, each with one or several broadcasts in a row.
    pub worlds: u64,
    /// The length of a broadcast in hours.
    pub hours: f64,
    /// The campaigns.
    pub campaigns: Vec<CampaignFacts>,
    /// What each strategy did.
    pub strategies: Vec<StrategyOutcome>,
    /// What the oracle did.
    pub oracle: StrategyOutcome,
}

/// A campaign of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignFacts {
    /// The title.
    pub title: String,
    /// What the campaign pays for.
    pub payment_type: PaymentType,
    /// The rate.
    pub payment_rate: Money,
    /// The money before the first broadcast.
    pub money: Money,
}

/// What one strategy did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategyOutcome {
    /// The strategy's name.
    pub strategy: String,
    /// What the streamer earned in a broadcast.
    pub earned: Estimate,
    /// What the oracle earned minus what the strategy earned in the same broadcast. Negative if the strategy earned
    /// more.
    pub regret: Estimate,
    /// How often the campaign on screen changed in an hour.
    pub switches_per_hour: Estimate,
    /// The longest gap of a broadcast, in minutes: the longest time in which one campaign could have been on screen and
    /// another campaign was.
    pub longest_gap_minutes: Estimate,
    /// The mean distance of campaigns from their plan after a world's last broadcast, as a part of what was planned. `None`
    /// if no campaign has a plan.
    pub off_plan: Option<Estimate>,
    /// The part of all campaigns' money that is left after a world's last broadcast.
    pub money_left: Estimate,
    /// The part of the broadcast with nothing on screen.
    pub empty: Estimate,
    /// The share of decisions with unusable weights.
    pub unusable_weights: Estimate,
    /// The number of decisions in a broadcast.
    pub decisions: Estimate,
    /// The mean time of a decision in nanoseconds, on this machine. Only if it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nanos_per_decision: Option<u64>,
    /// What each campaign got.
    pub campaigns: Vec<CampaignOutcome>,
}

/// What one strategy gave a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignOutcome {
    /// The title.
    pub title: String,
    /// The part of the broadcast in which the campaign was on screen.
    pub time_share: Estimate,
    /// The campaign's longest gap in a broadcast, in minutes: the longest time in which it could have been on screen
    /// and another campaign was.
    pub longest_gap_minutes: Estimate,
    /// What the streamer earned from the campaign in a broadcast.
    pub earned: Estimate,
    /// The part of the campaign's money that is left after a world's last broadcast. `None` if it had none.
    pub money_left: Option<Estimate>,
    /// What was spent of the budget after a world's last broadcast, as a part of what was planned by then: 1 is on plan.
    /// `None` if the campaign has no plan.
    pub delivered: Option<Estimate>,
}

impl Outcome {
    /// The outcome of `worlds` worlds: the sums of each strategy and of the oracle.
    pub(super) fn new(
        name: &str,
        plan: &Plan,
        (seed, worlds): (u64, u64),
        strategies: &[&dyn SelectionStrategy],
        sums: &[(Sums, Option<Cost>)],
    ) -> Self {
        let names = strategies.iter().map(|strategy| strategy.name()).chain(["oracle"]);
        let mut outcomes: Vec<_> = names
            .zip(sums)
            .map(|(name, (sums, cost))| StrategyOutcome::new(name, plan, sums, *cost))
            .collect();
        let nobody = || StrategyOutcome::new("oracle", plan, &Sums::new(plan.pairs.len()), None);
        let oracle = outcomes.pop().unwrap_or_else(nobody);
        let facts = |(_, campaign): &(_, gametriggers_domain::model::Campaign)| CampaignFacts {
            title: campaign.title.clone(),
            payment_type: campaign.payment.kind(),
            payment_rate: campaign.payment.rate(),
            money: campaign.remaining_budget,
        };
        Self {
            scenario: name.to_owned(),
            description: plan.scenario.description.clone(),
            basis: plan.basis(),
            seed,
            broadcasts: worlds * u64::from(plan.scenario.broadcasts_per_world),
            worlds,
            hours: f64::from(plan.minutes()) / 60.0,
            campaigns: plan.pairs.iter().map(facts).collect(),
            strategies: outcomes,
            oracle,
        }
    }
}

impl StrategyOutcome {
    fn new(name: &str, plan: &Plan, sums: &Sums, cost: Option<Cost>) -> Self {
        let whole = |figure, unit| estimate(sums.whole(figure, unit));
        let broadcasts = f64::from(plan.scenario.broadcasts_per_world);
        let minutes = broadcasts * f64::from(plan.minutes());
        let money = unit_of(money_of(&plan.pairs));
        let has_plan = plan.pairs.iter().any(|(_, campaign)| planned_share(campaign, plan.ends()).is_some());
        Self {
            strategy: name.to_owned(),
            earned: whole(Whole::Earned, 1e6 * broadcasts),
            regret: whole(Whole::Regret, 1e6 * broadcasts),
            switches_per_hour: whole(Whole::Switches, minutes / 60.0),
            longest_gap_minutes: whole(Whole::LongestGap, broadcasts),
            off_plan: has_plan.then(|| whole(Whole::OffPlan, BILLION)),
            money_left: whole(Whole::MoneyLeft, money.unwrap_or(1.0)),
            empty: whole(Whole::Empty, minutes),
            unusable_weights: whole(Whole::Unusable, BILLION),
            decisions: whole(Whole::Decisions, broadcasts),
            nanos_per_decision: cost.map(Cost::mean_nanos),
            campaigns: (0..plan.pairs.len()).map(|place| CampaignOutcome::new(plan, sums, place)).collect(),
        }
    }
}

impl CampaignOutcome {
    fn new(plan: &Plan, sums: &Sums, place: usize) -> Self {
        let each = |figure, unit| estimate(sums.each(place, figure, unit));
        let campaign = &plan.pairs[place].1;
        let broadcasts = f64::from(plan.scenario.broadcasts_per_world);
        Self {
            title: campaign.title.clone(),
            time_share: each(Each::OnScreen, broadcasts * f64::from(plan.minutes())),
            longest_gap_minutes: each(Each::LongestGap, broadcasts),
            earned: each(Each::Earned, 1e6 * broadcasts),
            money_left: unit_of(campaign.remaining_budget).map(|money| each(Each::MoneyLeft, money)),
            delivered: planned_share(campaign, plan.ends()).map(|_| each(Each::Delivered, BILLION)),
        }
    }
}

fn estimate(Mean { mean, half_width }: Mean) -> Estimate {
    Estimate::around(mean, half_width)
}

/// The amount in millionths, as the divisor for shares of the amount. `None` if the amount is 0.
fn unit_of(amount: Money) -> Option<f64> {
    (amount > Money::ZERO).then(|| amount.as_units() * 1e6)
}
