//! What decisions earned, from the entries of the ledger.

use std::collections::HashMap;

use gametriggers_domain::ledger::{EntryId, EntryKind};
use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::{DecisionId, ParticipationId, SignedDuration, Timestamp};

use super::archive::{amount, for_each_paid};

/// How long after its end a decision's display may still be reported.
const DISPLAY_IS_LATE_BY: SignedDuration = SignedDuration::from_hours(1);

/// A decision's time on screen.
pub(super) struct OnScreen {
    pub(super) id: DecisionId,
    pub(super) participation: ParticipationId,
    pub(super) from: Timestamp,
    /// When the decision ended. Not after [`from`](Self::from) if it was never on screen.
    pub(super) end: Timestamp,
}

/// What each of the decisions earned, in units of money, in their order. The decisions are in order of time.
///
/// A display belongs to the decision that its entry names, also if it was reported after the decision's end. Any other entry
/// belongs to the decision of its participation that was on screen at its time, and to none if there was none.
pub(super) async fn earned(store: &Repositories, decisions: &[OnScreen]) -> Result<Vec<f64>, StorageError> {
    let mut earned = vec![0.0; decisions.len()];
    let (Some(first), Some(last)) = (decisions.first(), decisions.iter().map(|one| one.end).max()) else {
        return Ok(earned);
    };
    let until = last.saturating_add(DISPLAY_IS_LATE_BY).unwrap_or(last);
    let places = Places::of(decisions);
    for_each_paid(store, first.from, until, |stored| {
        let entry = &stored.entry;
        let place = match displayed(entry.kind, &entry.id) {
            Some(id) => places.by_id.get(&id).copied(),
            None => places.on_screen(decisions, entry.participation, entry.at),
        };
        if let Some(place) = place {
            earned[place] += amount(stored).as_units();
        }
    })
    .await?;
    Ok(earned)
}

/// Where decisions are in their list.
struct Places {
    by_id: HashMap<DecisionId, usize>,
    /// In order of time.
    by_participation: HashMap<ParticipationId, Vec<usize>>,
}

impl Places {
    fn of(decisions: &[OnScreen]) -> Self {
        let mut by_participation = HashMap::<_, Vec<usize>>::new();
        for (place, decision) in decisions.iter().enumerate() {
            by_participation.entry(decision.participation).or_default().push(place);
        }
        let by_id = decisions.iter().enumerate().map(|(place, decision)| (decision.id, place)).collect();
        Self { by_id, by_participation }
    }

    /// The decision for this participation that was on screen at this time.
    fn on_screen(
        &self,
        decisions: &[OnScreen],
        participation: ParticipationId,
        at: Timestamp,
    ) -> Option<usize> {
        let places = self.by_participation.get(&participation)?;
        let later = places.partition_point(|place| decisions[*place].from <= at);
        let place = places[later.checked_sub(1)?];
        (at < decisions[place].end).then_some(place)
    }
}

/// The decision whose display an entry of this kind and id is.
fn displayed(kind: EntryKind, id: &EntryId) -> Option<DecisionId> {
    let is_display = kind == EntryKind::Display;
    id.as_str().strip_prefix("display:").filter(|_| is_display)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use gametriggers_fixtures::{decision_id, minute, participation_id};
    use gametriggers_types::ClickKind;

    use super::*;

    #[test]
    fn a_display_names_its_decision_and_no_other_entry_does() {
        let id = decision_id(1, 7);
        assert_eq!(displayed(EntryKind::Display, &EntryId::display(id)), Some(id));
        assert_eq!(displayed(EntryKind::Viewers, &EntryId::display(id)), None);
        assert_eq!(displayed(EntryKind::Display, &EntryId::click(id.streamer, ClickKind::Chat, "7")), None);
    }

    #[test]
    fn other_entries_belong_to_the_decision_of_their_participation_at_their_time() {
        let decision = |ordinal, participation, from, end| OnScreen {
            id: decision_id(1, ordinal),
            participation: participation_id(participation),
            from: minute(from),
            end: minute(end),
        };
        let decisions = [decision(1, 1, 0, 3), decision(2, 2, 3, 6), decision(3, 1, 6, 9)];
        let places = Places::of(&decisions);
        let at =
            |participation, at| places.on_screen(&decisions, participation_id(participation), minute(at));
        assert_eq!(
            [0, 2, 3, 5, 6, 8, 9].map(|minute| at(1, minute)),
            [Some(0), Some(0), None, None, Some(2), Some(2), None]
        );
        assert_eq!(
            [(2, 2), (2, 3), (2, 6), (3, 3)].map(|(one, minute)| at(one, minute)),
            [None, Some(1), None, None]
        );
    }
}
