//! The distance between campaigns, through whole broadcasts. The tests measure themselves what was on screen, and for
//! how long.

use gametriggers_domain::selection;
use gametriggers_fixtures::interval;
use gametriggers_types::{RotationInterval, SignedDuration, Slot, Spacing, Timestamp};
use proptest::prelude::*;

use crate::whole_broadcasts::{MID_SLOT, Next, Phase, Streamer, Turn, any_broadcast};

/// A campaign's time on screen without a break of more than a minute.
struct Stay {
    campaign: u64,
    from: Timestamp,
    until: Timestamp,
}

/// For each turn, the latest stays before it, the earliest first. There are as many as a broadcast remembers.
fn stays(turns: &[Turn]) -> Vec<Vec<Stay>> {
    let mut all: Vec<Stay> = Vec::new();
    let mut before = Vec::new();
    for turn in turns {
        let copy = |stay: &Stay| Stay { ..*stay };
        let remembered = all.len().saturating_sub(selection::APPEARANCES_MAX);
        before.push(all[remembered..].iter().map(copy).collect());
        let (from, until) = (turn.decision.from, turn.decision.from + turn.lasted);
        let Some(campaign) = turn.shown() else { continue };
        match all.last_mut() {
            Some(last) if last.campaign == campaign && from.duration_since(last.until) <= A_MINUTE => {
                last.until = until;
            }
            _ => all.push(Stay { campaign, from, until }),
        }
    }
    before
}

const A_MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// One decision, and what the law has to know about the broadcast before it.
struct Situation<'a> {
    turn: &'a Turn,
    before: Vec<Stay>,
    categories: &'a [Vec<String>],
    /// The number of the slot of the decision.
    slot: i64,
}

impl Situation<'_> {
    fn slot_of(&self, at: Timestamp) -> i64 {
        Slot::containing(at, self.turn.interval).index()
    }

    /// The latest stay, if it lasts until now.
    fn on_screen(&self) -> Option<&Stay> {
        self.before.last().filter(|last| self.turn.decision.from.duration_since(last.until) <= A_MINUTE)
    }

    /// Whether the campaign was on screen in `limit` slots in a row, up to now.
    fn has_had(&self, limit: u8, number: u64) -> bool {
        let stay = self.on_screen().filter(|stay| limit > 0 && stay.campaign == number);
        stay.is_some_and(|stay| self.slot - self.slot_of(stay.from) >= i64::from(limit))
    }

    fn have_something_in_common(&self, one: u64, other: u64) -> bool {
        let of = |number: u64| &self.categories[usize::try_from(number).unwrap()];
        of(one).iter().any(|category| of(other).contains(category))
    }

    /// The campaigns that were on screen in the last `least` slots and share a category with the campaign. The campaign
    /// itself is not among them while it is on screen.
    fn near(&self, least: u8, number: u64) -> impl Iterator<Item = u64> {
        let a_moment = SignedDuration::from_millis(1);
        self.before
            .iter()
            .filter(move |stay| {
                least > 0 && self.slot - self.slot_of(stay.until - a_moment) - 1 < i64::from(least)
            })
            .map(|stay| stay.campaign)
            .filter(move |&other| self.have_something_in_common(number, other))
            .filter(move |&other| {
                other != number || self.on_screen().is_none_or(|stay| stay.campaign != number)
            })
    }

    /// Whether the candidate waits, or shares a category with a candidate that waits.
    fn is_kept_off(&self, least: u8, number: u64) -> bool {
        let waits = |number| self.near(least, number).next().is_some();
        let mut rivals =
            self.turn.candidates.iter().filter(|&&other| self.have_something_in_common(number, other));
        waits(number) || rivals.any(|&rival| waits(rival))
    }
}

fn any_categories() -> impl Strategy<Value = Vec<Vec<String>>> {
    let some = prop::sample::subsequence(vec!["a", "b", "c"], 0..=2);
    let some = some.prop_map(|names| names.into_iter().map(str::to_owned).collect());
    prop::collection::vec(some, 6)
}

fn any_streamer() -> impl Strategy<Value = Streamer> {
    let spacing = (0..4_u8, 0..3_u8).prop_map(|(in_a_row, between)| Spacing {
        in_a_row: f64::from(in_a_row).try_into().unwrap(),
        between: f64::from(between).try_into().unwrap(),
    });
    let strategy = prop::sample::select(selection::all().iter().map(|one| one.name()).collect::<Vec<_>>());
    (strategy, spacing, any_categories()).prop_map(|(strategy, spacing, categories)| {
        let mut streamer = Streamer { categories, ..Streamer::with_strategy(strategy) };
        streamer.user.selection.spacing = spacing;
        streamer
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_distance_is_kept_whenever_another_campaign_could_be_shown(
        streamer in any_streamer(), (_, phases) in any_broadcast(&[]),
    ) {
        let Spacing { in_a_row, between } = streamer.user.selection.spacing;
        let (limit, least) = (in_a_row.slots(), between.slots());
        let turns = streamer.broadcast(MID_SLOT, &phases);
        for (turn, before) in turns.iter().zip(stays(&turns)) {
            let Some(picked) = turn.shown() else { continue };
            let slot = Slot::containing(turn.decision.from, turn.interval).index();
            let now = Situation { turn, before, categories: &streamer.categories, slot };
            let on_screen = now.on_screen().map(|stay| stay.campaign);
            let others =
                || turn.candidates.iter().copied().filter(|&other| other != picked && Some(other) != on_screen);
            if now.has_had(limit, picked) {
                for other in others() {
                    prop_assert!(now.is_kept_off(least, other), "{picked} in a row, not {other}");
                }
            }
            if let Some(rival) = now.near(least, picked).find(|&rival| rival != picked) {
                for other in others() {
                    prop_assert!(now.is_kept_off(least, other), "{picked} after {rival}, not {other}");
                }
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Under a fair rotation, no campaign waits for ever, whatever the distance and the categories.
    #[test]
    fn no_distance_keeps_a_campaign_off_for_ever(
        in_a_row in 0..4_u8,
        between in 0..4_u8,
        categories in any_categories(),
        count in 1..=6_u64,
    ) {
        let mut streamer = Streamer { categories, ..Streamer::with_strategy("fair-rotation") };
        streamer.user.selection.spacing = Spacing {
            in_a_row: f64::from(in_a_row).try_into().unwrap(),
            between: f64::from(between).try_into().unwrap(),
        };
        let turns = 150;
        let phase = Phase { candidates: (0..count).collect(), turns: vec![(three(), Next::AtEnd); turns] };
        let shown: Vec<_> = streamer.broadcast(MID_SLOT, &[phase]).iter().filter_map(Turn::shown).collect();
        for campaign in 0..count {
            let times = shown.iter().filter(|&&shown| shown == campaign).count();
            prop_assert!(times >= 2, "{campaign} of {count}: {shown:?}");
        }
    }
}

fn three() -> RotationInterval {
    interval(3)
}
