//! The table for the terminal.

use std::fmt::Write;

use super::numbers::{count, estimate, number, percent, percent_estimate};
use crate::simulate::{CampaignOutcome, Outcome, StrategyOutcome};

/// The outcomes as tables of text. For each scenario there is one table of the strategies, and one table for each
/// figure of the campaigns.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a text cannot fail.
        let _ = write_outcome(&mut text, outcome);
    }
    text
}

fn write_outcome(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let Outcome { scenario, description, broadcasts, worlds, hours, seed, .. } = outcome;
    writeln!(text, "{scenario}: {description}")?;
    let broadcasts = count(*broadcasts);
    let of_worlds =
        if worlds == &outcome.broadcasts { String::new() } else { format!(" in {} worlds", count(*worlds)) };
    writeln!(
        text,
        "{broadcasts} broadcasts of {hours} hours{of_worlds}, seed {seed}; ± is the interval of 95 %\n"
    )?;
    let all: Vec<_> = outcome.strategies.iter().chain([&outcome.oracle]).collect();
    write_columns(text, &strategy_rows(&all))?;
    for (heading, figure) in CAMPAIGN_FIGURES {
        if all.iter().flat_map(|one| &one.campaigns).any(|campaign| figure(campaign).is_some()) {
            writeln!(text, "\n{heading}")?;
            write_columns(text, &campaign_rows(&all, *figure))?;
        }
    }
    Ok(())
}

/// A figure of a campaign as text; `None` if the campaign does not have it.
type CampaignFigure = fn(&CampaignOutcome) -> Option<String>;

/// The figures of campaigns, with their headings.
const CAMPAIGN_FIGURES: &[(&str, CampaignFigure)] = &[
    ("share of the broadcast on screen", |one| Some(percent(one.time_share.mean))),
    ("longest gap, minutes", |one| Some(number(one.longest_gap_minutes.mean))),
    ("delivered of plan", |one| one.delivered.map(|delivered| percent(delivered.mean))),
];

fn strategy_rows(all: &[&StrategyOutcome]) -> Vec<Vec<String>> {
    let has_plan = all.iter().any(|one| one.off_plan.is_some());
    let is_measured = all.iter().any(|one| one.nanos_per_decision.is_some());
    let mut head =
        vec!["strategy", "earned", "regret", "switches/h", "longest gap", "money left", "empty", "unusable"];
    head.extend(has_plan.then_some("off plan"));
    head.extend(is_measured.then_some("decision"));
    let mut rows = vec![head.into_iter().map(str::to_owned).collect()];
    rows.extend(all.iter().map(|one| {
        let mut row = vec![
            one.strategy.clone(),
            estimate(&one.earned),
            estimate(&one.regret),
            estimate(&one.switches_per_hour),
            format!("{} min", estimate(&one.longest_gap_minutes)),
            percent_estimate(&one.money_left),
            percent(one.empty.mean),
            percent(one.unusable_weights.mean),
        ];
        row.extend(has_plan.then(|| one.off_plan.as_ref().map(percent_estimate).unwrap_or_default()));
        row.extend(
            is_measured.then(|| {
                one.nanos_per_decision.map(|nanos| format!("{} ns", count(nanos))).unwrap_or_default()
            }),
        );
        row
    }));
    rows
}

/// One row for each campaign, one column for each strategy.
fn campaign_rows(all: &[&StrategyOutcome], figure: CampaignFigure) -> Vec<Vec<String>> {
    let names = all.iter().map(|one| one.strategy.clone());
    let mut rows = vec![["campaign".to_owned()].into_iter().chain(names).collect()];
    let campaigns = all.first().map_or(&[][..], |one| &one.campaigns);
    rows.extend(campaigns.iter().enumerate().map(|(place, campaign)| {
        let cells = all.iter().map(|one| figure(&one.campaigns[place]).unwrap_or_else(|| "-".to_owned()));
        [campaign.title.clone()].into_iter().chain(cells).collect()
    }));
    rows
}

/// Writes rows in columns that are as wide as their widest cell: the first to the left, the others to the right.
fn write_columns(text: &mut String, rows: &[Vec<String>]) -> std::fmt::Result {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
