//! Laws of every strategy in the registry.

use gametriggers_domain::selection::{
    self, Candidate, DrawRules, Parameter, Selection, SelectionContext, SelectionStrategy, select, select_by,
};
use gametriggers_types::{CampaignId, ParameterValue, StrategyName};
use proptest::prelude::*;

use crate::support::{any_candidates, any_context};

/// A record's probabilities by campaign.
fn probabilities(selection: &Selection) -> Vec<(CampaignId, f64)> {
    let mut shares: Vec<_> =
        selection.shares.iter().map(|share| (share.campaign, share.probability)).collect();
    shares.sort_by_key(|&(campaign, _)| campaign);
    shares
}

fn weights(
    strategy: &dyn SelectionStrategy,
    ctx: &SelectionContext<'_>,
    candidates: &[Candidate<'_>],
) -> Vec<f64> {
    let mut weights = vec![0.0; candidates.len()];
    strategy.weigh(ctx, candidates, &mut weights);
    weights
}

/// Names are stored in streamers' settings, so no name may vanish. This list holds the names of the first version. New
/// strategies need no entry.
#[test]
fn the_names_that_streamers_have_chosen_stay() {
    for name in ["fair-rotation", "time-rotation", "weighted", "performance", "revenue-optimized"] {
        assert!(selection::find(name).is_ok(), "{name}");
    }
    assert_eq!(selection::default_strategy().name(), StrategyName::DEFAULT);
    assert!(selection::find("no-such-strategy").is_err());
}

/// The OpenAPI document and the tables in the documents have the registry's order.
#[test]
fn names_are_plain_different_and_in_order() {
    let names: Vec<_> = selection::all().iter().map(|strategy| strategy.name()).collect();
    assert!(names.is_sorted(), "the lines of `strategies!` are in alphabetical order: {names:?}");
    for (place, name) in names.iter().enumerate() {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(!name.is_empty() && name.bytes().all(plain), "{name:?} is not lower-case words and hyphens");
        assert!(!names[..place].contains(name), "two strategies have the name {name}");
        assert_eq!(selection::find(name).unwrap().name(), *name);
    }
}

#[test]
fn parameters_have_plain_different_names_and_a_default_in_their_range() {
    for strategy in selection::all() {
        let parameters = strategy.parameters();
        for (place, parameter) in parameters.iter().enumerate() {
            let (strategy, name) = (strategy.name(), parameter.name());
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(
                plain && name.starts_with(|first: char| first.is_ascii_lowercase()),
                "{strategy}.{name}: write camelCase"
            );
            assert!(
                parameters[..place].iter().all(|other| other.name() != name),
                "two parameters {strategy}.{name}"
            );
            if let Parameter::Number(number) = parameter {
                let allows = |value| parameter.allows(&ParameterValue::Number(value));
                let (below, above) = (number.min - 1.0, number.max + 1.0);
                assert!(
                    [number.default, number.min, number.max].into_iter().all(allows),
                    "{strategy}.{name}: {number:?}"
                );
                assert!(![below, above, f64::NAN].into_iter().any(allows), "{strategy}.{name}: {number:?}");
            }
        }
    }
}

/// For streamers: a sentence that begins with a capital letter and ends with a full stop.
#[test]
fn descriptions_are_sentences() {
    let is_sentence = |text: &str| text.ends_with('.') && text.starts_with(char::is_uppercase);
    for strategy in selection::all() {
        let texts = strategy.parameters().iter().map(Parameter::description).chain([strategy.description()]);
        for text in texts {
            assert!(is_sentence(text), "{}: {text:?}", strategy.name());
        }
    }
}

proptest! {
    #[test]
    fn without_candidates_nothing_is_picked(moment in any_context()) {
        for strategy in selection::all() {
            prop_assert!(select(*strategy, &moment.context(strategy.name()), &[]).is_none(), "{}", strategy.name());
        }
    }

    #[test]
    fn a_pick_is_one_of_the_candidates_and_had_a_chance(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let selection = select(*strategy, &moment.context(strategy.name()), &candidates).unwrap();
            let picked = selection.picked();
            prop_assert!(selection.is_consistent());
            prop_assert!(picked.probability > 0.0, "{}", strategy.name());
            prop_assert!(
                candidates.iter().any(|candidate| {
                    candidate.campaign == picked.campaign && candidate.participation == picked.participation
                }),
                "{}", strategy.name()
            );
        }
    }

    /// The engine replaces unusable weights (all 0, negative or not finite) by equal chances. No streamer has chosen
    /// equal chances.
    #[test]
    fn weights_are_usable(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let weights = weights(*strategy, &moment.context(strategy.name()), &candidates);
            let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.iter().any(|weight| *weight > 0.0);
            prop_assert!(usable, "{}: {weights:?}", strategy.name());
        }
    }

    #[test]
    fn probabilities_are_finite_and_sum_to_1(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let shares = select(*strategy, &moment.context(strategy.name()), &candidates).unwrap().shares;
            prop_assert_eq!(shares.len(), candidates.len());
            let sane = shares.iter().all(|share| share.probability.is_finite() && share.probability >= 0.0);
            let sum: f64 = shares.iter().map(|share| share.probability).sum();
            prop_assert!(sane && (sum - 1.0).abs() < 1e-9, "{}: {shares:?}", strategy.name());
        }
    }

    /// Defect S8: every poll drew anew. So the overlay flickered, and each draw was billed.
    #[test]
    fn s8_whoever_asks_again_gets_the_same_record(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let (first, again) = (select(*strategy, &moment.context(strategy.name()), &candidates), select(*strategy, &moment.context(strategy.name()), &candidates));
            prop_assert_eq!(first, again, "{}", strategy.name());
        }
    }

    #[test]
    fn a_record_replays_to_its_pick_also_after_storage(moment in any_context(), candidates in any_candidates()) {
        for strategy in selection::all() {
            let selection = select(*strategy, &moment.context(strategy.name()), &candidates).unwrap();
            prop_assert_eq!(selection.replay(), Some(selection.picked().campaign), "{}", strategy.name());
            let json = serde_json::to_string(&selection).unwrap();
            let stored: Selection = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&stored, &selection, "{}", strategy.name());
            prop_assert_eq!(stored.replay(), Some(selection.picked().campaign), "{}", strategy.name());
        }
    }

    /// A store may list candidates in any order. Defect S7: this order decided the pick.
    #[test]
    fn s7_the_order_of_candidates_changes_nothing(
        moment in any_context(),
        (candidates, shuffled) in any_candidates().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        for strategy in selection::all() {
            let one = select(*strategy, &moment.context(strategy.name()), &candidates).unwrap();
            let other = select(*strategy, &moment.context(strategy.name()), &shuffled).unwrap();
            prop_assert_eq!(one.picked().campaign, other.picked().campaign, "{}", strategy.name());
            for ((campaign, one), (_, other)) in probabilities(&one).into_iter().zip(probabilities(&other)) {
                prop_assert!((one - other).abs() < 1e-12, "{}, {campaign}: {one} or {other}", strategy.name());
            }
        }
    }

    /// This holds for every distance that a streamer may want: one candidate is picked, barred candidates have no
    /// chance, and a lone candidate is not barred.
    #[test]
    fn spacing_bars_some_and_never_all(moment in any_context(), candidates in any_candidates()) {
        let rules = DrawRules { spacing: moment.spacing(), ..DrawRules::default() };
        for strategy in selection::all() {
            let mut candidates = candidates.clone();
            let ctx = moment.context(strategy.name());
            let selection = select_by(rules, *strategy, &ctx, &mut candidates).unwrap();
            let admitted = candidates.len() - selection.barred;
            prop_assert!(admitted >= 1);
            for (place, share) in selection.shares.iter().enumerate() {
                prop_assert_eq!(share.campaign, candidates[place].campaign);
                prop_assert!(place < admitted || share.probability <= 0.0, "{}", strategy.name());
            }
            prop_assert!(selection.picked().probability > 0.0, "{}", strategy.name());
            prop_assert_eq!(selection.replay(), Some(selection.picked().campaign), "{}", strategy.name());
        }
    }
}
