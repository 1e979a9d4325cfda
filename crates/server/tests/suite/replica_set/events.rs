//! What the clients have sent, and how it was answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use gametriggers_domain::ledger::EntryId;
use gametriggers_types::ParticipationId;
use serde_json::Value;

/// A click or a display, as it is sent.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) path: String,
    pub(super) body: Value,
    /// The participation that was on screen.
    pub(super) shown: ParticipationId,
}

/// All clicks, displays and visits of a test.
#[derive(Default)]
pub(super) struct Events {
    pub(super) sent: BTreeMap<EntryId, Event>,
    pub(super) acknowledged: BTreeSet<EntryId>,
    /// The events that were acknowledged in this round.
    pub(super) fresh: BTreeSet<EntryId>,
    /// The number of acknowledged visits.
    pub(super) visits: u64,
    /// The number and the longest time of the answers, by status.
    answers: BTreeMap<u16, (usize, Duration)>,
}

impl Events {
    /// Notes that an event is being sent. Returns whether this is the first time.
    pub(super) fn send(&mut self, id: &EntryId, event: &Event) -> bool {
        self.sent.insert(id.clone(), event.clone()).is_none()
    }

    /// Notes that an event was acknowledged. Returns whether this is the first time.
    pub(super) fn acknowledge(&mut self, id: &EntryId) -> bool {
        self.fresh.insert(id.clone());
        self.acknowledged.insert(id.clone())
    }

    /// Notes an answer and the time that it took.
    pub(super) fn answered(&mut self, status: u16, took: Duration) {
        let (count, longest) = self.answers.entry(status).or_default();
        *count += 1;
        *longest = took.max(*longest);
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, acknowledged, visits, answers, .. } = self;
        let (sent, acknowledged) = (sent.len(), acknowledged.len());
        write!(
            f,
            "{acknowledged} of {sent} clicks and displays and {visits} visits are acknowledged; answers: {answers:.1?}"
        )
    }
}
