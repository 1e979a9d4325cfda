//! `capped-fair` through whole broadcasts in which campaigns come and go. The tests measure the time on screen
//! themselves.

use std::collections::BTreeMap;

use gametriggers_fixtures::interval;
use gametriggers_types::SignedDuration;
use proptest::prelude::*;

use crate::whole_broadcasts::{MID_SLOT, Next, Phase, Streamer, Turn, any_broadcast};

fn streamer(share: f64) -> Streamer {
    Streamer::with_strategy("capped-fair").with_number("share", share)
}

/// The time on screen of each campaign and of all together.
#[derive(Debug, Default)]
struct OnScreen {
    each: BTreeMap<u64, SignedDuration>,
    all: SignedDuration,
}

impl OnScreen {
    /// How much longer the campaign was on screen than its share allows, in seconds.
    fn excess(&self, share: f64, number: u64) -> f64 {
        let displayed = self.each.get(&number).copied().unwrap_or_default();
        displayed.as_secs_f64() - share * self.all.as_secs_f64()
    }

    fn add(&mut self, turn: &Turn) {
        if let Some(shown) = turn.shown() {
            *self.each.entry(shown).or_default() += turn.lasted;
            self.all += turn.lasted;
        }
    }
}

proptest! {
    #[test]
    fn the_pick_is_within_its_share_whenever_a_candidate_is(
        share in 0.05..=1.0, (_, phases) in any_broadcast(&[]),
    ) {
        const HALF_A_MILLISECOND: f64 = 0.0005;
        let mut before = OnScreen::default();
        for turn in streamer(share).broadcast(MID_SLOT, &phases) {
            let is_within = |number| before.excess(share, number) < HALF_A_MILLISECOND;
            if let Some(shown) = turn.shown() && turn.candidates.iter().any(|&number| is_within(number)) {
                prop_assert!(is_within(shown), "{shown} of {:?} after {before:?}", turn.candidates);
            }
            before.add(&turn);
        }
    }

    /// Campaign 0 may be alone at first. Then campaigns 0 and 1 are both candidates whenever there are candidates. So
    /// the part of at least one of them is always at most one half, and so within the share.
    #[test]
    fn nobody_gets_further_above_its_share_than_a_slot(
        share in 0.5..=1.0, slots_alone in 0..20_usize, (longest, phases) in any_broadcast(&[0, 1]),
    ) {
        let alone = Phase { candidates: vec![0], turns: vec![(interval(1), Next::AtEnd); slots_alone] };
        let phases: Vec<_> = [alone].into_iter().chain(phases).collect();
        let mut on_screen = OnScreen::default();
        for (place, turn) in streamer(share).broadcast(MID_SLOT, &phases).iter().enumerate() {
            let before = (0..=5).map(|number| on_screen.excess(share, number)).collect::<Vec<_>>();
            on_screen.add(turn);
            for (number, before) in (0..).zip(before).filter(|_| place >= slots_alone) {
                let after = on_screen.excess(share, number);
                let most = before.max(longest.as_secs_f64());
                prop_assert!(after <= most + 1e-6, "{number}: {before} s, then {after} s with slots of {longest}");
            }
        }
    }
}

/// Campaign 1 was alone for ten slots. With a fair rotation, campaigns 1 and 2 would take turns from then on.
#[test]
fn a_campaign_that_was_alone_waits_until_others_have_caught_up() {
    let picks = streamer(0.5).picks(&[(&[1], 10), (&[1, 2], 14)]);
    assert_eq!(picks, "1111111111".to_owned() + "2222222222" + "1212");
}
