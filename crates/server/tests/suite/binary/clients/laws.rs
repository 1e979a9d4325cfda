//! The laws about single events and single participations. Each function describes violations in words.

use std::collections::BTreeMap;

use gametriggers_domain::ledger::{Counters, EntryId, Verdict};
use gametriggers_persistence::StoredEntry;

use super::event::{Event, Told};

/// An acknowledged event must be stored, with the verdict that its sender was told, and only one of its sendings is new.
pub(crate) fn of_event(id: &EntryId, event: &Event, stored: Option<&StoredEntry>) -> Vec<String> {
    let mut found: Vec<_> = of_answers(event).map(|what| format!("{id} {what}")).collect();
    let of_entry = match stored {
        Some(stored) => of_entry(event, stored),
        None if event.answers.is_empty() => vec![],
        None => vec!["was acknowledged and is not stored".to_owned()],
    };
    found.extend(of_entry.iter().map(|what| format!("{id} {what}")));
    found
}

/// One sending of an event is the first. Exactly that one must be answered as the first.
fn of_answers(event: &Event) -> impl Iterator<Item = String> {
    let firsts = event.answers.iter().filter(|answer| answer.outcome != Told::Duplicate).count();
    let twice = (firsts > 1).then(|| format!("was answered {firsts} times as if it were the first"));
    // If a sending was not answered, that one may have been the first.
    let all_answered = event.times_sent > 0 && event.answers.len() == event.times_sent;
    let never = (firsts == 0 && all_answered).then(|| "was new and answered as a duplicate".to_owned());
    twice.into_iter().chain(never)
}

/// The event must be stored as it was sent, with the verdict that its sender was told.
fn of_entry(event: &Event, stored: &StoredEntry) -> Vec<String> {
    let (credited, shown) = (stored.entry.participation, event.shown);
    let mut found = Vec::new();
    if credited != shown {
        found.push(format!("is credited to {credited}, and {shown} was on screen"));
    }
    let reason = match stored.verdict {
        Verdict::Counted(_) => None,
        Verdict::Rejected(reason) => Some(reason),
    };
    for answer in &event.answers {
        if answer.reason != reason || (answer.outcome == Told::Rejected && reason.is_none()) {
            found.push(format!("was acknowledged with {answer:?} and is stored with {:?}", stored.verdict));
        }
        if answer.participation_id != Some(credited) {
            let told = answer.participation_id;
            found.push(format!("was acknowledged for {told:?} and is credited to {credited}"));
        }
    }
    found
}

/// Only events that were sent may be stored.
pub(crate) fn never_sent<'a>(
    events: &BTreeMap<EntryId, Event>,
    stored: impl Iterator<Item = &'a EntryId>,
) -> impl Iterator<Item = String> {
    let unknown = |id: &&EntryId| events.get(id).is_none_or(|event| event.times_sent == 0);
    stored.filter(unknown).map(|id| format!("{id} is stored and was never sent"))
}

/// The stored counters must be the same as the sum `of` something.
pub(crate) fn differences(stored: &Counters, expected: &Counters, of: &str) -> Vec<String> {
    let fields = |counters: &Counters| {
        [
            ("impressions", counters.impressions),
            ("clicks", counters.clicks),
            ("chat clicks", counters.chat_clicks),
            ("QR scans", counters.qr_scans),
            ("link clicks", counters.link_clicks),
            ("visits", counters.visits),
            ("paid units", counters.paid_units),
            ("micro-units earned", counters.earnings.micros().cast_unsigned()),
        ]
    };
    let pairs = fields(stored).into_iter().zip(fields(expected));
    let unequal = pairs.filter(|(stored, expected)| stored != expected);
    let mut found: Vec<_> = unequal
        .map(|((name, stored), (_, expected))| format!("has {stored} {name}, and {of} add up to {expected}"))
        .collect();
    if found.is_empty() && stored != expected {
        found.push(format!("has {stored:?}, and {of} add up to {expected:?}"));
    }
    found
}
