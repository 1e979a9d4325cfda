//! The log of what the clients have sent and how they were answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gametriggers_domain::ledger::EntryId;
use gametriggers_types::{DecisionId, ParticipationId};

use super::super::clients::Event;

/// The visits through the link of one participation, each by another visitor. Only the server knows their ids.
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
    /// The decisions that screens were told, with the participation that they show.
    pub(super) shown: BTreeSet<(DecisionId, ParticipationId)>,
    pub(super) pings: usize,
    /// The number of refusals with "try again later".
    pub(super) refused: usize,
}

/// The numbers of events by kind.
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

    /// Fails if so few events happened that the absence of violations would prove nothing.
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
