//! Laws of decisions: the first decision that is written under an id is the only one.

use gametriggers_domain::{
    decision::{Basis, Broadcast, Circumstances, Content, Decision},
    eligibility::EmptyReason,
    model::Campaign,
    selection::{Candidate, ExplorationShare, Seed, SelectionContext, SelectionStrategy, select},
};
use gametriggers_fixtures::{
    campaign, campaign_id, candidate, context, decision_id, empty_decision, minute, participation, user,
    user_id,
};
use gametriggers_persistence::{EndedDecision, Entity, Shortening, StorageError, StoredDecision};
use gametriggers_types::{DecisionId, SignedDuration, Timestamp};

use crate::{
    Fixture,
    support::{AWKWARD_TEXT, TASKS, at_once, awkward_fractions, count},
};

crate::laws! { $ decisions:
    a_draw_is_read_as_inserted,
    a_draw_loses_no_bit_of_any_probability,
    every_seed_and_strategy_is_read_as_inserted,
    every_reason_of_an_empty_screen_is_read_as_inserted,
    every_basis_and_number_is_read_as_inserted,
    what_a_decision_passes_on_is_read_as_inserted,
    the_first_decision_under_an_id_is_kept,
    of_many_deciders_all_get_the_same_decision,
    of_many_deciders_of_many_slots_each_slot_has_one_decision,
    the_latest_decision_is_the_one_of_the_greatest_ordinal,
    an_instance_that_lags_writes_neither_over_nor_beside_a_newer_decision,
    a_decision_ends_where_its_successor_begins,
    streamers_do_not_see_each_others_decisions,
    a_decision_that_is_not_there_is_not_found,
    old_decisions_are_shortened_but_for_each_streamers_latest,
    a_shortened_decision_still_says_what_was_paid,
    shortening_goes_on_where_it_stood_and_looks_at_each_decision_once,
    a_decision_that_cannot_be_read_stays_as_it_is_and_stops_no_others_shortening,
}

/// A strategy that gives the candidates these weights.
struct Given(Vec<f64>);

impl SelectionStrategy for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn description(&self) -> &'static str {
        "Gives the candidates these weights."
    }

    fn weigh(&self, _: &SelectionContext<'_>, _: &[Candidate<'_>], weights: &mut [f64]) {
        weights.copy_from_slice(&self.0);
    }
}

/// A decision among as many campaigns as there are weights.
fn draw(streamer: u32, ordinal: u64, weights: Vec<f64>, seed: [u8; 16]) -> Decision {
    let blank = empty_decision(streamer, ordinal);
    let context = context(blank.from, Seed::new(seed));
    let candidates: Vec<_> = (1..).map(candidate).take(weights.len()).collect();
    let selection = select(&Given(weights), &context, &candidates).unwrap();
    Decision { content: Content::Campaign(selection), ..blank }
}

/// Stores the decision through the first client and asserts that no other decision was stored before it.
async fn store(fixture: &impl Fixture, decision: &Decision) {
    let answer = fixture.repositories().decisions.insert_first(decision).await.unwrap();
    assert_same(&answer, decision);
}

/// Returns the decision that a new client reads by id.
async fn stored(fixture: &impl Fixture, id: DecisionId) -> StoredDecision {
    fixture.reopen().await.decisions.find(id).await.unwrap().expect("the decision is stored")
}

/// Asserts that all fields are equal, and every probability to its last bit.
#[track_caller]
fn assert_same(found: &Decision, expected: &Decision) {
    let bits = |decision: &Decision| {
        let shares = decision.selection().map(|selection| selection.shares.clone()).unwrap_or_default();
        shares.iter().map(|share| share.probability.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(found), bits(expected));
    assert_eq!(found, expected);
}

/// A draw is read as inserted, by id and as the latest decision, and its replay gives the same pick.
async fn a_draw_is_read_as_inserted(fixture: &impl Fixture) {
    let expected = draw(1, 1, vec![0.4, 0.1, 0.3, 0.0], [0xfe; 16]);
    store(fixture, &expected).await;
    let found = stored(fixture, expected.id).await;
    assert_same(&found.decision, &expected);
    assert_eq!(found.successor_from, None);
    let latest = fixture.reopen().await.decisions.find_latest(user_id(1)).await.unwrap().unwrap();
    assert_same(&latest, &expected);
    assert_eq!(latest.shown(), expected.shown());
    assert_eq!(latest.selection().unwrap().replay(), Some(expected.shown().unwrap().0));
}

/// A probability is read to the last bit, even if its text needs 17 digits or an exponent.
async fn a_draw_loses_no_bit_of_any_probability(fixture: &impl Fixture) {
    let fractions = awkward_fractions(300);
    let mut expected = draw(1, 1, fractions.clone(), [1; 16]);
    let Content::Campaign(selection) = &mut expected.content else { panic!("a draw has candidates") };
    selection.shares.probabilities_mut().copy_from_slice(&fractions);
    store(fixture, &expected).await;
    assert_same(&stored(fixture, expected.id).await.decision, &expected);
}

/// The seed, the strategy, the position of the pick and the warning about unusable weights are read as inserted.
async fn every_seed_and_strategy_is_read_as_inserted(fixture: &impl Fixture) {
    for ordinal in 1..=8 {
        let byte = u8::try_from(ordinal * 31).unwrap();
        let seed = std::array::from_fn(|place| if place == 0 { 0 } else { byte });
        let unusable = ordinal % 2 == 0;
        let weights = vec![if unusable { f64::NAN } else { 1.0 }; 5];
        let mut expected = draw(1, ordinal, weights, seed);
        let Content::Campaign(selection) = &mut expected.content else { panic!("a draw has candidates") };
        assert_eq!(selection.weights_unusable, unusable);
        selection.strategy = format!("{AWKWARD_TEXT} {ordinal}");
        store(fixture, &expected).await;
        assert_same(&stored(fixture, expected.id).await.decision, &expected);
    }
}

/// An empty decision keeps the reason why nothing is shown.
async fn every_reason_of_an_empty_screen_is_read_as_inserted(fixture: &impl Fixture) {
    let reasons = [EmptyReason::Blackout, EmptyReason::NoCampaign, EmptyReason::StreamerInactive];
    for (ordinal, reason) in (1..).zip(reasons) {
        let expected = Decision { content: Content::Empty { reason }, ..empty_decision(1, ordinal) };
        store(fixture, &expected).await;
        assert_same(&stored(fixture, expected.id).await.decision, &expected);
    }
}

/// The basis of payment, the beginning, the slot and the version of the settings are read as inserted.
async fn every_basis_and_number_is_read_as_inserted(fixture: &impl Fixture) {
    let numbers = [(Basis::Display, 0), (Basis::Viewers, 1), (Basis::Viewers, 9_007_199_254_740_993)];
    for (ordinal, (basis, settings_version)) in (1..).zip(numbers) {
        let expected = Decision {
            basis,
            settings_version,
            from: minute(5) + SignedDuration::from_millis(1),
            until: minute(6) + SignedDuration::from_millis(2),
            slot_start: minute(4) + SignedDuration::from_millis(3),
            ..empty_decision(1, ordinal)
        };
        store(fixture, &expected).await;
        assert_same(&stored(fixture, expected.id).await.decision, &expected);
    }
}

/// What a decision passes to the next is read as inserted: the tally, for campaigns that were shown before and for those that
/// were only admitted; the course of the broadcast; and in the draw the candidates that were barred and the exploration share.
async fn what_a_decision_passes_on_is_read_as_inserted(fixture: &impl Fixture) {
    let mut before: Option<Decision> = None;
    let mut barred = 0;
    for ordinal in 1..=6 {
        let campaigns = 3 + u32::try_from(ordinal % 2).unwrap();
        let next = decide_after(before.as_ref(), 1, ordinal, campaigns);
        store(fixture, &next).await;
        assert_same(&stored(fixture, next.id).await.decision, &next);
        barred += next.selection().unwrap().barred;
        before = Some(next);
    }
    let last = before.unwrap();
    let has_time = |number| last.tally.of(campaign_id(number)).last().is_some();
    assert!((1..=3).any(has_time), "the tally is worth keeping");
    assert!(last.broadcast != Broadcast::default(), "the broadcast is worth keeping");
    let exploration = last.selection().unwrap().exploration;
    assert!(barred > 0 && !exploration.is_off(), "the draws are worth keeping");
}

/// A second decision under an id is dropped, and its maker gets the first one.
async fn the_first_decision_under_an_id_is_kept(fixture: &impl Fixture) {
    let first = draw(1, 1, vec![1.0, 2.0], [1; 16]);
    store(fixture, &first).await;
    for second in
        [draw(1, 1, vec![2.0, 1.0, 3.0], [2; 16]), Decision { from: minute(9), ..empty_decision(1, 1) }]
    {
        let answer = fixture.reopen().await.decisions.insert_first(&second).await.unwrap();
        assert_same(&answer, &first);
        assert_same(&stored(fixture, first.id).await.decision, &first);
    }
}

/// If many tasks of two instances decide at once, all get the same decision, and that decision is stored.
async fn of_many_deciders_all_get_the_same_decision(fixture: &impl Fixture) {
    let answers = at_once(fixture, TASKS, |task, client| async move {
        let own = draw(1, 1, vec![0.1, 0.2, 0.7], [u8::try_from(task).unwrap(); 16]);
        client.decisions.insert_first(&own).await.unwrap()
    })
    .await;
    let kept = stored(fixture, decision_id(1, 1)).await.decision;
    for answer in &answers {
        assert_same(answer, &kept);
    }
    let seeds: Vec<_> = (0..TASKS).map(|task| Seed::new([u8::try_from(task).unwrap(); 16])).collect();
    assert_eq!(count(&seeds, |seed| *seed == kept.selection().unwrap().seed), 1, "one of theirs");
}

/// If many tasks write a chain of decisions at once, each at its own pace, one decision is stored for each ordinal.
async fn of_many_deciders_of_many_slots_each_slot_has_one_decision(fixture: &impl Fixture) {
    const SLOTS: u64 = 10;
    let chains = at_once(fixture, 8, |task, client| async move {
        let mut chain = Vec::new();
        for ordinal in 1..=SLOTS {
            let own = draw(1, ordinal, vec![1.0; 3], [u8::try_from(task).unwrap(); 16]);
            chain.push(client.decisions.insert_first(&own).await.unwrap());
        }
        chain
    })
    .await;
    for ordinal in 1..=SLOTS {
        let kept = stored(fixture, decision_id(1, ordinal)).await.decision;
        for chain in &chains {
            assert_same(&chain[usize::try_from(ordinal).unwrap() - 1], &kept);
        }
    }
}

/// The latest decision is the one with the greatest ordinal as a number, whenever it was written and whenever it began.
async fn the_latest_decision_is_the_one_of_the_greatest_ordinal(fixture: &impl Fixture) {
    for ordinal in [1, 2, 9, 11, 10, 100, 99] {
        // The beginnings run backwards, as if the clock of their maker did.
        store(
            fixture,
            &Decision { from: minute(500 - i64::try_from(ordinal).unwrap()), ..empty_decision(1, ordinal) },
        )
        .await;
    }
    let latest = fixture.reopen().await.decisions.find_latest(user_id(1)).await.unwrap().unwrap();
    assert_eq!(latest.id.ordinal, 100);
}

/// An instance that has not seen the latest decisions gets the stored successor of the decision that it knows, and its attempt
/// neither changes nor hides a newer decision.
async fn an_instance_that_lags_writes_neither_over_nor_beside_a_newer_decision(fixture: &impl Fixture) {
    let newer: Vec<_> = (1..=4).map(|ordinal| draw(1, ordinal, vec![1.0; 3], [1; 16])).collect();
    for decision in &newer {
        store(fixture, decision).await;
    }
    let late = Decision { from: minute(60), until: minute(90), ..draw(1, 2, vec![1.0; 3], [2; 16]) };
    let answer = fixture.reopen().await.decisions.insert_first(&late).await.unwrap();
    assert_same(&answer, &newer[1]);
    let latest = fixture.reopen().await.decisions.find_latest(user_id(1)).await.unwrap().unwrap();
    assert_same(&latest, &newer[3]);
    for decision in &newer {
        assert_same(&stored(fixture, decision.id).await.decision, decision);
    }
}

/// A decision is read together with the time at which its successor began, which is absent as long as there is no successor.
async fn a_decision_ends_where_its_successor_begins(fixture: &impl Fixture) {
    let begins = |ordinal: i64| -> Timestamp { minute(10) + SignedDuration::from_millis(ordinal * 1_001) };
    for ordinal in 1..=3 {
        let next = Decision { from: begins(ordinal), ..empty_decision(1, u64::try_from(ordinal).unwrap()) };
        store(fixture, &next).await;
        store(fixture, &empty_decision(2, u64::try_from(ordinal).unwrap())).await;
        assert_eq!(stored(fixture, next.id).await.successor_from, None);
    }
    assert_eq!(stored(fixture, decision_id(1, 1)).await.successor_from, Some(begins(2)));
    assert_eq!(stored(fixture, decision_id(1, 2)).await.successor_from, Some(begins(3)));
}

/// Decisions of two streamers with the same ordinal are two decisions, and each streamer has their own latest decision.
async fn streamers_do_not_see_each_others_decisions(fixture: &impl Fixture) {
    let (one, other) = (draw(1, 1, vec![1.0; 2], [1; 16]), draw(2, 1, vec![1.0; 3], [2; 16]));
    store(fixture, &one).await;
    store(fixture, &other).await;
    store(fixture, &empty_decision(2, 2)).await;
    let decisions = fixture.reopen().await.decisions;
    assert_same(&decisions.find_latest(user_id(1)).await.unwrap().unwrap(), &one);
    assert_same(&decisions.find_latest(user_id(2)).await.unwrap().unwrap(), &empty_decision(2, 2));
    assert_same(&stored(fixture, other.id).await.decision, &other);
    assert_eq!(stored(fixture, one.id).await.successor_from, None);
}

/// A streamer without decisions has no latest one, and a look-up by an ordinal that was not reached finds nothing.
async fn a_decision_that_is_not_there_is_not_found(fixture: &impl Fixture) {
    store(fixture, &empty_decision(2, 1)).await;
    let decisions = fixture.reopen().await.decisions;
    assert_eq!(decisions.find_latest(user_id(1)).await.unwrap(), None);
    assert_eq!(decisions.find(decision_id(1, 1)).await.unwrap(), None);
    assert_eq!(decisions.find(decision_id(2, 2)).await.unwrap(), None);
}

/// A decision among three campaigns, with what it inherits from `before`.
fn draw_after(before: Option<&Decision>, streamer: u32, ordinal: u64) -> Decision {
    decide_after(before, streamer, ordinal, 3)
}

/// A decision among the first `count` campaigns, as the server makes it: a campaign has a break after each slot, and a quarter of
/// the decisions is left to chance.
fn decide_after(before: Option<&Decision>, streamer: u32, ordinal: u64, count: u32) -> Decision {
    let mut user = user(streamer);
    user.selection.spacing.in_a_row = 1.0.try_into().unwrap();
    let joined = |number| {
        let categories = vec![AWKWARD_TEXT.to_owned(), format!("category {number}")];
        (participation(number, number, streamer), Campaign { categories, ..campaign(number) })
    };
    let eligible: Vec<_> = (1..=count).map(joined).collect();
    let now = empty_decision(streamer, ordinal).from;
    let exploration = ExplorationShare::try_from(0.25).unwrap();
    let circumstances =
        Circumstances { user: &user, previous: before, eligible: &eligible, viewers: None, exploration, now };
    circumstances.decide(|_| Seed::new([u8::try_from(ordinal).unwrap(); 16])).unwrap()
}

/// Stores `count` decisions of the streamer, each with what it inherits from the one before.
pub(crate) async fn store_draws(fixture: &impl Fixture, streamer: u32, count: u64) -> Vec<Decision> {
    let mut draws: Vec<Decision> = Vec::new();
    for ordinal in 1..=count {
        let next = draw_after(draws.last(), streamer, ordinal);
        store(fixture, &next).await;
        draws.push(next);
    }
    draws
}

/// Decisions that ended before the given time are shortened once, except each streamer's latest decision, however old, because
/// its successor inherits from it; nothing else changes.
async fn old_decisions_are_shortened_but_for_each_streamers_latest(fixture: &impl Fixture) {
    let (one, other) = (store_draws(fixture, 1, 9).await, store_draws(fixture, 2, 3).await);
    let empty = Decision { tally: one[8].tally.clone(), ..empty_decision(1, 10) };
    store(fixture, &empty).await;
    let moment = one[6].until;
    assert!(one[5].until < moment || one[0].until < moment, "some have ended before");
    let is_old = |decision: &Decision| decision.until < moment;
    let decisions = fixture.reopen().await.decisions;
    let expected = count(&one, is_old) + count(&other[..2], is_old);
    let done = decisions.shorten(moment, None, 100).await.unwrap();
    assert_eq!(done, Shortening { shortened: u64::try_from(expected).unwrap(), last: None });
    for decision in one.iter().chain(&other[..2]) {
        let found = stored(fixture, decision.id).await;
        let short = decision.clone().shortened();
        assert_same(&found.decision, if is_old(decision) { &short } else { decision });
        assert!(found.successor_from.is_some());
    }
    let again = decisions.shorten(moment, None, 100).await.unwrap();
    assert_eq!(again, Shortening { shortened: 0, last: None });

    let long_after = minute(100_000);
    decisions.shorten(long_after, None, 100).await.unwrap();
    for latest in [&empty, &other[2]] {
        assert_same(&decisions.find_latest(latest.id.streamer).await.unwrap().unwrap(), latest);
        assert_same(&stored(fixture, latest.id).await.decision, latest);
    }
    assert_same(&stored(fixture, one[8].id).await.decision, &one[8].clone().shortened());

    // A decision that has got a successor is shortened like any other.
    let next = Decision { id: empty.id.successor(), ..empty.clone() };
    store(fixture, &next).await;
    assert_eq!(decisions.shorten(long_after, None, 100).await.unwrap().shortened, 1);
    assert_same(&stored(fixture, empty.id).await.decision, &empty.shortened());
}

/// A shortened decision still says who was shown, from when until when, by which strategy and seed, with which probability and
/// among how many candidates, but it cannot be replayed.
async fn a_shortened_decision_still_says_what_was_paid(fixture: &impl Fixture) {
    let whole = store_draws(fixture, 1, 2).await.remove(0);
    let decisions = fixture.reopen().await.decisions;
    decisions.shorten(minute(100_000), None, 100).await.unwrap();
    let short = stored(fixture, whole.id).await.decision;
    assert_eq!(
        (short.id, short.from, short.until, short.basis, short.shown()),
        (whole.id, whole.from, whole.until, whole.basis, whole.shown())
    );
    let (before, after) = (whole.selection().unwrap(), short.selection().unwrap());
    assert_eq!(
        (&after.strategy, after.seed, after.picked()),
        (&before.strategy, before.seed, before.picked())
    );
    assert_eq!(after.candidate_count(), 3);
    assert!(after.is_shortened() && !before.is_shortened());
    assert_eq!((after.replay(), after.shares.len(), short.tally.len()), (None, 1, 0));
    assert_eq!(short.broadcast, Broadcast::default());
    // The shortened decision is still the first one under its id.
    assert_same(&decisions.insert_first(&whole).await.unwrap(), &short);
}

/// However many decisions end at the same time, every step continues after the last decision of the step before.
async fn shortening_goes_on_where_it_stood_and_looks_at_each_decision_once(fixture: &impl Fixture) {
    let mut all = Vec::new();
    for streamer in 1..=3 {
        all.extend(store_draws(fixture, streamer, 5).await);
    }
    let (mut after, mut shortened, mut steps) = (None::<EndedDecision>, 0, 0);
    let decisions = fixture.reopen().await.decisions;
    loop {
        let step = decisions.shorten(minute(100_000), after, 2).await.unwrap();
        assert!(step.shortened <= 2);
        (shortened, steps) = (shortened + step.shortened, steps + 1);
        let Some(last) = step.last else { break };
        let place = |ended: EndedDecision| (ended.until, ended.id.streamer, ended.id.ordinal);
        assert!(after.is_none_or(|after| place(after) < place(last)), "{after:?}, {last:?}");
        after = Some(last);
    }
    assert_eq!((shortened, steps), (3 * 4, 15 / 2 + 1));
    for decision in all {
        let is_short = stored(fixture, decision.id).await.decision.selection().unwrap().is_shortened();
        assert_eq!(is_short, decision.id.ordinal < 5, "{}", decision.id);
    }
}

/// A decision that cannot be read is not shortened, and the shortening of others goes on, even where it is their successor or the
/// last of a step.
async fn a_decision_that_cannot_be_read_stays_as_it_is_and_stops_no_others_shortening(
    fixture: &impl Fixture,
) {
    let all = store_draws(fixture, 1, 9).await;
    let falsified = all[3].id;
    fixture.falsify_decision(falsified).await;
    let decisions = fixture.reopen().await.decisions;
    let (mut after, mut shortened) = (None, 0);
    loop {
        let step = decisions.shorten(minute(100_000), after, 2).await.unwrap();
        shortened += step.shortened;
        after = step.last;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(shortened, 7);
    for decision in all.iter().filter(|decision| decision.id != falsified) {
        // A decision cannot be read if its successor cannot, because reading it includes the time at which the successor began.
        if decision.id.successor() != falsified {
            assert_eq!(
                stored(fixture, decision.id).await.decision.selection().unwrap().is_shortened(),
                decision.id.ordinal < 9
            );
        }
    }
    let error = decisions.find(falsified).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { entity: Entity::Decision, .. }), "{error:?}");
}
