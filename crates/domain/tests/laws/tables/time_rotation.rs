//! `time-rotation`.

use super::*;

fn joined(number: u64, when: &str) -> Candidate<'static> {
    Candidate { joined_at: time(when), ..candidate(number) }
}

/// The campaigns on screen in the first slots from `from`.
fn timetable(candidates: &[Candidate<'_>], from: Timestamp, slots: i64) -> Vec<u64> {
    let five = interval(5);
    let shown_in = |slot: i64| {
        let now = from + minutes(5 * slot);
        let ctx = SelectionContext { slot: Slot::containing(now, five), ..context(now, seed(0)) };
        let selection = select(selection::find("time-rotation").unwrap(), &ctx, candidates).unwrap();
        number_of(selection.picked().campaign)
    };
    (0..slots).map(shown_in).collect()
}

/// Defect S7: the order was that of the database. Now it is the order of joining. The first slot since the epoch has
/// number 0.
#[test]
fn s7_the_timetable_goes_round_in_the_order_of_joining() {
    let [jan, feb, mar] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];
    let candidates = [joined(1, mar), joined(2, jan), joined(3, feb)];
    assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH, 7), [2, 3, 1, 2, 3, 1, 2]);
    assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH - minutes(10), 4), [3, 1, 2, 3]);
    // 1,780,000,000 s are 5,933,333 slots of five minutes and a part of another. 5,933,333 mod 3 = 2.
    assert_eq!(timetable(&candidates, Timestamp::from_second(1_780_000_000).unwrap(), 4), [1, 2, 3, 1]);
    let listed_otherwise = [joined(3, feb), joined(1, mar), joined(2, jan)];
    assert_eq!(timetable(&listed_otherwise, Timestamp::UNIX_EPOCH, 7), [2, 3, 1, 2, 3, 1, 2]);
}

/// Here, participations sort in the opposite order of their campaigns.
#[test]
fn those_who_joined_at_the_same_time_follow_by_participation() {
    let candidates = [joined(1, NOON), joined(2, NOON), joined(3, NOON)];
    assert_eq!(timetable(&candidates, Timestamp::UNIX_EPOCH, 4), [3, 2, 1, 3]);
}

#[test]
fn the_whole_slot_shows_one_campaign() {
    let candidates = [joined(1, NOON), joined(2, NOON)];
    let early = timetable(&candidates, time("2026-11-20T12:00:00Z"), 3);
    assert_eq!(timetable(&candidates, time("2026-11-20T12:04:59.999Z"), 3), early);
    assert_ne!(timetable(&candidates, time("2026-11-20T12:05:00Z"), 3), early);
}
