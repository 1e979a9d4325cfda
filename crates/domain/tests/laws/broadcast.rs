//! `fair-rotation` through whole broadcasts, with the tally that each decision passes to the next. The tests measure
//! the time on screen themselves, and do not read it from the tally.

use std::collections::{BTreeMap, BTreeSet};

use gametriggers_domain::decision::{AWAY_MAX, CLOCKS_AGREE_WITHIN, Decision, Tally};
use gametriggers_fixtures::{interval, minutes, time};
use gametriggers_types::{RotationInterval, SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    support::{campaign, number_of},
    whole_broadcasts::{MID_SLOT, Next, Phase, Streamer, Turn, any_broadcast},
};

fn decide(
    previous: Option<&Decision>,
    now: Timestamp,
    interval: RotationInterval,
    candidates: &[u64],
) -> Decision {
    Streamer::with_strategy("fair-rotation").decide(previous, now, interval, candidates)
}

fn broadcast(begins: &str, phases: &[Phase]) -> Vec<Turn> {
    Streamer::with_strategy("fair-rotation").broadcast(begins, phases)
}

fn picks(phases: &[(&[u64], usize)]) -> String {
    Streamer::with_strategy("fair-rotation").picks(phases)
}

/// For each stretch in which both campaigns were candidates: how much longer `one` was on screen than `other`, after
/// each decision of the stretch. The count begins at 0 with the stretch. An empty screen does not end a stretch.
fn leads(turns: &[Turn], one: u64, other: u64) -> Vec<Vec<SignedDuration>> {
    let mut stretches = vec![vec![SignedDuration::ZERO]];
    for turn in turns.iter().filter(|turn| !turn.candidates.is_empty()) {
        if !(turn.candidates.contains(&one) && turn.candidates.contains(&other)) {
            stretches.push(vec![SignedDuration::ZERO]);
            continue;
        }
        let stretch = stretches.last_mut().unwrap();
        let lead = *stretch.last().unwrap();
        stretch.push(match turn.shown() {
            Some(shown) if shown == one => lead + turn.lasted,
            Some(shown) if shown == other => lead - turn.lasted,
            _ => lead,
        });
    }
    stretches
}

proptest! {
    #[test]
    fn two_that_are_there_all_along_never_differ_by_more_than_the_longest_slot(
        (longest, phases) in any_broadcast(&[0, 1]),
    ) {
        let turns = broadcast(MID_SLOT, &phases);
        for lead in leads(&turns, 0, 1).into_iter().flatten() {
            prop_assert!(lead.abs() <= longest, "{lead} with slots of {longest}");
        }
    }

    /// When a stretch begins, a campaign may be behind the other by one slot of the greatest length. During the
    /// stretch, it may get ahead by another such slot. So it gains at most two.
    #[test]
    fn nobody_gets_a_monopoly((longest, phases) in any_broadcast(&[])) {
        let turns = broadcast(MID_SLOT, &phases);
        for (one, other) in [(2, 3), (2, 4), (2, 5), (3, 4), (3, 5), (4, 5)] {
            for stretch in leads(&turns, one, other) {
                let gained = *stretch.iter().max().unwrap() - *stretch.iter().min().unwrap();
                prop_assert!(gained <= longest * 2, "{one} and {other}: {gained} with slots of {longest}");
            }
        }
    }

    #[test]
    fn a_newcomer_never_gets_two_slots_in_a_row_for_being_new((_, phases) in any_broadcast(&[])) {
        let turns: Vec<_> = broadcast(MID_SLOT, &phases).into_iter().filter(|turn| turn.shown().is_some()).collect();
        for three in turns.windows(3) {
            let [before, entry, after] = three else { unreachable!() };
            let shown = entry.shown().unwrap();
            let is_new = !before.candidates.contains(&shown);
            let mut others = entry.candidates.iter().filter(|&&number| number != shown).peekable();
            if is_new && others.peek().is_some() && others.all(|other| after.candidates.contains(other)) {
                prop_assert_ne!(after.shown(), Some(shown), "out of {:?}", &after.candidates);
            }
        }
    }

    /// A campaign gains nothing by leaving and coming back. When it is back, it has at least the least time of the
    /// campaigns that stayed.
    #[test]
    fn nobody_enters_below_those_who_stayed_or_below_their_own_time((longest, phases) in any_broadcast(&[])) {
        let turns: Vec<_> = broadcast(MID_SLOT, &phases).into_iter().filter(|turn| turn.shown().is_some()).collect();
        let mut own = BTreeMap::new();
        for two in turns.windows(2) {
            let [before, turn] = two else { unreachable!() };
            own.extend(before.candidates.iter().map(|&number| (number, before.total_of(number))));
            for number in &turn.candidates {
                let before = own.get(number).copied().unwrap_or_default();
                prop_assert!(turn.total_of(*number) >= before, "{number} lost time");
            }
            let stayed = |number: &&u64| before.candidates.contains(number);
            let Some(least) = turn.candidates.iter().filter(stayed).map(|&number| turn.total_of(number)).min() else {
                continue;
            };
            for &number in &turn.candidates {
                let total = turn.total_of(number);
                prop_assert!(total >= least && total <= least + longest, "{number}: {total}, least {least}");
            }
        }
    }
}

/// The tallied time of every campaign that was ever a candidate in a broadcast, by the rule of ADR 5. Unlike a tally,
/// this model forgets nothing.
#[derive(Default)]
struct Everything {
    totals: BTreeMap<u64, SignedDuration>,
    candidates: BTreeSet<u64>,
}

impl Everything {
    fn admit(&mut self, candidates: &[u64]) {
        let stayed = candidates.iter().filter(|number| self.candidates.contains(number));
        let entry = stayed.map(|number| self.totals[number]).min().or(self.totals.values().max().copied());
        for number in candidates.iter().filter(|number| !self.candidates.contains(number)) {
            let own = self.totals.entry(*number).or_default();
            *own = (*own).max(entry.unwrap_or_default());
        }
        self.candidates = candidates.iter().copied().collect();
    }
}

proptest! {
    /// A campaign that comes back has the same time whether or not the tally forgot it.
    #[test]
    fn every_candidate_has_the_time_that_it_would_have_if_nothing_were_forgotten(
        (_, phases) in any_broadcast(&[]),
    ) {
        let mut everything = Everything::default();
        for turn in broadcast(MID_SLOT, &phases) {
            if !turn.candidates.is_empty() {
                everything.admit(&turn.candidates);
            }
            for number in &turn.candidates {
                prop_assert_eq!(turn.total_of(*number), everything.totals[number], "{}", number);
            }
            if let Some(shown) = turn.shown() {
                *everything.totals.get_mut(&shown).unwrap() += turn.lasted;
            }
        }
    }
}

/// 300 campaigns are candidates, first two by two and then all at once. At last only two are left.
#[test]
fn a_tally_does_not_grow_with_campaigns_that_have_ended() {
    let one_by_one = (0..150).map(|number| vec![2 * number, 2 * number + 1]);
    let all_at_once = (0..2).map(|_| (0..300).collect());
    let left = (0..40).map(|_| vec![0, 1]);
    let phase = |candidates| Phase { candidates, turns: vec![(interval(1), Next::AtEnd); 4] };
    let phases: Vec<_> = one_by_one.chain(all_at_once).chain(left).map(phase).collect();
    let turns = broadcast("2026-11-20T18:00:00Z", &phases);
    for turn in &turns {
        let others = turn.decision.tally.len() - turn.candidates.len();
        assert!(others <= AWAY_MAX, "{others} others");
    }
    // Of the 298 campaigns that have left, the tally keeps at most `AWAY_MAX`.
    assert!(turns.last().unwrap().decision.tally.len() <= 2 + AWAY_MAX);
}

/// If more than `AWAY_MAX` campaigns are away, the tally forgets those with the least time.
#[test]
fn of_too_many_who_are_away_those_with_the_most_time_are_kept() {
    let many = 2 * u64::try_from(AWAY_MAX).unwrap();
    // The last campaign stays a candidate. It has no time, so all others have more time than the least.
    let entry = |number| {
        let total_ms = if number == many { 0 } else { number + 1 };
        serde_json::json!({"totalMs": total_ms, "last": null, "candidate": number == many})
    };
    let times = (0..=many).map(|number| (campaign(number).to_string(), entry(number))).collect();
    let mut tally: Tally = serde_json::from_value(serde_json::Value::Object(times)).unwrap();
    tally.admit(&[campaign(many)]);
    assert_eq!(tally.len(), AWAY_MAX + 1);
    for number in 0..many {
        let kept = tally.of(campaign(number)).total() > SignedDuration::ZERO;
        assert_eq!(kept, number >= many / 2, "{number}");
    }
}

#[test]
fn slots_go_round_from_the_least_shown() {
    assert_eq!(picks(&[(&[1, 2, 3], 7)]), "1231231");
}

#[test]
fn a_newcomer_gets_the_next_slot_and_then_its_turn() {
    assert_eq!(picks(&[(&[1, 2], 6), (&[1, 2, 3], 6)]), "121212312312");
}

#[test]
fn newcomers_after_an_empty_screen_get_no_monopoly() {
    assert_eq!(picks(&[(&[1, 2], 6), (&[], 1), (&[1, 2, 3], 6)]), "121212-312312");
}

/// A campaign that comes when all others are gone does not start at zero, because the others may come back.
#[test]
fn a_newcomer_after_everyone_left_gets_no_monopoly() {
    assert_eq!(picks(&[(&[1], 9), (&[], 1), (&[2], 1), (&[1, 2], 4)]), "111111111-21212");
    assert_eq!(picks(&[(&[1], 9), (&[2], 1), (&[1, 2], 4)]), "11111111121212");
    assert_eq!(picks(&[(&[1, 2], 6), (&[3, 4], 4), (&[1, 3, 4], 3)]), "1212123434134");
}

/// A campaign that comes back does not get the time for which it was away.
#[test]
fn one_who_comes_back_does_not_catch_up() {
    assert_eq!(picks(&[(&[1, 2], 2), (&[1], 6), (&[1, 2], 4)]), "121111112121");
}

#[test]
fn a_broadcast_ends_after_six_hours_without_a_decision() {
    let first = decide(None, time("2026-11-20T18:00:00Z"), interval(3), &[1, 2]);
    let second = decide(Some(&first), first.until, interval(3), &[1, 2]);
    let shown = |now| {
        let tally = Tally::inherited(Some(&second), now);
        [1, 2].map(|number| tally.of(campaign(number)).total())
    };
    let six_hours_on = second.until + SignedDuration::from_hours(6);
    assert_eq!(shown(six_hours_on - SignedDuration::from_millis(1)), [minutes(3), minutes(3)]);
    assert_eq!(shown(six_hours_on), [SignedDuration::ZERO; 2]);
    assert_eq!(Tally::inherited(Some(&second), six_hours_on), Tally::default());
}

#[test]
fn a_decision_cut_short_counts_for_as_long_as_it_was_on_screen() {
    let first = decide(None, time("2026-11-20T18:00:40Z"), interval(3), &[1, 2]);
    let cut = Tally::inherited(Some(&first), time("2026-11-20T18:01:10.250Z")).of(campaign(1));
    assert_eq!(
        (cut.total(), cut.last()),
        (SignedDuration::from_millis(30_250), Some(time("2026-11-20T18:01:10.250Z")))
    );
    let whole = Tally::inherited(Some(&first), time("2026-11-20T19:00:00Z")).of(campaign(1));
    assert_eq!(
        (whole.total(), whole.last()),
        (SignedDuration::from_secs(140), Some(time("2026-11-20T18:03:00Z")))
    );
}

/// The next decision is made by an instance whose clock is behind. The time on screen is then 0, and not negative.
#[test]
fn a_clock_that_is_behind_counts_nothing() {
    let first = decide(None, time("2026-11-20T18:01:00Z"), interval(3), &[1]);
    let tally = Tally::inherited(Some(&first), time("2026-11-20T18:00:59Z"));
    assert_eq!(tally.of(campaign(1)).total(), SignedDuration::ZERO);
}

/// A clock may be ahead by more than `CLOCKS_AGREE_WITHIN`. A decision by such a clock does not hold the screen and
/// counts no time, and no campaign counts as shown in the future.
#[test]
fn a_decision_from_the_future_is_superseded_and_counts_nothing() {
    let now = time("2026-11-20T18:01:00Z");
    for (ahead, is_superseded) in [
        (SignedDuration::ZERO, false),
        (CLOCKS_AGREE_WITHIN, false),
        (CLOCKS_AGREE_WITHIN + SignedDuration::from_millis(1), true),
        (SignedDuration::from_hours(24), true),
    ] {
        let first = decide(None, now + ahead - minutes(3), interval(3), &[1, 2]);
        let future = decide(Some(&first), now + ahead, interval(3), &[1, 2]);
        assert_eq!(future.is_ahead_of(now), is_superseded, "{ahead}");
        assert_eq!(future.is_current(now, 0), !is_superseded, "{ahead}");
        let from = future.successor_from(now);
        assert_eq!(from, if is_superseded { now } else { future.from }, "{ahead}");
        assert_eq!(future.actual_end(Some(from)), from, "{ahead}");
        let tally = Tally::inherited(Some(&future), from);
        let shown = tally.of(campaign(number_of(future.shown().unwrap().0)));
        assert_eq!((shown.total(), shown.last()), (SignedDuration::ZERO, Some(from)), "{ahead}");
        assert!(tally.of(first.shown().unwrap().0).last().unwrap() <= from, "{ahead}");
    }
}
