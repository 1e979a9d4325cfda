//! The result of a replay, as a value and as text for a terminal.

use std::{fmt, ops};

use gametriggers_persistence::Repositories;
use gametriggers_types::{Timestamp, UserId};
use serde::Serialize;

use super::{
    bootstrap::{Estimate, real},
    estimators::{Earnings, earnings},
    judged::JudgedDecision,
    log::{Counts, Log, Logged, ReplayError},
    overlap::{GREATEST_SHARE_MAX, Overlap, Refusal},
    question::Question,
    reader,
};

/// The number of resamples for an interval.
const RESAMPLES: usize = 2_000;
/// The exploration share that a refusal proposes if no decision was left to chance.
const PROPOSED: f64 = 0.05;

/// What another strategy would have earned in place of the decisions of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// The name of the other strategy.
    pub strategy: &'static str,
    /// The first moment of the period.
    pub from: Timestamp,
    /// The first moment after the period.
    pub to: Timestamp,
    /// The streamer, if the decisions of only one streamer were replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streamer: Option<UserId>,
    /// How many decisions there were.
    pub decisions: Counts,
    /// The strategies and exploration shares that made the replayed decisions.
    pub logged: Vec<Logged>,
    /// How long the replayed decisions were on screen together, in hours.
    pub hours: f64,
    /// What the replayed decisions really earned together, in units of money.
    pub earned: f64,
    /// How far the decisions cover the choices of the other strategy.
    pub overlap: Overlap,
    /// The estimate, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// An estimate, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// There is an estimate.
    Estimate(Box<Estimates>),
    /// The decisions say too little.
    Refused {
        /// Why there is no estimate.
        reason: String,
        /// What can be done.
        remedy: String,
    },
}

/// What the decisions earned, and what the other strategy would have earned.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimates {
    /// Earnings per decision.
    pub per_decision: Earnings,
    /// Earnings per hour on screen: those per decision, times the number of decisions per hour.
    pub per_hour: Earnings,
}

/// Replays the decisions of a store. Decisions that are on screen at `now` are left out. Writes nothing.
///
/// # Errors
/// [`ReplayError`] if the store cannot be read, or if there are too many decisions.
pub async fn run(store: &Repositories, question: &Question, now: Timestamp) -> Result<Replay, ReplayError> {
    let log = reader::read(store, question, now).await?;
    let sum = |of: fn(&JudgedDecision) -> f64| log.decisions.iter().map(of).fold(0.0, ops::Add::add);
    let hours = sum(|decision| decision.hours);
    let outcome = match earnings(&log.decisions, RESAMPLES) {
        Ok(per_decision) => {
            let per_hour = if hours > 0.0 { real(log.decisions.len()) / hours } else { 0.0 };
            Outcome::Estimate(Box::new(Estimates { per_decision, per_hour: per_decision.times(per_hour) }))
        }
        Err(refusal) => Outcome::Refused { reason: refusal.to_string(), remedy: remedy(&refusal, &log) },
    };
    Ok(Replay {
        strategy: question.target.strategy().name(),
        from: question.from,
        to: question.to,
        streamer: question.streamer,
        earned: sum(|decision| decision.reward),
        overlap: Overlap::of(&log.decisions),
        decisions: log.counts,
        logged: log.logged,
        hours,
        outcome,
    })
}

/// What an operator can do to get an estimate.
fn remedy(refusal: &Refusal, log: &Log) -> String {
    if *refusal == Refusal::NoDecisions {
        return "choose another time; decisions that were shortened (decisions.shorten_after_days) cannot be replayed"
            .to_owned();
    }
    let explored = log.logged.iter().filter(|logged| logged.exploration > 0.0);
    let least = explored.clone().map(|logged| logged.exploration).fold(1.0, f64::min);
    let count: usize = explored.map(|logged| logged.decisions).sum();
    let (action, share) = match (count, refusal) {
        (0, _) => (format!("set decisions.exploration = {PROPOSED}, and replay the decisions that are made from then on"), PROPOSED),
        (count, Refusal::NoOverlap { .. }) if count < log.decisions.len() => (
            format!("replay only the {count} decisions that were made since decisions.exploration is set (--from)"),
            least,
        ),
        (_, Refusal::NoOverlap { .. }) => (
            "replay only decisions that were made since streamers last changed the distance between campaigns (--from)".to_owned(),
            least,
        ),
        _ => (format!("wait until there are more decisions, or set decisions.exploration higher than {least}"), least),
    };
    // In the worst case, only decisions that were left to chance show the other strategy's choice: one in
    // `candidates / share` decisions. All these decisions have the same weight.
    let candidates = log.candidates_mean;
    let needed = candidates / share / GREATEST_SHARE_MAX;
    let wait = log.per_day().map_or_else(String::new, |per_day| {
        format!(
            ", which is {:.0} days at the pace of this time ({per_day:.0} decisions a day)",
            (needed / per_day).ceil()
        )
    });
    format!(
        "{action}. With {candidates:.1} campaigns to choose from and a share of {share}, {needed:.0} decisions suffice for any \
         strategy{wait}"
    )
}

impl Replay {
    /// Which decisions were left out, in words. Empty if none were.
    pub(crate) fn left_out(&self) -> String {
        let Counts { empty, shortened, gone, unfinished, .. } = self.decisions;
        let left_out = [
            (empty, "empty"),
            (shortened, "shortened"),
            (gone, "of documents that are gone or cannot be read"),
            (unfinished, "still on screen"),
        ];
        let left_out = left_out.iter().filter(|(count, _)| *count > 0);
        left_out.map(|(count, why)| format!("{count} {why}")).collect::<Vec<_>>().join(", ")
    }

    /// How far the decisions cover the choices of the other strategy: names and values in words.
    pub(crate) fn coverage(&self) -> [(&'static str, String); 7] {
        let Self { decisions, overlap, .. } = self;
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        let reproduced = real(decisions.reproduced) / real(decisions.replayed.max(1));
        [
            ("recorded probabilities that come out again", percent(reproduced)),
            ("same campaign, expected", percent(overlap.agreement)),
            ("same campaign as the likeliest", percent(overlap.same_likeliest)),
            ("effective sample size", format!("{:.1}", overlap.effective_sample_size)),
            ("greatest share of one decision", percent(overlap.greatest_share)),
            ("mean weight (1 if all is right)", format!("{:.3}", overlap.mean_weight)),
            ("strategy's choices that could not be drawn", percent(overlap.unsupported)),
        ]
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, from, to, decisions, .. } = self;
        let whose = self.streamer.map_or_else(String::new, |streamer| format!(" of streamer {streamer}"));
        writeln!(f, "{} decisions{whose} from {from} to {to}, replayed with {strategy}", decisions.replayed)?;
        let left_out = self.left_out();
        if !left_out.is_empty() {
            writeln!(f, "left out: {left_out}")?;
        }
        for Logged { strategy, exploration, decisions } in &self.logged {
            writeln!(f, "made by {strategy}, exploration share {exploration}: {decisions}")?;
        }
        writeln!(f, "they earned {:.4} in {:.1} hours on screen", self.earned, self.hours)?;
        for (name, value) in self.coverage() {
            writeln!(f, "  {name:<44}{value:>12}")?;
        }
        match &self.outcome {
            Outcome::Refused { reason, remedy } => {
                writeln!(f, "no estimate: {reason}")?;
                write!(f, "what helps: {remedy}")
            }
            Outcome::Estimate(found) => estimates(f, found),
        }
    }
}

fn estimates(f: &mut fmt::Formatter<'_>, found: &Estimates) -> fmt::Result {
    let Estimates { per_decision, per_hour } = found;
    let shown =
        |estimate: Estimate| format!("{:>10.4} [{:.4}, {:.4}]", estimate.value, estimate.low, estimate.high);
    writeln!(f, "{:<28}{:<34}per hour [95 %]", "earnings", "per decision [95 %]")?;
    for ((name, decision), (_, hour)) in per_decision.named().into_iter().zip(per_hour.named()) {
        writeln!(f, "  {name:<26}{:<34}{}", shown(decision), shown(hour))?;
    }
    write!(f, "{}", per_decision.resampled())
}
