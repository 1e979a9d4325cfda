//! The table for the terminal.

use std::fmt::Write;

use super::numbers::{count, estimate, number, percent, percent_estimate};
use crate::simulate::{CampaignOutcome, Outcome, StrategyOutcome};

/// The outcomes as tables of text: one of strategies and one of campaigns for each scenario.
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
    writeln!(
        text,
        "\nshare of the broadcast on screen / longest gap in minutes{}",
        legend_of_delivery(&all)
    )?;
    write_columns(text, &campaign_rows(&all))
}

fn strategy_rows(all: &[&StrategyOutcome]) -> Vec<Vec<String>> {
    let has_plan = all.iter().any(|one| one.off_plan.is_some());
    let is_measured = all.iter().any(|one| one.nanos_per_decision.is_some());
    let mut head = vec![
        "strategy",
        "earned",
        "regret",
        "switches/h",
        "longest gap",
        "money left",
        "empty",
        "unusable weights",
    ];
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

fn legend_of_delivery(all: &[&StrategyOutcome]) -> &'static str {
    let has_plan = all.iter().any(|one| one.off_plan.is_some());
    if has_plan { " / delivered of plan" } else { "" }
}

/// One row for each campaign, one column for each strategy.
fn campaign_rows(all: &[&StrategyOutcome]) -> Vec<Vec<String>> {
    let mut rows =
        vec![["campaign".to_owned()].into_iter().chain(all.iter().map(|one| one.strategy.clone())).collect()];
    let count = all.first().map_or(0, |one| one.campaigns.len());
    let has_plan = all.iter().any(|one| one.off_plan.is_some());
    rows.extend((0..count).map(|place| {
        let title = all.first().map(|one| one.campaigns[place].title.clone());
        title.into_iter().chain(all.iter().map(|one| cell(&one.campaigns[place], has_plan))).collect()
    }));
    rows
}

fn cell(campaign: &CampaignOutcome, has_plan: bool) -> String {
    let mut cell =
        format!("{} / {}", percent(campaign.time_share.mean), number(campaign.longest_gap_minutes.mean));
    if has_plan {
        let delivered = campaign.delivered.as_ref();
        cell += &delivered.map_or(" / -".to_owned(), |delivered| format!(" / {}", percent(delivered.mean)));
    }
    cell
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
