//! What strategies are told about the broadcast: when it began, how long campaigns were on screen, and the latest
//! appearances.

use std::sync::Mutex;

use gametriggers_domain::{
    decision::{Broadcast, Decision, Tally},
    selection::{
        self, APPEARANCES_MAX, Appearance, AwayCampaign, Candidate, SelectionContext, SelectionStrategy,
    },
};
use gametriggers_fixtures::{interval, minutes, time};
use gametriggers_types::{CampaignId, SignedDuration, Timestamp};

use crate::{
    support::{campaign, number_of},
    whole_broadcasts::{Streamer, stored},
};

/// What a strategy was told before one decision.
#[derive(Debug, Clone)]
struct Told {
    now: Timestamp,
    began: Timestamp,
    displayed: SignedDuration,
    appearances: Vec<Appearance>,
    away: Vec<AwayCampaign>,
    /// Campaign, time on screen, tallied time.
    candidates: Vec<(CampaignId, SignedDuration, SignedDuration)>,
}

/// A strategy that decides as `fair-rotation` does, and notes what it is told.
#[derive(Default)]
struct Listener(Mutex<Vec<Told>>);

impl SelectionStrategy for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn description(&self) -> &'static str {
        "Writes down what it is told."
    }

    fn weigh(&self, ctx: &SelectionContext<'_>, candidates: &[Candidate<'_>], weights: &mut [f64]) {
        self.0.lock().unwrap().push(Told {
            now: ctx.now,
            began: ctx.broadcast.began,
            displayed: ctx.broadcast.displayed,
            appearances: ctx.broadcast.appearances.to_vec(),
            away: ctx.broadcast.away.to_vec(),
            candidates: candidates.iter().map(|one| (one.campaign, one.displayed, one.tallied)).collect(),
        });
        selection::default_strategy().weigh(ctx, candidates, weights);
    }
}

/// A streamer's screen, with slots of three minutes.
struct Screen {
    streamer: Streamer,
    listener: Listener,
    latest: Option<Decision>,
}

impl Screen {
    fn new() -> Self {
        let categories = vec![vec!["zero".to_owned()], vec!["one".to_owned()], vec!["two".to_owned()]];
        let streamer = Streamer { categories, ..Streamer::with_strategy("fair-rotation") };
        Self { streamer, listener: Listener::default(), latest: None }
    }

    /// Makes a decision at this time (see [`moment`]), and returns what the strategy was told. Without candidates, the
    /// screen is empty, and the result is `None`.
    fn at(&mut self, clock: &str, candidates: &[u64]) -> Option<Told> {
        self.at_time(moment(clock), candidates)
    }

    fn at_time(&mut self, now: Timestamp, candidates: &[u64]) -> Option<Told> {
        let previous = self.latest.as_ref();
        self.latest = Some(self.streamer.decide_with(&self.listener, previous, now, interval(3), candidates));
        self.listener.0.lock().unwrap().pop()
    }
}

/// The time `18:00:00` of 20 November 2026. `+1 18:00:00` is on 21 November.
fn moment(clock: &str) -> Timestamp {
    match clock.strip_prefix("+1 ") {
        Some(clock) => time(&format!("2026-11-21T{clock}Z")),
        None => time(&format!("2026-11-20T{clock}Z")),
    }
}

/// The appearances as `1 18:00:00–18:03:00`.
fn as_text(told: &Told) -> Vec<String> {
    let clock = |at: Timestamp| at.to_string()[11..19].to_owned();
    let text =
        |one: &Appearance| format!("{} {}–{}", number_of(one.campaign), clock(one.from), clock(one.until));
    told.appearances.iter().map(text).collect()
}

#[test]
fn the_first_decision_begins_the_broadcast() {
    let told = Screen::new().at("18:00:40", &[1]).unwrap();
    assert_eq!((told.began, told.displayed), (told.now, SignedDuration::ZERO));
    assert_eq!((told.appearances, told.away), (vec![], vec![]));
}

#[test]
fn time_on_screen_adds_up_and_an_empty_screen_adds_nothing() {
    let mut screen = Screen::new();
    screen.at("18:00:40", &[1, 2]);
    let told = screen.at("18:03:00", &[1, 2]).unwrap();
    assert_eq!((told.began, told.displayed), (moment("18:00:40"), SignedDuration::from_secs(140)));
    // After ten seconds, both campaigns are gone.
    screen.at("18:03:10", &[]);
    let told = screen.at("18:30:00", &[1, 2]).unwrap();
    assert_eq!((told.began, told.displayed), (moment("18:00:40"), SignedDuration::from_secs(150)));
    // Nobody asked for an hour. The decision had ended with its slot, so only three minutes count.
    let told = screen.at("19:30:00", &[1, 2]).unwrap();
    assert_eq!(told.displayed, SignedDuration::from_secs(150 + 180));
}

#[test]
fn decisions_in_a_row_are_one_appearance_and_keep_the_categories() {
    let mut screen = Screen::new();
    for clock in ["18:00:00", "18:03:00", "18:06:30"] {
        screen.at(clock, &[1]);
    }
    let told = screen.at("18:09:00", &[1, 2]).unwrap();
    assert_eq!(as_text(&told), ["1 18:00:00–18:09:00"]);
    assert_eq!(told.appearances[0].categories, ["one"]);
    let told = screen.at("18:12:00", &[1, 2]).unwrap();
    assert_eq!(as_text(&told), ["1 18:00:00–18:09:00", "2 18:09:00–18:12:00"]);
}

#[test]
fn an_empty_screen_of_more_than_a_minute_ends_an_appearance() {
    let after = |clock: &str| {
        let mut screen = Screen::new();
        screen.at("18:00:00", &[1]);
        screen.at("18:01:00", &[]);
        screen.at(clock, &[1]);
        as_text(&screen.at("18:06:00", &[1]).unwrap())
    };
    assert_eq!(after("18:02:00"), ["1 18:00:00–18:03:00"]);
    assert_eq!(after("18:02:01"), ["1 18:00:00–18:01:00", "1 18:02:01–18:03:00"]);
}

#[test]
fn an_appearance_ends_when_the_campaign_really_left() {
    let mut screen = Screen::new();
    screen.at("18:00:00", &[1]);
    let told = screen.at("18:01:10", &[2]).unwrap();
    assert_eq!(as_text(&told), ["1 18:00:00–18:01:10"]);
    // The screen becomes empty before the slot of campaign 2 ends. Then nobody asks for a while.
    screen.at("18:02:00", &[]);
    let told = screen.at("18:20:00", &[1]).unwrap();
    assert_eq!(as_text(&told), ["1 18:00:00–18:01:10", "2 18:01:10–18:02:00"]);
}

#[test]
fn only_the_latest_appearances_are_kept() {
    let mut screen = Screen::new();
    let begin = moment("18:00:00");
    for slot in 0..30 {
        let told = screen.at_time(begin + minutes(3 * slot), &[1, 2]).unwrap();
        assert_eq!(told.appearances.len(), APPEARANCES_MAX.min(usize::try_from(slot).unwrap()));
    }
    let told = screen.at_time(begin + minutes(90), &[1, 2]).unwrap();
    assert_eq!(told.appearances.len(), APPEARANCES_MAX);
    assert_eq!(told.appearances[0].from, begin + minutes(90 - 36));
    assert_eq!(told.displayed, minutes(90));
}

#[test]
fn a_broadcast_ends_after_six_hours_without_a_decision() {
    for (clock, goes_on) in [("+1 00:02:59.999", true), ("+1 00:03:00", false)] {
        let mut screen = Screen::new();
        screen.at("18:00:00", &[1]);
        let told = screen.at(clock, &[1]).unwrap();
        assert_eq!(told.began, if goes_on { moment("18:00:00") } else { moment(clock) });
        assert_eq!(told.displayed, if goes_on { minutes(3) } else { SignedDuration::ZERO });
        assert_eq!(told.appearances.len(), usize::from(goes_on));
    }
}

/// A newcomer is credited the least time of the others. Strategies see its time on screen separately.
#[test]
fn a_newcomers_tallied_time_is_more_than_it_was_on_screen() {
    let mut screen = Screen::new();
    for clock in ["18:00:00", "18:03:00"] {
        screen.at(clock, &[1]);
    }
    let told = screen.at("18:06:00", &[1, 2]).unwrap();
    let zero = SignedDuration::ZERO;
    assert_eq!(told.candidates, [(campaign(1), minutes(6), minutes(6)), (campaign(2), zero, minutes(6))]);
    let told = screen.at("18:09:00", &[1, 2]).unwrap();
    assert_eq!(
        told.candidates,
        [(campaign(1), minutes(6), minutes(6)), (campaign(2), minutes(3), minutes(9))]
    );
    assert_eq!(told.displayed, minutes(9));
}

#[test]
fn who_has_left_is_away_with_its_time() {
    let mut screen = Screen::new();
    screen.at("18:00:00", &[1]);
    let told = screen.at("18:03:00", &[2]).unwrap();
    let away = AwayCampaign {
        campaign: campaign(1),
        displayed: minutes(3),
        tallied: minutes(3),
        last_shown: Some(moment("18:03:00")),
    };
    assert_eq!(told.away, [away]);
    let told = screen.at("18:06:00", &[1, 2]).unwrap();
    assert_eq!(told.away, []);
}

/// The latest decision was stored by an earlier version, without the broadcast. Its tally says how long campaigns were
/// on screen.
#[test]
fn a_decision_stored_without_a_broadcast_is_carried_on() {
    let mut screen = Screen::new();
    for clock in ["18:00:00", "18:03:00"] {
        screen.at(clock, &[1, 2]);
    }
    let nothing: Broadcast = serde_json::from_str("{}").unwrap();
    assert_eq!((&nothing, stored(&nothing)), (&Broadcast::default(), Broadcast::default()));
    screen.latest = screen.latest.map(|decision| Decision { broadcast: nothing, ..decision });
    let told = screen.at("18:06:00", &[1, 2]).unwrap();
    assert_eq!((told.began, told.displayed), (moment("18:03:00"), minutes(6)));
    // The categories of that appearance are not known.
    assert_eq!(as_text(&told), ["2 18:03:00–18:06:00"]);
    assert!(told.appearances[0].categories.is_empty());
    let told = screen.at("18:09:00", &[1, 2]).unwrap();
    assert_eq!((told.began, told.displayed), (moment("18:03:00"), minutes(9)));
}

/// The tally of the latest decision was stored by an earlier version, without a separate time on screen. The total
/// counts as the time on screen.
#[test]
fn a_tally_stored_without_the_time_on_screen_is_carried_on() {
    let mut screen = Screen::new();
    screen.at("18:00:00", &[1, 2]);
    let time =
        |minutes: i64| serde_json::json!({"totalMs": minutes * 60_000, "last": null, "candidate": true});
    let stored = serde_json::json!({campaign(1).to_string(): time(6), campaign(2).to_string(): time(9)});
    let tally: Tally = serde_json::from_value(stored).unwrap();
    screen.latest = screen.latest.map(|decision| Decision { tally, ..decision });
    let told = screen.at("18:03:00", &[1, 2]).unwrap();
    assert_eq!(
        told.candidates,
        [(campaign(1), minutes(9), minutes(9)), (campaign(2), minutes(9), minutes(9))]
    );
}

/// The latest decisions were made by an instance whose clock is hours ahead. These decisions were never on screen.
#[test]
fn decisions_from_the_future_leave_no_trace() {
    let mut screen = Screen::new();
    screen.at("18:00:00", &[1]);
    screen.at("21:00:00", &[2]);
    screen.at("21:03:00", &[1]);
    let told = screen.at("18:03:00", &[1, 2]).unwrap();
    assert_eq!(as_text(&told), ["1 18:00:00–18:03:00"]);
    assert!(told.began <= told.now);

    let mut screen = Screen::new();
    screen.at("21:00:00", &[1]);
    let told = screen.at("18:00:00", &[1, 2]).unwrap();
    assert_eq!((told.began, told.displayed, told.appearances), (told.now, SignedDuration::ZERO, vec![]));
}
