//! What the clients have sent, and what they were told of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gametriggers_domain::ledger::EntryId;
use gametriggers_types::{DecisionId, ParticipationId, RejectionReason};
use serde::Deserialize;
use serde_json::Value;

/// What an event is told to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    Counted,
    Duplicate,
    Rejected,
}

/// What one sending of an event was answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) outcome: Told,
    /// Why it does not count; of a duplicate, why the first one does not.
    pub(super) reason: Option<RejectionReason>,
    pub(super) participation_id: Option<ParticipationId>,
}

/// An event whose id in the ledger is known to whoever sends it.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// How to send it again.
    pub(super) path: String,
    pub(super) body: Value,
    /// Who was on screen by its receipt.
    pub(super) shown: ParticipationId,
    /// None for a display that has yet to be sent.
    pub(super) times_sent: usize,
    /// In the order in which they came.
    pub(super) answers: Vec<Answer>,
}

/// The visits by the link of one participation, each of somebody else. Their ids are the server's secret.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Visits {
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    /// Clicks and displays.
    pub(super) events: BTreeMap<EntryId, Event>,
    pub(super) visits: BTreeMap<ParticipationId, Visits>,
    /// What screens were told to show.
    pub(super) shown: BTreeSet<(DecisionId, ParticipationId)>,
    pub(super) pings: usize,
    /// How often somebody was told to come again.
    pub(super) refused: usize,
}

/// How much of everything there was.
pub(super) struct Totals {
    acknowledged: usize,
    unanswered: usize,
    sent_again: usize,
    rejected: usize,
    decisions: usize,
    visits: u64,
    pings: usize,
    refused: usize,
}

impl Totals {
    pub(super) fn of(log: &Log) -> Self {
        let count = |which: fn(&Event) -> bool| log.events.values().filter(|event| which(event)).count();
        let is_rejected = |event: &Event| event.answers.iter().any(|answer| answer.reason.is_some());
        Self {
            acknowledged: count(|event| !event.answers.is_empty()),
            unanswered: count(|event| event.answers.is_empty()),
            sent_again: count(|event| event.times_sent > 1),
            rejected: count(is_rejected),
            decisions: log.shown.len(),
            visits: log.visits.values().map(|visits| visits.acknowledged).sum(),
            pings: log.pings,
            refused: log.refused,
        }
    }

    /// Fails where so little has happened that finding nothing wrong says nothing.
    pub(super) fn assert_enough(&self) {
        let Self { acknowledged, unanswered, sent_again, rejected, decisions, visits, pings, .. } = *self;
        assert_eq!(unanswered, 0, "{self}");
        assert!(acknowledged >= 100 && sent_again > 0 && visits >= 20 && pings > 0, "{self}");
        assert!(decisions >= 20 && rejected > 0, "{self}");
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, unanswered, sent_again, rejected, decisions, visits, pings, refused } = self;
        write!(
            f,
            "{acknowledged} clicks and displays acknowledged ({rejected} of them rejected, {sent_again} sent again) and \
             {unanswered} not answered, {visits} visits, {decisions} decisions, {pings} pings, {refused} refusals"
        )
    }
}
