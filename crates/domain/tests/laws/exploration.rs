//! Laws of the share of decisions that an installation leaves to chance.

use gametriggers_domain::selection::{self, DrawRules, ExplorationShare, Selection, select, select_by};
use gametriggers_fixtures::{context, noon, seed};
use proptest::prelude::*;

use crate::{
    engine::{Given, candidates},
    support::{any_candidates, any_context},
};

fn exploring(share: f64) -> DrawRules {
    DrawRules { exploration: ExplorationShare::try_from(share).unwrap(), ..DrawRules::default() }
}

fn chances(selection: &Selection) -> Vec<f64> {
    selection.shares.iter().map(|share| share.probability).collect()
}

#[test]
fn a_share_is_a_number_from_0_to_1() {
    for bad in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
        assert!(ExplorationShare::try_from(bad).is_err(), "{bad}");
        assert!(serde_json::from_str::<ExplorationShare>(&bad.to_string()).is_err(), "{bad}");
    }
    assert!(ExplorationShare::try_from(0.0).unwrap().is_off() && ExplorationShare::default().is_off());
    assert!(!ExplorationShare::try_from(1.0).unwrap().is_off());
}

#[test]
fn a_tenth_left_to_chance_by_hand() {
    let weights = vec![3.0, 1.0, 0.0, 0.0];
    let selection = select_by(
        exploring(0.1),
        &Given(weights.clone()),
        &context(noon(), seed(0)),
        &mut candidates(&weights),
    );
    let by_hand = [0.9 * 0.75 + 0.025, 0.9 * 0.25 + 0.025, 0.025, 0.025];
    for (chance, expected) in chances(&selection.unwrap()).into_iter().zip(by_hand) {
        assert!((chance - expected).abs() < 1e-15, "{chance}, not {expected}");
    }
}

proptest! {
    /// This holds for every strategy and every distance between campaigns. Barred candidates have no chance.
    #[test]
    fn each_probability_is_the_mixture_and_the_record_replays(
        share in prop_oneof![Just(1.0), 0.0..=1.0], moment in any_context(), candidates in any_candidates(),
    ) {
        let with = |rules, strategy: &str| {
            let mut candidates = candidates.clone();
            let strategy = selection::find(strategy).unwrap();
            select_by(rules, strategy, &moment.context(strategy.name()), &mut candidates).unwrap()
        };
        let spacing = moment.spacing();
        for strategy in selection::all() {
            let plain = with(DrawRules { spacing, ..DrawRules::default() }, strategy.name());
            let mixed = with(DrawRules { spacing, ..exploring(share) }, strategy.name());
            prop_assert_eq!(plain.barred, mixed.barred);
            let admitted = candidates.len() - mixed.barred;
            for (place, (plain, mixed)) in chances(&plain).into_iter().zip(chances(&mixed)).enumerate() {
                #[allow(clippy::cast_precision_loss)] // few
                let equal = if place < admitted { 1.0 / admitted as f64 } else { 0.0 };
                let expected = (1.0 - share) * plain + share * equal;
                prop_assert!((mixed - expected).abs() < 1e-12, "{}: {mixed}, not {expected}", strategy.name());
            }
            let json = serde_json::to_string(&mixed).unwrap();
            let stored: Selection = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&stored, &mixed);
            prop_assert_eq!(stored.replay(), Some(mixed.picked().campaign));
            prop_assert_eq!(json.contains("exploration"), share > 0.0, "{}", json);
        }
    }

    #[test]
    fn nothing_left_to_chance_changes_no_record(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let ctx = moment.context(strategy.name());
            let selection = select_by(exploring(0.0), *strategy, &ctx, &mut candidates.clone()).unwrap();
            prop_assert_eq!(&selection, &select(*strategy, &ctx, &candidates).unwrap());
            let json = serde_json::to_string(&selection).unwrap();
            prop_assert!(!json.contains("exploration") && !json.contains("barred"), "{}", json);
        }
    }
}

/// The tolerance is five standard deviations of the binomial distribution. The seeds are the same in each run.
#[test]
fn the_share_of_picks_converges_to_the_mixture() {
    const DRAWS: u32 = 4_000;
    let weights = vec![1.0, 0.0, 0.0];
    for share in [0.05, 0.3, 1.0] {
        let mut picks = [0_u32; 3];
        for number in 0..DRAWS {
            let ctx = context(noon(), seed(number.into()));
            let drawn = select_by(exploring(share), &Given(weights.clone()), &ctx, &mut candidates(&weights));
            let drawn = drawn.unwrap();
            picks[drawn.shares.iter().position(|one| one == drawn.picked()).unwrap()] += 1;
        }
        for (count, chance) in picks.iter().zip([1.0 - share * 2.0 / 3.0, share / 3.0, share / 3.0]) {
            let expected = f64::from(DRAWS) * chance;
            let tolerance = 5.0 * (expected * (1.0 - chance)).sqrt();
            assert!((f64::from(*count) - expected).abs() <= tolerance, "{share}: {picks:?}");
        }
    }
}
