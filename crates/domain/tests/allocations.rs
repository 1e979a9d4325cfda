//! Selecting allocates the record and nothing else.

// Helpers of tests fail by panicking, as the tests themselves do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use gametriggers_domain::selection::{
    self, APPEARANCES_MAX, Appearance, AwayCampaign, BroadcastSoFar, Candidate, DAYPARTS_MAX, DrawRules,
    ExplorationShare, Parameter, Parameters, SelectionContext, SelectionStrategy, select, select_by,
};
use gametriggers_fixtures::{blackout, campaign_id, candidate, context, minutes, noon, payment, seed, start};
use gametriggers_types::{Daypart, DaypartWeight, ParameterValue, PaymentType, PriorityWeights, Spacing};

/// The buffers of a record: the strategy's name, who was a candidate, and the chance of each.
const OWNED_BY_THE_RECORD: u64 = 3;
/// Two that are the same but for their case, which is not found out byte by byte.
const CATEGORIES: [&str; 3] = ["gaming", "CAFÉ", "café"];

fn categories() -> Vec<String> {
    CATEGORIES.map(str::to_owned).to_vec()
}

/// Candidates with a history and dates, of one category each. Some are behind their plan, some ahead.
fn candidates(count: u32, categories: &[String]) -> Vec<Candidate<'_>> {
    let candidate = |(number, &kind)| {
        let place = usize::try_from(number).unwrap() % categories.len();
        Candidate {
            categories: &categories[place..=place],
            payment: payment(kind, 1.66, 10_000),
            paid_units: u64::from(number),
            impressions: 100 * u64::from(number),
            clicks: u64::from(number),
            visits: u64::from(number),
            starts_at: Some(start()),
            ends_at: Some(noon() + minutes(60 * i64::from(number))),
            displayed: minutes(2),
            tallied: minutes(3),
            last_shown: Some(start()),
            ..candidate(number)
        }
    };
    (0..count).zip(PaymentType::ALL.iter().cycle()).map(candidate).collect()
}

/// As many appearances as a broadcast remembers, the latest one still on screen.
fn appearances() -> Vec<Appearance> {
    let begin = noon() - minutes(3 * i64::try_from(APPEARANCES_MAX).unwrap());
    let appearance = |number: u32| Appearance {
        campaign: campaign_id(number),
        categories: vec!["Café".to_owned()],
        from: begin + minutes(3 * i64::from(number)),
        until: begin + minutes(3 * i64::from(number) + 3),
    };
    (0..).map(appearance).take(APPEARANCES_MAX).collect()
}

fn away() -> AwayCampaign {
    AwayCampaign {
        campaign: campaign_id(77),
        displayed: minutes(5),
        tallied: minutes(6),
        last_shown: Some(start()),
    }
}

/// A value for each parameter of the strategy: the greatest number, or as many dayparts as may be.
fn values(strategy: &dyn SelectionStrategy) -> BTreeMap<String, ParameterValue> {
    let daypart = |place: usize| Daypart {
        period: blackout("00:00", "23:00", &["friday"]),
        category: if place + 1 < DAYPARTS_MAX { format!("Straße {place}") } else { "café".to_owned() },
        weight: DaypartWeight::try_from(3.0).unwrap(),
    };
    let value = |parameter: &Parameter| match parameter {
        Parameter::Number(number) => Some(ParameterValue::Number(number.max)),
        Parameter::Dayparts(_) => Some(ParameterValue::Dayparts((0..DAYPARTS_MAX).map(daypart).collect())),
        Parameter::PriorityWeight(_) => None,
    };
    let named = strategy.parameters().iter().map(|one| Some((one.name().to_owned(), value(one)?)));
    named.flatten().collect()
}

/// The distance, and a share that is left to chance.
fn rules() -> DrawRules {
    let spacing = Spacing { in_a_row: 1.0.try_into().unwrap(), between: 2.0.try_into().unwrap() };
    DrawRules { spacing, exploration: ExplorationShare::try_from(0.1).unwrap() }
}

#[test]
fn selecting_allocates_what_the_record_owns_and_nothing_else() {
    let (categories, appearances, away) = (categories(), appearances(), [away()]);
    for strategy in selection::all() {
        let values = values(*strategy);
        let full = SelectionContext {
            parameters: Parameters::new(PriorityWeights::default(), Some(&values)),
            viewers: Some(1_000),
            categories: &categories,
            languages: &categories,
            broadcast: BroadcastSoFar {
                began: start(),
                displayed: minutes(30),
                appearances: &appearances,
                away: &away,
            },
            ..context(noon(), seed(7))
        };
        for (ctx, rules) in [(context(noon(), seed(7)), None), (full, None), (full, Some(rules()))] {
            for count in [1, 3, 10, 100, 1_000] {
                let mut candidates = candidates(count, &categories);
                let mut record = None;
                let while_selecting = allocation_counter::measure(|| {
                    record = match rules {
                        Some(rules) => select_by(rules, *strategy, &ctx, &mut candidates),
                        None => select(*strategy, &ctx, &candidates),
                    };
                });
                let case = format!("{} of {count} with {rules:?}", strategy.name());
                assert_eq!(while_selecting.count_total, OWNED_BY_THE_RECORD, "{case}: {while_selecting:?}");
                let barred = record.as_ref().map_or(0, |record| record.barred);
                assert_eq!(barred > 0, rules.is_some() && count > 1, "{case}: the distance bars {barred}");
                let freed = allocation_counter::measure(|| drop(record));
                let [owned, freed] = [while_selecting.count_current, -freed.count_current];
                assert_eq!(owned, freed, "{case}: all that was allocated is the record's");
            }
        }
    }
}
