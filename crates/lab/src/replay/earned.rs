//! What decisions earned, from the entries of the ledger.

use std::collections::HashMap;

use gametriggers_persistence::{Repositories, StorageError};
use gametriggers_types::{ParticipationId, Timestamp};

use super::archive::{amount, for_each_paid};

/// A decision's time on screen.
pub(super) struct OnScreen {
    pub(super) participation: ParticipationId,
    pub(super) from: Timestamp,
    /// When the decision ended. If the decision was never on screen, this is not after [`from`](Self::from).
    pub(super) end: Timestamp,
}

/// What each of the decisions earned, in units of money, in their order. The decisions are in order of time.
///
/// An entry belongs to the decision that showed its participation at the entry's time. If there was no such decision,
/// the entry belongs to none. A display has the time at which its decision began, even if the display is reported late.
pub(super) async fn earned(store: &Repositories, decisions: &[OnScreen]) -> Result<Vec<f64>, StorageError> {
    let mut earned = vec![0.0; decisions.len()];
    let (Some(first), Some(last)) = (decisions.first(), decisions.iter().map(|one| one.end).max()) else {
        return Ok(earned);
    };
    let places = Places::of(decisions);
    for_each_paid(store, first.from, last, |stored| {
        if let Some(place) = places.find(stored.entry.participation, stored.entry.at) {
            earned[place] += amount(stored).as_units();
        }
    })
    .await?;
    Ok(earned)
}

/// For each participation, the indices of its decisions, in order of time.
struct Places<'d> {
    decisions: &'d [OnScreen],
    of: HashMap<ParticipationId, Vec<usize>>,
}

impl<'d> Places<'d> {
    fn of(decisions: &'d [OnScreen]) -> Self {
        let mut of = HashMap::<_, Vec<usize>>::new();
        for (place, decision) in decisions.iter().enumerate() {
            of.entry(decision.participation).or_default().push(place);
        }
        Self { decisions, of }
    }

    /// The decision for this participation that was on screen at this time.
    fn find(&self, participation: ParticipationId, at: Timestamp) -> Option<usize> {
        let places = self.of.get(&participation)?;
        let later = places.partition_point(|place| self.decisions[*place].from <= at);
        let place = places[later.checked_sub(1)?];
        (at < self.decisions[place].end).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use gametriggers_fixtures::{minute, participation_id};

    use super::*;

    #[test]
    fn an_entry_belongs_to_the_decision_of_its_participation_at_its_time() {
        let decision = |participation, from, end| OnScreen {
            participation: participation_id(participation),
            from: minute(from),
            end: minute(end),
        };
        let decisions = [decision(1, 0, 3), decision(2, 3, 6), decision(1, 6, 9)];
        let places = Places::of(&decisions);
        for (participation, at, expected) in [
            (1, 0, Some(0)),
            (1, 2, Some(0)),
            (1, 3, None),
            (1, 5, None),
            (1, 6, Some(2)),
            (1, 9, None),
            (2, 2, None),
            (2, 3, Some(1)),
            (2, 6, None),
            (3, 3, None),
        ] {
            let found = places.find(participation_id(participation), minute(at));
            assert_eq!(found, expected, "participation {participation} at minute {at}");
        }
    }
}
