//! Three servers on one store spend the budget of one campaign to its end.
//!
//! A `plan` makes the choices of a run. A `stage` holds the campaign and its streamers. The `crowd` sends the events to the
//! `servers`, which may be killed meanwhile. `log` holds what was sent and what the store holds afterwards, and `checker` compares
//! the two. `deceived` shows that `checker` finds violations.
//!
//! `GAMETRIGGERS_TEST_SPEND_RUNS` sets the number of runs. `GAMETRIGGERS_TEST_SPEND_SEED` repeats the choices of an earlier run of
//! the test, although the machine may still do other things at the same moments.

mod checker;
mod crowd;
mod deceived;
mod log;
mod plan;
mod servers;
mod stage;

use std::time::Instant;

use futures_util::future::join;
use gametriggers::SystemClock;
use gametriggers_domain::ledger::Verdict;
use gametriggers_services::Clock;
use gametriggers_types::RejectionReason;
use tokio::time::sleep;

use self::{
    checker::{paid, violations},
    crowd::Crowd,
    log::Ending,
    plan::{Plan, share_of},
    servers::Servers,
    stage::Stage,
};
use super::{
    clients::{number, seed},
    process::Folder,
};
use crate::support::{TestServer, TestStore};

const RUNS: usize = 2;
const VIOLATIONS_SHOWN: usize = 20;

/// Lets the crowd spend the budget, and describes the run in words.
async fn spend(plan: &Plan) -> String {
    let began = Instant::now();
    // A killed process may leave a transaction open, which must not block other tests.
    let server = TestServer::start_on(TestStore::create_on_its_own().await).await;
    server.clock.set(&SystemClock.now().to_string());
    let stage = Stage::set_by(&server, plan).await;
    let folder = Folder::with(server.ended().await);
    if let Some(late_ids) = plan.late_ids {
        folder.store().index_all_ids_but(late_ids);
    }

    let servers = Servers::start(&folder).await;
    let crowd = Crowd::before(&servers, &stage, plan.events).await;
    let acting = Instant::now();
    let killing = async {
        let mut in_time = 0;
        for kill in &plan.kills {
            crowd.acknowledged(share_of(crowd.size(), kill.after)).await;
            sleep(kill.delay).await;
            in_time += usize::from(!crowd.has_ended());
            servers.kill(kill.server).await;
        }
        in_time
    };
    let ((), in_time) = join(crowd.act(), killing).await;
    crowd.come_again().await;
    let (told, acted) = (crowd.to_string(), acting.elapsed());
    let log = crowd.into_log();
    let refusals = servers.stop();

    let ending = Ending::read(folder.store(), &stage).await;
    let found = violations(plan.price, &log, &ending);
    let shown = found.iter().take(VIOLATIONS_SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} violations:\n{shown}", found.len());
    folder.assert_reconciled();

    let paid = ending.entries.iter().filter(|stored| paid(&stored.verdict).is_some()).count();
    let rejected = Verdict::Rejected(RejectionReason::BudgetExhausted);
    let rejected = ending.entries.iter().filter(|stored| stored.verdict == rejected).count();
    let Plan { kind, price, budget, kills, .. } = plan;
    let (kills, remaining, took) = (kills.len(), ending.campaign.remaining_budget, began.elapsed());
    format!(
        "{kind}, {in_time} of {kills} kills before the last event: {paid} units of {price} paid and {rejected} rejected, \
         {remaining} of {budget} remains; {told}, {refusals} refusals; {acted:.1?} of {took:.1?}"
    )
}

/// Whatever three servers do at once, the campaign pays for exactly as many units as its budget suffices for, in the order in
/// which the ledger got the events, and every event is stored as its sender was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_spend_a_budget_to_its_end_and_no_further() {
    let runs = number("GAMETRIGGERS_TEST_SPEND_RUNS").map_or(RUNS, |runs| runs.try_into().unwrap());
    let seed = seed("GAMETRIGGERS_TEST_SPEND_SEED");
    println!("GAMETRIGGERS_TEST_SPEND_SEED={seed} repeats these choices");
    for run in 0..runs {
        println!("{run}: {}", spend(&Plan::of(seed, run)).await);
    }
}
