//! An event that clients send, and the answers to it.

use gametriggers_types::{ParticipationId, RejectionReason};
use serde::Deserialize;
use serde_json::Value;

/// The outcome in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Told {
    Counted,
    Duplicate,
    Rejected,
}

/// The answer to one sending of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    pub(crate) outcome: Told,
    /// The reason why the event does not count. For a duplicate, it is the reason of the first one.
    pub(crate) reason: Option<RejectionReason>,
    pub(crate) participation_id: Option<ParticipationId>,
}

/// An event whose ledger id the sender knows.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The path and the body with which the event is sent again.
    pub(crate) path: String,
    pub(crate) body: Value,
    /// The participation on screen, according to the receipt.
    pub(crate) shown: ParticipationId,
    /// The number of sendings; 0 for a display that was not sent yet.
    pub(crate) times_sent: usize,
    /// The answers, in the order in which they came.
    pub(crate) answers: Vec<Answer>,
}

impl Event {
    /// An event that was not sent yet.
    pub(crate) const fn new(path: String, body: Value, shown: ParticipationId) -> Self {
        Self { path, body, shown, times_sent: 0, answers: Vec::new() }
    }
}
