//! The HTML page of a replay.

use askama::Template;

use super::{
    bars::{self, Chart, Row},
    numbers::{count, number},
};
use crate::{
    estimate::Estimate,
    replay::{Outcome, Replay, estimators::Earnings},
};

#[derive(Template)]
#[template(path = "replay.html")]
struct Page<'a> {
    replay: &'a Replay,
    decisions: String,
    earned: String,
    hours: String,
    left_out: String,
    /// Why there is no estimate, and what helps.
    refusal: Option<(&'a str, &'a str)>,
    charts: Vec<Chart<'static>>,
    coverage: [(&'static str, String); 7],
}

/// The replay as one HTML page, which needs no other file and no network.
///
/// # Errors
/// If the page cannot be written.
pub fn replay_page(replay: &Replay) -> Result<String, askama::Error> {
    let (refusal, charts) = match &replay.outcome {
        Outcome::Refused { reason, remedy } => (Some((reason.as_str(), remedy.as_str())), Vec::new()),
        Outcome::Estimate(found) => {
            let charts = [
                ("Earnings per decision", found.per_decision),
                ("Earnings per hour on screen", found.per_hour),
            ];
            (None, charts.map(|(title, earnings)| chart(title, &earnings)).into())
        }
    };
    Page {
        replay,
        decisions: count(u64::try_from(replay.decisions.replayed).unwrap_or(u64::MAX)),
        earned: number(replay.earned),
        hours: number(replay.hours),
        left_out: replay.left_out(),
        refusal,
        charts,
        coverage: replay.coverage(),
    }
    .render()
}

/// A bar for each estimate.
fn chart(title: &'static str, earnings: &Earnings) -> Chart<'static> {
    let all = earnings
        .named()
        .map(|(name, found)| (name, Estimate { mean: found.value, low: found.low, high: found.high }));
    let least = all.iter().map(|(_, one)| one.low).fold(0.0, f64::min);
    let most = all.iter().map(|(_, one)| one.high).fold(0.0, f64::max) * 1.01;
    let row = |(label, one): (&'static str, Estimate)| {
        let value = format!("{} [{}, {}]", number(one.mean), number(one.low), number(one.high));
        Row { label, bar: bars::with_interval(&one, least, most, &value), value }
    };
    let note = format!("The line is the interval of 95 %: {}.", earnings.resampled());
    Chart { title, note, rows: all.into_iter().map(row).collect() }
}
