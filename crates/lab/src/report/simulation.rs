//! The HTML page of a simulation.

use askama::Template;

use super::{
    bars::{self, Chart, Part, Row},
    numbers::{count, estimate, number, percent, percent_estimate},
};
use crate::{
    estimate::Estimate,
    simulate::{CampaignFacts, CampaignOutcome, Outcome, StrategyOutcome},
};

/// The number of colours of the page. If there are more campaigns, some share a colour.
const COLOURS: usize = 12;

#[derive(Template)]
#[template(path = "simulation.html")]
struct Page<'a> {
    sections: Vec<Section<'a>>,
}

/// One scenario.
struct Section<'a> {
    outcome: &'a Outcome,
    facts: String,
    /// The title of each campaign, with its colour.
    legend: Vec<(usize, &'a str)>,
    charts: Vec<Chart<'a>>,
    head: Vec<&'static str>,
    rows: Vec<(&'a str, Vec<String>)>,
    /// For each campaign: its title, how it pays, and what it got by each strategy.
    campaigns: Vec<(&'a str, String, Vec<String>)>,
    has_plan: bool,
}

/// The outcomes as one HTML page, which needs no other file and no network.
///
/// # Errors
/// If the page cannot be written.
pub fn page(outcomes: &[Outcome]) -> Result<String, askama::Error> {
    Page { sections: outcomes.iter().map(Section::new).collect() }.render()
}

impl<'a> Section<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        let all: Vec<_> = outcome.strategies.iter().chain([&outcome.oracle]).collect();
        let has_plan = outcome.oracle.off_plan.is_some();
        let mut charts = vec![time_shares(&all)];
        charts.push(with_intervals(
            &all,
            "Earnings of the streamer in a broadcast",
            "The line is the interval of 95 %.",
            |one| one.earned,
            estimate,
        ));
        charts.push(with_intervals(
            &all,
            "Regret",
            "What the oracle earned more in the same broadcasts. The audience is the same, so the interval is narrower.",
            |one| one.regret,
            estimate,
        ));
        charts.push(with_intervals(
            &all,
            "Longest gap",
            "The longest time in a broadcast in which a campaign could have been on screen and was not: the mean over broadcasts.",
            |one| one.longest_gap_minutes,
            |gap| format!("{} min", estimate(gap)),
        ));
        if has_plan {
            let off_plan = |one: &StrategyOutcome| one.off_plan.unwrap_or(Estimate::around(0.0, 0.0));
            charts.push(with_intervals(
                &all,
                "Distance from plan",
                "How far campaigns with dates are from their plan after the last broadcast, on average.",
                off_plan,
                percent_estimate,
            ));
        }
        let worlds = if outcome.worlds == outcome.broadcasts {
            String::new()
        } else {
            format!(" in {} worlds", count(outcome.worlds))
        };
        let is_measured = outcome.oracle.nanos_per_decision.is_some();
        Self {
            outcome,
            facts: format!(
                "{} broadcasts of {} hours{worlds}, {} campaigns, seed {}",
                count(outcome.broadcasts),
                outcome.hours,
                outcome.campaigns.len(),
                outcome.seed
            ),
            legend: outcome
                .campaigns
                .iter()
                .enumerate()
                .map(|(place, campaign)| (place % COLOURS, campaign.title.as_str()))
                .collect(),
            charts,
            head: head(has_plan, is_measured),
            rows: all.iter().map(|one| (one.strategy.as_str(), cells(one, has_plan, is_measured))).collect(),
            campaigns: campaigns(outcome, &all),
            has_plan,
        }
    }
}

fn time_shares<'a>(all: &[&'a StrategyOutcome]) -> Chart<'a> {
    let row = |one: &&'a StrategyOutcome| {
        let part = |(place, campaign): (usize, &CampaignOutcome)| Part {
            share: campaign.time_share.mean,
            colour: place % COLOURS,
            title: format!("{}: {}", campaign.title, percent_estimate(&campaign.time_share)),
        };
        let parts: Vec<_> = one.campaigns.iter().enumerate().map(part).collect();
        let value =
            if one.empty.mean > 0.0 { format!("{} empty", percent(one.empty.mean)) } else { String::new() };
        Row { label: &one.strategy, bar: bars::stacked(&parts), value }
    };
    Chart {
        title: "Share of the screen",
        note: "Each part is the share of the broadcast in which a campaign was on screen.".to_owned(),
        rows: all.iter().map(row).collect(),
    }
}

fn with_intervals<'a>(
    all: &[&'a StrategyOutcome],
    title: &'static str,
    note: &str,
    figure: impl Fn(&StrategyOutcome) -> Estimate,
    value: impl Fn(&Estimate) -> String,
) -> Chart<'a> {
    let least = all.iter().map(|one| figure(one).low).fold(0.0, f64::min);
    let most = all.iter().map(|one| figure(one).high).fold(0.0, f64::max) * 1.01;
    let row = |one: &&'a StrategyOutcome| {
        let value = value(&figure(one));
        Row { label: &one.strategy, bar: bars::with_interval(&figure(one), least, most, &value), value }
    };
    Chart { title, note: note.to_owned(), rows: all.iter().map(row).collect() }
}

fn head(has_plan: bool, is_measured: bool) -> Vec<&'static str> {
    let mut head = vec![
        "earned",
        "regret",
        "switches an hour",
        "longest gap, min",
        "money left",
        "empty",
        "unusable weights",
    ];
    head.extend(has_plan.then_some("off plan"));
    head.extend(is_measured.then_some("ns per decision"));
    head
}

fn cells(one: &StrategyOutcome, has_plan: bool, is_measured: bool) -> Vec<String> {
    let mut cells = vec![
        estimate(&one.earned),
        estimate(&one.regret),
        estimate(&one.switches_per_hour),
        estimate(&one.longest_gap_minutes),
        percent_estimate(&one.money_left),
        percent(one.empty.mean),
        percent(one.unusable_weights.mean),
    ];
    cells.extend(has_plan.then(|| one.off_plan.as_ref().map(percent_estimate).unwrap_or_default()));
    cells.extend(is_measured.then(|| one.nanos_per_decision.map(count).unwrap_or_default()));
    cells
}

fn campaigns<'a>(outcome: &'a Outcome, all: &[&StrategyOutcome]) -> Vec<(&'a str, String, Vec<String>)> {
    let cell = |one: &StrategyOutcome, place: usize| {
        let campaign = &one.campaigns[place];
        let mut parts = vec![
            percent(campaign.time_share.mean),
            format!("{:.0} min", campaign.longest_gap_minutes.mean),
            number(campaign.earned.mean),
        ];
        parts.extend(campaign.delivered.map(|delivered| format!("{} of plan", percent(delivered.mean))));
        parts.join(" · ")
    };
    let row = |(place, facts): (usize, &'a CampaignFacts)| {
        let pays = format!("{} {}", facts.payment_type, number(facts.payment_rate.as_units()));
        (facts.title.as_str(), pays, all.iter().map(|one| cell(one, place)).collect())
    };
    outcome.campaigns.iter().enumerate().map(row).collect()
}
