//! The checker finds the violations of faulty servers, and each violation by itself.

use std::sync::Arc;

use gametriggers_domain::ledger::{EntryId, Verdict};
use gametriggers_types::RejectionReason;

use super::{
    super::clients::Told,
    checker::violations,
    faulty::{Bug, Faulty},
    load::Load,
    log::{Log, Totals},
    stage::Stage,
    state::State,
};
use crate::support::{Field, TestServer};

/// The number of steps of each client.
const STEPS: usize = 4;

/// A finished load on a server in this process.
struct Rehearsal {
    server: TestServer,
    stage: Stage,
    log: Log,
}

impl Rehearsal {
    async fn with(bug: Bug) -> Self {
        let server = TestServer::start_behind(|ledger| Arc::new(Faulty::with(bug, ledger))).await;
        let stage = Stage::set_by(&server).await;
        let mut log = Log::default();
        let load = Load::new(&stage, &mut log, server.url(""), "rehearsal");
        load.look_at_what_soon_has_no_money().await;
        load.to_its_end(STEPS).await;
        drop(load);
        Self { server, stage, log }
    }

    async fn state(&self) -> State {
        self.server.visits.settled().await;
        State::read(&self.server.storage, &self.stage, &self.log).await
    }

    async fn violations(&self) -> Vec<String> {
        violations(&self.log, &self.state().await)
    }
}

#[track_caller]
fn assert_found(violations: &[String], expected: &str) {
    assert!(violations.iter().any(|what| what.contains(expected)), "no `{expected}` in {violations:#?}");
}

#[tokio::test]
async fn of_a_server_without_fault_nothing_is_said() {
    let mut rehearsal = Rehearsal::with(Bug::None).await;
    assert_eq!(rehearsal.violations().await, [""; 0]);
    let Rehearsal { server, stage, log } = &mut rehearsal;
    Load::new(stage, log, server.url(""), "again").send_everything_again().await;
    assert_eq!(rehearsal.violations().await, [""; 0]);
    Totals::of(&rehearsal.log).assert_enough();
}

#[tokio::test]
async fn a_server_that_answers_before_it_stores_is_found_out() {
    let violations = Rehearsal::with(Bug::AnswersBeforeItStores).await.violations().await;
    assert_found(&violations, "was acknowledged and is not stored");
}

/// `reconcile` finds no difference here, because every counted unit has an entry.
#[tokio::test]
async fn a_server_that_counts_an_event_under_two_ids_is_found_out() {
    let rehearsal = Rehearsal::with(Bug::RecordsTwice).await;
    rehearsal.server.assert_reconciled().await;
    let violations = rehearsal.violations().await;
    assert_found(&violations, "clicks, and its entries add up to");
    assert_found(&violations, "visits, and");
}

#[tokio::test]
async fn a_server_that_credits_somebody_else_is_found_out() {
    let rehearsal = Rehearsal::with(Bug::CreditsSomebodyElse).await;
    rehearsal.server.assert_reconciled().await;
    assert_found(&rehearsal.violations().await, "was on screen");
}

#[tokio::test]
async fn counters_and_budgets_that_were_changed_in_the_store_are_found_out() {
    let rehearsal = Rehearsal::with(Bug::None).await;
    let store = &rehearsal.server.store;
    let clicked = rehearsal.stage.streamers[0].joined[0].id.to_string();
    store.set_one(Field::PARTICIPATION_CLICKS, &clicked, 9_999).await;
    let campaign = &rehearsal.stage.campaigns[1];
    store.set_one(Field::CAMPAIGN_REMAINING, &campaign.id.to_string(), -1).await;
    let violations = rehearsal.violations().await;
    assert_found(
        &violations,
        &format!("participation {clicked} has 9999 clicks, and its entries add up to "),
    );
    assert_found(
        &violations,
        &format!("participation {clicked} has 9999 clicks, and its rollups add up to "),
    );
    assert_found(&violations, &format!("{} is overspent: -0.000001 remains", campaign.title));
    assert_found(&violations, &format!("{} has spent 6.000001, and ", campaign.title));
    let by_reconcile = violations.iter().filter(|what| what.starts_with("reconcile finds ")).count();
    assert!(by_reconcile >= 2, "{violations:#?}");
}

/// Falsifies the log of the load or the state that was read.
type Falsify = fn(&mut Log, &mut State, &EntryId);

/// Each violation occurs alone, so that no check hides another one.
#[tokio::test]
async fn each_law_finds_its_own_violation() {
    const NOBODY: &str = "000000000000000000000000";
    let cases: [(&str, Falsify); 11] = [
        ("was acknowledged and is not stored", |_, state, click| {
            state.entries.remove(click);
        }),
        ("is stored and was never sent", |log, _, click| {
            log.events.remove(click);
        }),
        ("and 000000000000000000000000 was on screen", |log, _, click| {
            log.events.get_mut(click).unwrap().shown = NOBODY.parse().unwrap();
        }),
        ("was acknowledged for None", |log, _, click| {
            log.events.get_mut(click).unwrap().answers[0].participation_id = None;
        }),
        ("and is stored with Rejected(BudgetExhausted)", |_, state, click| {
            let verdict = Verdict::Rejected(RejectionReason::BudgetExhausted);
            state.entries.get_mut(click).unwrap().verdict = verdict;
        }),
        ("was answered 2 times as if it were the first", |log, _, click| {
            let event = log.events.get_mut(click).unwrap();
            event.answers.push(event.answers[0].clone());
            event.times_sent += 1;
        }),
        ("was new and answered as a duplicate", |log, _, click| {
            log.events.get_mut(click).unwrap().answers[0].outcome = Told::Duplicate;
        }),
        ("was shown and is not stored", |_, state, _| {
            state.decisions.pop_last();
        }),
        ("was shown as", |_, state, _| {
            *state.decisions.last_entry().unwrap().get_mut() = None;
        }),
        ("were acknowledged", |log, state, _| {
            // Takes a participation in a campaign that does not pay for visits.
            let id =
                state.participations.iter().find(|it| it.campaign_id == state.campaigns[0].id).unwrap().id;
            log.visits.get_mut(&id).unwrap().acknowledged += 1;
        }),
        ("were sent", |log, state, _| {
            let visited = state.participations.iter().find(|it| it.counters.visits > 0).unwrap().id;
            log.visits.remove(&visited);
        }),
    ];
    let rehearsal = Rehearsal::with(Bug::None).await;
    let state = rehearsal.state().await;
    let sent_once = |id: &&EntryId| {
        rehearsal.log.events[id].times_sent == 1 && !rehearsal.log.events[id].answers.is_empty()
    };
    let click = rehearsal.log.events.keys().rfind(sent_once).unwrap();
    for (expected, falsify) in cases {
        let (mut log, mut state) = (rehearsal.log.clone(), state.clone());
        falsify(&mut log, &mut state, click);
        let found = violations(&log, &state);
        assert_found(&found, expected);
    }
}
