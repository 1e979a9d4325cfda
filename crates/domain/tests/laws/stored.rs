//! The stored form of records. Every later version must read and replay what an earlier version stored.

use std::sync::LazyLock;

use gametriggers_domain::{
    decision::{Basis, Broadcast, Content, Decision, Tally},
    selection::{self, Candidate, Parameters, Selection, SelectionContext, select},
};
use gametriggers_fixtures::{blackout, context, cpc, cpm, decision_id, fixed, minutes, noon, seed, weights};
use gametriggers_types::{Daypart, DaypartWeight, ParameterValue};

use crate::support::candidate;

fn three() -> [Candidate<'static>; 3] {
    static CATEGORIES: LazyLock<[String; 2]> = LazyLock::new(|| ["gaming", "food"].map(str::to_owned));
    let with = |number, payment, impressions, clicks, shown| Candidate {
        payment,
        impressions,
        clicks,
        visits: number,
        tallied: minutes(shown),
        ..candidate(number)
    };
    // Half, a quarter and an eighth of the flights have passed, and nothing is spent.
    let flight = |left, one| Candidate {
        starts_at: Some(noon() - minutes(60)),
        ends_at: Some(noon() + minutes(left)),
        ..one
    };
    [
        Candidate { categories: &CATEGORIES[..1], ..flight(60, with(0, cpm(100.0), 10, 0, 0)) },
        Candidate {
            last_shown: Some(noon() - minutes(1)),
            categories: &CATEGORIES[1..],
            ..flight(180, with(1, fixed(101.0, 10_000), 1_010, 7, 3))
        },
        flight(420, with(2, cpc(102.0), 2_010, 28, 6)),
    ]
}

fn record(strategy: &str) -> Selection {
    let part = |category: &str, weight: f64| Daypart {
        period: blackout("12:00", "13:00", &["friday"]),
        category: category.to_owned(),
        weight: DaypartWeight::try_from(weight).unwrap(),
    };
    let dayparts = ParameterValue::Dayparts(vec![part("gaming", 0.5), part("food", 2.5)]);
    let values = [("dayparts".to_owned(), dayparts)].into_iter().collect();
    let ctx = SelectionContext {
        parameters: Parameters::new(weights(0.5, 0.25, 0.25), Some(&values)),
        ..context(noon(), seed(7))
    };
    select(selection::find(strategy).unwrap(), &ctx, &three()).unwrap()
}

#[test]
fn the_form_of_a_record_stays() {
    let form = r#"{
        "strategy": "time-rotation",
        "seed": "00000000000000000000000000000007",
        "shares": [
            {
                "campaignId": "000000000000000000000000",
                "participationId": "00000000ffffffffffffffff",
                "probability": 0.0
            },
            {
                "campaignId": "000000000000000000000001",
                "participationId": "00000000fffffffffffffffe",
                "probability": 0.0
            },
            {
                "campaignId": "000000000000000000000002",
                "participationId": "00000000fffffffffffffffd",
                "probability": 1.0
            }
        ],
        "pick": 2,
        "weightsUnusable": false
    }"#;
    let spaces = |text: &str| text.split_whitespace().collect::<String>();
    let record = record("time-rotation");
    assert_eq!(serde_json::to_string(&record).unwrap(), spaces(form));
    assert_eq!(serde_json::from_str::<Selection>(form).unwrap(), record);
}

/// Probabilities to the last bit.
#[test]
fn what_a_strategy_has_drawn_it_draws_again() {
    let cases = [
        ("weighted", [0.306_259_124_417_392_8, 0.279_986_826_700_831_5, 0.413_754_048_881_775_64], 0),
        ("time-rotation", [0.0, 0.0, 1.0], 2),
        ("revenue-optimized", [0.0, 0.0, 1.0], 2),
        ("performance", [0.820_312_500_000_000_1, 0.007_812_500_000_000_002, 0.171_875_000_000_000_03], 0),
        ("fair-rotation", [1.0, 0.0, 0.0], 0),
        // 0.5, 2.5 and 1 of 4
        ("daypart", [0.125, 0.625, 0.25], 1),
        // 1/2, 1/4 and 1/8 of 7/8
        ("pacing", [0.571_428_571_428_571_4, 0.285_714_285_714_285_7, 0.142_857_142_857_142_85], 0),
    ];
    for (strategy, probabilities, pick) in cases {
        let record = record(strategy);
        let bits = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(
            bits(&mut record.shares.iter().map(|share| share.probability)),
            bits(&mut probabilities.into_iter()),
            "{strategy}: {record:?}"
        );
        assert_eq!(record.picked(), record.shares.at(pick), "{strategy}");
        assert_eq!(record.replay(), Some(record.shares.at(pick).campaign), "{strategy}");
    }
}

/// The short form keeps the pick and the number of candidates. It cannot be replayed, and says so.
#[test]
fn the_form_of_a_shortened_decision_stays() {
    let record = record("weighted");
    let mut tally = Tally::default();
    tally.admit(&[record.picked().campaign]);
    let decision = Decision {
        id: decision_id(1, 1),
        from: noon(),
        until: noon() + minutes(3),
        slot_start: noon(),
        settings_version: 2,
        basis: Basis::Display,
        content: Content::Campaign(record.clone()),
        tally,
        broadcast: Broadcast::inherited(None, noon()),
    };
    let form = r#"{
        "kind": "campaign",
        "strategy": "weighted",
        "seed": "00000000000000000000000000000007",
        "shares": [
            {
                "campaignId": "000000000000000000000000",
                "participationId": "00000000ffffffffffffffff",
                "probability": 0.3062591244173928
            }
        ],
        "pick": 0,
        "weightsUnusable": false,
        "shortenedFrom": 3
    }"#;
    let spaces = |text: &str| text.split_whitespace().collect::<String>();
    let short = decision.clone().shortened();
    assert_eq!(serde_json::to_string(&short.content).unwrap(), spaces(form));
    assert_eq!(serde_json::from_str::<Content>(form).unwrap(), short.content);
    assert_eq!(serde_json::to_string(&short.tally).unwrap(), "{}");
    assert_eq!(
        Decision {
            content: decision.content.clone(),
            tally: decision.tally.clone(),
            broadcast: decision.broadcast.clone(),
            ..short.clone()
        },
        decision
    );
    assert_eq!(short.clone().shortened(), short, "a second time changes nothing");

    let selection = short.selection().unwrap();
    assert!(selection.is_consistent() && selection.is_shortened() && !record.is_shortened());
    assert_eq!((selection.picked(), selection.candidate_count()), (record.picked(), 3));
    assert_eq!((selection.replay(), record.replay()), (None, Some(record.picked().campaign)));
}
