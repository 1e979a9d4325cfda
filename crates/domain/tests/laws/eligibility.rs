//! Which campaigns may be on a screen, and when no campaign may.

use gametriggers_domain::{
    eligibility::{EmptyReason, Hindrance, empty_until, hindrance, in_blackout, screen_hindrance},
    ledger::Counters,
    model::{Campaign, Participation, User},
    price::Payment,
};
use gametriggers_fixtures::{
    NOON, blackout, campaign, cpc, cpm, fixed, minutes, noon, participation, time, user,
};
use gametriggers_types::{
    CampaignStatus, Money, ParticipationStatus, PaymentType, Role, SelectionSettings, SignedDuration,
    TimeZoneName, Timestamp, WeeklyPeriod,
};

/// A streamer who may show anything at any time.
fn streamer() -> User {
    user(1)
}

/// A campaign that may be shown.
fn running() -> Campaign {
    campaign(1)
}

/// The streamer's participation in the campaign [`running`].
fn joined() -> Participation {
    participation(1, 1, 1)
}

fn joined_with(paid_units: u64) -> Participation {
    Participation { counters: Counters { paid_units, ..Counters::default() }, ..joined() }
}

#[track_caller]
fn check(campaign: &Campaign, participation: &Participation, expected: Option<Hindrance>) {
    assert_eq!(hindrance(campaign, participation, noon()), expected);
}

#[test]
fn only_an_active_participation_is_shown() {
    for &status in ParticipationStatus::ALL {
        let expected = (status != ParticipationStatus::Active).then_some(Hindrance::ParticipationNotActive);
        check(&running(), &Participation { status, ..joined() }, expected);
    }
}

#[test]
fn only_an_active_campaign_is_shown() {
    for &status in CampaignStatus::ALL {
        let expected = (status != CampaignStatus::Active).then_some(Hindrance::CampaignNotActive);
        check(&Campaign { status, ..running() }, &joined(), expected);
    }
}

/// Defect S12: campaigns ran before their start and after their end. A campaign may be shown at its start, and may not
/// be shown at its end.
#[test]
fn s12_a_campaign_runs_from_its_start_to_just_before_its_end() {
    let (before, after) = (Some("2026-11-20T11:59:59.999Z"), Some("2026-11-20T12:00:00.001Z"));
    let now = Some(NOON);
    let table = [
        (None, None, true),
        (before, None, true),
        (now, None, true),
        (after, None, false),
        (None, after, true),
        (None, now, false),
        (None, before, false),
        (now, after, true),
        (before, now, false),
        (now, now, false),
    ];
    for (start, end, runs) in table {
        let campaign = Campaign { start_date: start.map(time), end_date: end.map(time), ..running() };
        let expected = (!runs).then_some(Hindrance::CampaignNotActive);
        assert_eq!(hindrance(&campaign, &joined(), noon()), expected, "{start:?} to {end:?}");
    }
}

/// Defect S12: campaigns ran with no money. Each campaign has exactly the price of one unit left, and then one
/// micro-unit less.
#[test]
fn s12_a_campaign_runs_while_it_can_pay_one_more_unit() {
    let thirds = Payment::new(PaymentType::Fixed, Money::from_micros(1_000), 3).unwrap();
    let table = [
        (cpm(1_660.0), 0, 1_660_000),
        (fixed(5_000.0, 10_000), 9_999, 500_000),
        (cpc(2.5), 7, 2_500_000),
        // The price of a unit is the step of ⌊rate·n/N⌋: 333, 333, 334.
        (thirds, 0, 333),
        (thirds, 2, 334),
        // ⌊1.5·1⌋ = 1, ⌊1.5·2⌋ − ⌊1.5·1⌋ = 2
        (cpm(0.001_5), 0, 1),
        (cpm(0.001_5), 1, 2),
    ];
    for (payment, paid_units, price) in table {
        let with = |remaining| {
            let remaining_budget = Money::from_micros(remaining);
            hindrance(&Campaign { payment, remaining_budget, ..running() }, &joined_with(paid_units), noon())
        };
        assert_eq!(with(price), None, "{payment:?}, unit {paid_units}");
        assert_eq!(with(price - 1), Some(Hindrance::BudgetExhausted), "{payment:?}, unit {paid_units}");
    }
}

/// A campaign with a rate of 0 needs no money. A campaign whose budget the previous system overspent is never shown.
#[test]
fn a_campaign_that_pays_nothing_needs_no_money() {
    let free = |remaining_budget| Campaign { payment: cpm(0.0), remaining_budget, ..running() };
    check(&free(Money::ZERO), &joined(), None);
    check(&free(Money::from_micros(-1)), &joined(), Some(Hindrance::BudgetExhausted));
}

#[test]
fn media_that_could_run_script_are_not_shown() {
    for media_url in ["javascript:alert(1)", "data:text/html,x", "//evil.example/a.png", "a.png", ""] {
        let campaign = Campaign { media_url: media_url.to_owned(), ..running() };
        assert_eq!(
            hindrance(&campaign, &joined(), noon()),
            Some(Hindrance::MediaNotDisplayable),
            "{media_url:?}"
        );
    }
    check(&Campaign { media_url: "/media/a.png".to_owned(), ..running() }, &joined(), None);
}

#[test]
fn an_inactive_user_or_no_streamer_shows_nothing() {
    let check = |user: &User, expected| assert_eq!(screen_hindrance(user, noon()), expected, "{}", user.role);
    check(&User { is_active: false, ..streamer() }, Some(EmptyReason::StreamerInactive));
    for &role in Role::ALL {
        let streams = matches!(role, Role::Streamer | Role::StreamerIndividual | Role::IndependentPublisher);
        check(&User { role, ..streamer() }, (!streams).then_some(EmptyReason::StreamerInactive));
    }
}

fn blackouts(zone: &str, periods: &[WeeklyPeriod]) -> SelectionSettings {
    SelectionSettings {
        blackouts: periods.to_vec(),
        time_zone: TimeZoneName::parse(zone).unwrap(),
        ..SelectionSettings::default()
    }
}

/// Asserts that the period is in force from the first moment until just before the second. It is in force neither just
/// before the first moment nor at the second.
#[track_caller]
fn assert_lasts(settings: &SelectionSettings, from: &str, until: &str) {
    let just_before = |moment: Timestamp| moment - SignedDuration::from_millis(1);
    let (from, until) = (time(from), time(until));
    let states = [just_before(from), from, just_before(until), until].map(|now| in_blackout(settings, now));
    assert_eq!(states, [false, true, true, false], "{from} to {until}");
}

/// Defect O6: a screen that was already loaded ignored the blackout. The blackout is checked before any campaign is.
#[test]
fn o6_a_blackout_empties_the_whole_screen() {
    let selection = blackouts("UTC", &[blackout("11:00", "13:00", &["friday"])]);
    assert_eq!(screen_hindrance(&User { selection, ..streamer() }, noon()), Some(EmptyReason::Blackout));
    assert_eq!(screen_hindrance(&streamer(), noon()), None);
}

#[test]
fn without_a_zone_of_its_own_a_period_is_read_in_utc() {
    let blackouts = vec![blackout("11:00", "13:00", &["friday"])];
    let settings = SelectionSettings { blackouts, ..SelectionSettings::default() };
    assert_lasts(&settings, "2026-11-20T11:00:00Z", "2026-11-20T13:00:00Z");
}

/// Defect S9: periods were read in the server's time.
#[test]
fn s9_a_period_is_read_in_the_streamers_zone() {
    let noon = [blackout("12:00", "13:00", &["friday"])];
    assert_lasts(&blackouts("Asia/Kolkata", &noon), "2026-11-20T06:30:00Z", "2026-11-20T07:30:00Z");
    assert_lasts(&blackouts("America/New_York", &noon), "2026-11-20T17:00:00Z", "2026-11-20T18:00:00Z");
    // Summer time.
    assert_lasts(&blackouts("America/New_York", &noon), "2026-07-17T16:00:00Z", "2026-07-17T17:00:00Z");
}

/// Defect S9: the day was read in the server's time, too. Friday's period is in force as soon as it is Friday where the
/// streamer lives.
#[test]
fn s9_the_day_is_the_zones_day() {
    let early = [blackout("00:00", "02:00", &["friday"])];
    assert_lasts(&blackouts("Asia/Kolkata", &early), "2026-11-19T18:30:00Z", "2026-11-19T20:30:00Z");
    let late = [blackout("22:00", "24:00", &["thursday"])];
    assert_lasts(&blackouts("America/New_York", &late), "2026-11-20T03:00:00Z", "2026-11-20T05:00:00Z");
}

/// Defect S10: after midnight, the period was compared with the new day, and not with the day on which the period
/// began.
#[test]
fn s10_a_period_that_began_yesterday_evening_is_in_force_after_midnight() {
    let night = [blackout("22:00", "06:00", &["thursday"])];
    // From Thursday 22:00 to Friday 06:00 in Kolkata.
    assert_lasts(&blackouts("Asia/Kolkata", &night), "2026-11-19T16:30:00Z", "2026-11-20T00:30:00Z");
    assert_lasts(&blackouts("America/New_York", &night), "2026-11-20T03:00:00Z", "2026-11-20T11:00:00Z");
    let in_kolkata = |now| in_blackout(&blackouts("Asia/Kolkata", &night), time(now));
    assert!(in_kolkata("2026-11-19T20:00:00Z"), "01:30 on Friday, yesterday's period");
    assert!(!in_kolkata("2026-11-18T20:00:00Z"), "01:30 on Thursday, before its own period begins");
    assert!(!in_kolkata("2026-11-20T17:00:00Z"), "22:30 on Friday, which is not named");
}

#[test]
fn a_period_over_the_end_of_the_week_is_one_period() {
    let night = [blackout("23:00", "01:00", &["sunday"])];
    assert_lasts(&blackouts("Asia/Kolkata", &night), "2026-11-22T17:30:00Z", "2026-11-22T19:30:00Z");
}

/// New York, 8 March 2026: the clock goes from 02:00 to 03:00 at 07:00 UTC.
#[test]
fn a_night_in_which_the_clock_goes_forward_is_read_from_the_clock() {
    let new_york = |period| blackouts("America/New_York", &[period]);
    // From 22:00 to 06:00 in seven hours.
    let overnight = new_york(blackout("22:00", "06:00", &["saturday"]));
    assert_lasts(&overnight, "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z");
    // From 01:30 to 03:30 in one hour.
    let around = new_york(blackout("01:30", "03:30", &["sunday"]));
    assert_lasts(&around, "2026-03-08T06:30:00Z", "2026-03-08T07:30:00Z");
    // From 02:15 to 03:00, which no clock shows.
    let skipped = new_york(blackout("02:15", "03:00", &["sunday"]));
    let hours = (0..24 * 4).map(|quarter| time("2026-03-08T05:00:00Z") + minutes(15 * quarter));
    assert!(!hours.into_iter().any(|now| in_blackout(&skipped, now)));
}

/// New York, 1 November 2026: the clock goes from 02:00 back to 01:00 at 06:00 UTC.
#[test]
fn a_night_in_which_the_clock_goes_back_is_read_from_the_clock() {
    let new_york = |period| blackouts("America/New_York", &[period]);
    // From 22:00 to 06:00 in nine hours.
    let overnight = new_york(blackout("22:00", "06:00", &["saturday"]));
    assert_lasts(&overnight, "2026-11-01T02:00:00Z", "2026-11-01T11:00:00Z");
    // From 01:15 to 01:45, which the clock shows twice.
    let twice = new_york(blackout("01:15", "01:45", &["sunday"]));
    assert_lasts(&twice, "2026-11-01T05:15:00Z", "2026-11-01T05:45:00Z");
    assert_lasts(&twice, "2026-11-01T06:15:00Z", "2026-11-01T06:45:00Z");
}

/// Without any change, two events end an empty screen: the end of a blackout, at a whole minute, and the beginning of a
/// campaign.
#[test]
fn an_empty_screen_stays_so_until_a_campaign_begins_or_a_minute_where_there_are_blackouts() {
    let now = time("2026-11-20T12:00:30.5Z");
    let begins = |text: &str| (joined(), Campaign { start_date: Some(time(text)), ..running() });
    let began = (joined(), running());
    let soon = [begins("2026-11-20T12:00:40Z"), began.clone(), begins("2026-11-20T12:00:30.5Z")];
    let later = [begins("2026-11-20T18:00:00Z"), begins("2026-11-20T17:00:00Z")];
    let open = streamer();
    assert_eq!(empty_until(&open, &[], now), Timestamp::MAX);
    assert_eq!(empty_until(&open, &[began], now), Timestamp::MAX);
    assert_eq!(empty_until(&open, &soon, now), time("2026-11-20T12:00:40Z"));
    assert_eq!(empty_until(&open, &later, now), time("2026-11-20T17:00:00Z"));
    let mut closed = streamer();
    closed.selection.blackouts = vec![blackout("22:00", "06:00", &["friday"])];
    assert_eq!(empty_until(&closed, &later, now), time("2026-11-20T12:01:00Z"));
    assert_eq!(empty_until(&closed, &soon, now), time("2026-11-20T12:00:40Z"));
}
