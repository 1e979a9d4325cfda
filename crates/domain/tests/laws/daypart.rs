//! `daypart` for any zone, any moment and any parts of the week.

use gametriggers_domain::selection::{self, Candidate, Parameters, SelectionContext, select};
use gametriggers_fixtures::{blackout, context, seed};
use gametriggers_types::{
    Daypart, DaypartWeight, ParameterValue, PriorityWeights, TimeZoneName, Timestamp, Weekday,
};
use proptest::prelude::*;

use crate::support::candidate;

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ZONES: [&str; 5] =
    ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe"];
const MINUTES_OF_DAY: usize = 24 * 60;

/// A part of the week in the form of these tests. Days are numbered from Monday = 0. Times are minutes of the day.
#[derive(Debug, Clone)]
struct Part {
    days: Vec<usize>,
    from: usize,
    until: usize,
    category: &'static str,
    weight: f64,
}

impl Part {
    fn daypart(&self) -> Daypart {
        let text = |minute: usize| format!("{:02}:{:02}", minute / 60, minute % 60);
        let days: Vec<_> = self.days.iter().map(|&day| DAYS[day]).collect();
        Daypart {
            period: blackout(&text(self.from), &text(self.until), &days),
            category: self.category.to_owned(),
            weight: DaypartWeight::try_from(self.weight).unwrap(),
        }
    }

    /// Whether the part covers this minute of the week. Minutes are counted one by one from each beginning.
    fn covers(&self, minute_of_week: usize) -> bool {
        let length = (self.until + MINUTES_OF_DAY - self.from - 1) % MINUTES_OF_DAY + 1;
        self.days.iter().any(|day| {
            let begin = day * MINUTES_OF_DAY + self.from;
            (begin..begin + length).any(|minute| minute % (7 * MINUTES_OF_DAY) == minute_of_week)
        })
    }
}

fn any_part() -> impl Strategy<Value = Part> {
    let days = prop::sample::subsequence((0..7).collect::<Vec<_>>(), 1..=7);
    let minutes = (0..MINUTES_OF_DAY, 0..=MINUTES_OF_DAY).prop_filter("empty", |(from, until)| from != until);
    let category = prop::sample::select(vec!["food", "Gaming", "other"]);
    let weight = prop_oneof![1 => Just(0.0), 4 => 0.0..=100.0];
    (days, minutes, category, weight).prop_map(|(days, (from, until), category, weight)| Part {
        days,
        from,
        until,
        category,
        weight,
    })
}

fn minute_of_week(now: Timestamp, zone: &str) -> usize {
    let local = now.in_tz(zone).unwrap();
    let day = match local.weekday() {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    };
    let part = |number: i8| usize::try_from(number).unwrap();
    day * MINUTES_OF_DAY + part(local.hour()) * 60 + part(local.minute())
}

proptest! {
    /// Two campaigns, one of `food` and one of `gaming` and `drinks`.
    #[test]
    fn probabilities_are_as_the_weights_of_the_parts_that_cover_the_local_time(
        second in 0..4_000_000_000_i64,
        zone in prop::sample::select(ZONES.to_vec()),
        parts in prop::collection::vec(any_part(), 0..6),
    ) {
        let now = Timestamp::from_second(second).unwrap();
        let dayparts = ParameterValue::Dayparts(parts.iter().map(Part::daypart).collect());
        let values = [("dayparts".to_owned(), dayparts)].into_iter().collect();
        let categories = [vec!["FOOD".to_owned()], vec!["drinks".to_owned(), "gaming".to_owned()]];
        let candidates: Vec<_> =
            (1..).zip(&categories).map(|(number, categories)| Candidate { categories, ..candidate(number) }).collect();
        let ctx = SelectionContext {
            local: TimeZoneName::parse(zone).unwrap().local_time(now),
            parameters: Parameters::new(PriorityWeights::default(), Some(&values)),
            ..context(now, seed(0))
        };
        let selection = select(selection::find("daypart").unwrap(), &ctx, &candidates).unwrap();
        prop_assert!(!selection.weights_unusable);
        let chances: Vec<_> = selection.shares.iter().map(|share| share.probability).collect();

        let covering = |category: &str| {
            let part = parts.iter().find(|part| part.category == category && part.covers(minute_of_week(now, zone)));
            part.map_or(1.0, |part| part.weight)
        };
        let (food, gaming) = (covering("food"), covering("Gaming"));
        if food + gaming > 0.0 {
            prop_assert!((chances[0] * gaming - chances[1] * food).abs() < 1e-9 * (food + gaming), "{chances:?}");
        } else {
            prop_assert_eq!(chances, [0.5, 0.5]);
        }
    }
}
