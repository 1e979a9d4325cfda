//! The distance between campaigns: who may be on screen next. Slots last three minutes and begin at noon.

use gametriggers_domain::selection::{Appearance, BroadcastSoFar, DrawRules, select_by};
use gametriggers_types::{SignedDuration, Spacing};

use super::*;
use crate::support::campaign;

/// Campaign `number` was on screen from `from` to `until`, in minutes after noon.
fn on_screen(number: u64, from: f64, until: f64, categories: &[&str]) -> Appearance {
    let at = |minutes: f64| noon() + SignedDuration::from_secs_f64(60.0 * minutes);
    let categories = categories.iter().map(|&category| category.to_owned()).collect();
    Appearance { campaign: campaign(number), categories, from: at(from), until: at(until) }
}

/// A streamer's spacing: at most `in_a_row` slots in a row, and at least `between` slots between two campaigns of one
/// category. 0 turns a rule off.
fn spacing(in_a_row: u8, between: u8) -> Spacing {
    Spacing {
        in_a_row: f64::from(in_a_row).try_into().unwrap(),
        between: f64::from(between).try_into().unwrap(),
    }
}

/// The campaigns that may be on screen `now` minutes after noon. Each of `campaigns` is given with its categories.
fn free_at(
    now: f64,
    slot_minutes: i64,
    spacing: Spacing,
    before: &[Appearance],
    campaigns: &[(u64, &[&str])],
) -> Vec<u64> {
    let owned: Vec<Vec<String>> =
        campaigns.iter().map(|(_, names)| names.iter().map(|&name| name.to_owned()).collect()).collect();
    let last_shown = |number| {
        let own = before.iter().filter(|appearance| appearance.campaign == campaign(number));
        own.map(|appearance| appearance.until).max()
    };
    let numbered = campaigns.iter().map(|&(number, _)| number).zip(&owned);
    let mut candidates: Vec<_> = numbered
        .map(|(number, categories)| Candidate {
            categories,
            last_shown: last_shown(number),
            ..candidate(number)
        })
        .collect();
    let now = noon() + SignedDuration::from_secs_f64(60.0 * now);
    let ctx = SelectionContext {
        slot: Slot::containing(now, interval(slot_minutes)),
        broadcast: BroadcastSoFar { appearances: before, ..context(now, seed(0)).broadcast },
        ..context(now, seed(0))
    };
    let rules = DrawRules { spacing, ..DrawRules::default() };
    let selection = select_by(rules, selection::find("weighted").unwrap(), &ctx, &mut candidates).unwrap();
    let admitted = candidates.len() - selection.barred;
    let mut free: Vec<_> = candidates[..admitted].iter().map(|one| number_of(one.campaign)).collect();
    free.sort_unstable();
    free
}

#[track_caller]
fn check(now: f64, spacing: Spacing, before: &[Appearance], campaigns: &[(u64, &[&str])], free: &[u64]) {
    assert_eq!(free_at(now, 3, spacing, before, campaigns), free);
}

const FOOD: &[&str] = &["food"];
const GAMES: &[&str] = &["games"];

mod in_a_row {
    use super::*;

    const TWO: [(u64, &[&str]); 2] = [(1, FOOD), (2, GAMES)];

    #[test]
    fn off_by_default() {
        check(300.0, spacing(0, 0), &[on_screen(1, 0.0, 300.0, FOOD)], &TWO, &[1, 2]);
    }

    #[test]
    fn a_campaign_has_a_break_after_so_many_slots() {
        let after = |slots: f64| [on_screen(1, 0.0, 3.0 * slots, FOOD)];
        check(3.0, spacing(2, 0), &after(1.0), &TWO, &[1, 2]);
        check(6.0, spacing(2, 0), &after(2.0), &TWO, &[2]);
        check(9.0, spacing(2, 0), &after(3.0), &TWO, &[2]);
        check(57.0, spacing(20, 0), &after(19.0), &TWO, &[1, 2]);
        check(60.0, spacing(20, 0), &after(20.0), &TWO, &[2]);
    }

    #[test]
    fn with_1_no_campaign_is_on_screen_in_two_slots_in_a_row() {
        // A new decision in the same slot, after a change of settings: the campaign may stay.
        check(2.0, spacing(1, 0), &[on_screen(1, 0.0, 2.0, FOOD)], &TWO, &[1, 2]);
        check(3.0, spacing(1, 0), &[on_screen(1, 0.0, 3.0, FOOD)], &TWO, &[2]);
        check(3.0, spacing(1, 0), &[on_screen(1, 2.9, 3.0, FOOD)], &TWO, &[2]);
    }

    /// A slot counts also if the campaign came on screen late in it. A late decision belongs to the slot in which it is
    /// made.
    #[test]
    fn slots_that_begin_late_are_counted() {
        let late = [on_screen(1, 2.5, 6.0, FOOD)];
        check(6.0, spacing(2, 0), &late, &TWO, &[2]);
        check(6.5, spacing(2, 0), &late, &TWO, &[2]);
        check(6.5, spacing(3, 0), &late, &TWO, &[1, 2]);
    }

    /// A pause of up to a minute is no break: nobody asked, or nothing was on screen.
    #[test]
    fn an_empty_screen_of_more_than_a_minute_is_a_break() {
        check(7.0, spacing(2, 0), &[on_screen(1, 0.0, 6.0, FOOD)], &TWO, &[2]);
        check(7.01, spacing(2, 0), &[on_screen(1, 0.0, 6.0, FOOD)], &TWO, &[1, 2]);
    }

    #[test]
    fn another_campaign_in_between_is_a_break() {
        check(
            6.2,
            spacing(1, 0),
            &[on_screen(1, 0.0, 6.0, FOOD), on_screen(2, 6.0, 6.2, GAMES)],
            &TWO,
            &[1, 2],
        );
    }

    /// The streamer has changed the interval. Slots of the new length count.
    #[test]
    fn after_a_change_of_the_interval_slots_of_the_new_length_count() {
        let twelve_minutes = [on_screen(1, 0.0, 12.0, FOOD)];
        assert_eq!(free_at(12.0, 3, spacing(4, 0), &twelve_minutes, &TWO), [2]);
        assert_eq!(free_at(12.0, 3, spacing(5, 0), &twelve_minutes, &TWO), [1, 2]);
        assert_eq!(free_at(12.0, 60, spacing(1, 0), &twelve_minutes, &TWO), [1, 2]);
        assert_eq!(free_at(60.0, 60, spacing(1, 0), &[on_screen(1, 0.0, 60.0, FOOD)], &TWO), [2]);
    }

    #[test]
    fn a_campaign_alone_goes_on() {
        check(60.0, spacing(1, 0), &[on_screen(1, 0.0, 60.0, FOOD)], &[(1, FOOD)], &[1]);
        check(60.0, spacing(1, 10), &[on_screen(1, 0.0, 60.0, FOOD)], &[(1, FOOD)], &[1]);
    }

    /// By the clock of another instance, the campaign came on screen after `now`.
    #[test]
    fn an_appearance_in_the_future_bars_nobody() {
        check(3.0, spacing(1, 0), &[on_screen(1, 4.0, 6.0, FOOD)], &TWO, &[1, 2]);
    }

    #[test]
    fn slots_before_1970_are_counted_in_the_same_way() {
        const TO_1965: f64 = -60.0 * 24.0 * 365.0 * 61.0;
        let before = [on_screen(1, TO_1965, TO_1965 + 6.0, FOOD)];
        check(TO_1965 + 6.0, spacing(2, 0), &before, &TWO, &[2]);
        check(TO_1965 + 6.0, spacing(3, 0), &before, &TWO, &[1, 2]);
    }
}

mod between {
    use super::*;

    /// Two campaigns of one category and one of another.
    const THREE: [(u64, &[&str]); 3] = [(1, FOOD), (2, FOOD), (3, GAMES)];

    #[test]
    fn off_by_default() {
        check(3.0, spacing(0, 0), &[on_screen(1, 0.0, 3.0, FOOD)], &THREE, &[1, 2, 3]);
    }

    #[test]
    fn one_slot_lies_between_two_of_a_category() {
        let first = || on_screen(1, 0.0, 3.0, FOOD);
        check(3.0, spacing(0, 1), &[first()], &THREE, &[1, 3]);
        check(6.0, spacing(0, 1), &[first(), on_screen(3, 3.0, 6.0, GAMES)], &THREE, &[1, 2, 3]);
        // A slot with an empty screen counts, too.
        check(6.0, spacing(0, 1), &[first()], &THREE, &[1, 2, 3]);
        check(5.99, spacing(0, 1), &[first()], &THREE, &[3]);
    }

    #[test]
    fn two_slots_lie_between_two_of_a_category() {
        let first = || on_screen(1, 0.0, 3.0, FOOD);
        check(6.0, spacing(0, 2), &[first(), on_screen(3, 3.0, 6.0, GAMES)], &THREE, &[3]);
        check(9.0, spacing(0, 2), &[first(), on_screen(3, 3.0, 9.0, GAMES)], &THREE, &[1, 2, 3]);
    }

    /// Campaign 1 left in the middle of a slot, because it ended or because the streamer changed a setting.
    #[test]
    fn the_rest_of_a_slot_is_no_slot() {
        check(1.0, spacing(0, 1), &[on_screen(1, 0.0, 1.0, FOOD)], &THREE, &[1, 3]);
        check(
            3.0,
            spacing(0, 1),
            &[on_screen(1, 0.0, 1.0, FOOD), on_screen(3, 1.0, 3.0, GAMES)],
            &THREE,
            &[3],
        );
    }

    /// Otherwise campaigns 1 and 3 would take turns, and campaign 2 would always be too close to campaign 1.
    #[test]
    fn a_campaign_does_not_come_back_while_it_keeps_another_waiting() {
        let before = [on_screen(1, 0.0, 3.0, FOOD), on_screen(3, 3.0, 6.0, GAMES)];
        check(6.0, spacing(0, 2), &before, &THREE, &[3]);
        // Without campaign 2, campaign 1 keeps no other campaign waiting.
        check(6.0, spacing(0, 2), &before, &[(1, FOOD), (3, GAMES)], &[1, 3]);
    }

    /// No other campaign can come between the two. If they were kept apart, the campaign on screen would stay for ever.
    #[test]
    fn campaigns_of_one_category_alone_are_not_kept_apart() {
        check(3.0, spacing(0, 1), &[on_screen(1, 0.0, 3.0, FOOD)], &[(1, FOOD), (2, FOOD)], &[1, 2]);
        check(3.0, spacing(1, 1), &[on_screen(1, 0.0, 3.0, FOOD)], &[(1, FOOD), (2, FOOD)], &[2]);
    }

    /// Campaign 2 has the categories of both other campaigns. It is not kept off for ever, and it does not keep the
    /// others off.
    #[test]
    fn a_campaign_that_has_something_in_common_with_all_others_is_not_kept_apart() {
        const BRIDGE: [(u64, &[&str]); 3] = [(1, FOOD), (2, &["food", "games"]), (3, GAMES)];
        check(3.0, spacing(0, 1), &[on_screen(1, 0.0, 3.0, FOOD)], &BRIDGE, &[1, 2, 3]);
        check(3.0, spacing(0, 1), &[on_screen(2, 0.0, 3.0, &["food", "games"])], &BRIDGE, &[1, 2, 3]);
    }

    #[test]
    fn categories_are_the_same_in_upper_and_lower_case_and_one_in_common_is_enough() {
        let mixed: [(u64, &[&str]); 4] =
            [(1, &["art", "ÉTÉ"]), (2, &["été", "sport"]), (3, GAMES), (4, &["Art"])];
        check(3.0, spacing(0, 1), &[on_screen(1, 0.0, 3.0, &["art", "ÉTÉ"])], &mixed, &[1, 3]);
    }

    #[test]
    fn campaigns_without_categories_are_never_too_close() {
        let none: [(u64, &[&str]); 3] = [(1, &[]), (2, &[]), (3, GAMES)];
        check(3.0, spacing(0, 10), &[on_screen(1, 0.0, 3.0, &[])], &none, &[1, 2, 3]);
    }

    /// Campaign 9 was on screen and is no candidate any more. Its categories still count.
    #[test]
    fn a_campaign_that_has_left_still_keeps_its_category_off() {
        check(3.0, spacing(0, 1), &[on_screen(9, 0.0, 3.0, FOOD)], &THREE, &[3]);
    }
}

mod both {
    use super::*;

    /// Campaign 3 was on screen for as many slots as allowed. Campaign 2 would be too close to campaign 1, and campaign
    /// 1 keeps campaign 2 waiting. So the limit of slots in a row yields.
    #[test]
    fn the_limit_of_slots_in_a_row_yields_first() {
        let before = [on_screen(1, 0.0, 3.0, FOOD), on_screen(3, 3.0, 6.0, GAMES)];
        check(6.0, spacing(1, 2), &before, &[(1, FOOD), (2, FOOD), (3, GAMES)], &[3]);
    }

    /// Campaign 1 is on screen. Campaign 2 is too close to campaign 1, and campaign 4 is too close to campaign 8.
    #[test]
    fn a_campaign_goes_on_beyond_its_limit_if_all_others_are_too_close() {
        let before = [on_screen(8, 0.0, 3.0, GAMES), on_screen(1, 3.0, 6.0, FOOD)];
        check(6.0, spacing(1, 2), &before, &[(1, FOOD), (2, FOOD), (4, GAMES)], &[1]);
    }

    /// As in the test above, but campaign 1 is too close to campaign 9, too.
    #[test]
    fn if_all_are_too_close_the_limit_of_slots_in_a_row_holds() {
        let before =
            [on_screen(9, 0.0, 1.0, FOOD), on_screen(8, 1.0, 3.0, GAMES), on_screen(1, 3.0, 6.0, FOOD)];
        check(6.0, spacing(1, 2), &before, &[(1, FOOD), (2, FOOD), (4, GAMES)], &[2, 4]);
    }
}
