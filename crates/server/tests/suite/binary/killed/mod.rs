//! The server is killed (`kill -9`) during the events, again and again.
//!
//! `load` sends the events and keeps a [`log`] of what was sent and answered, until the `moment` comes. `state` reads what the
//! store holds afterwards, and `checker` compares the two. `deceived` shows that `checker` finds the violations of a server over
//! a `faulty` ledger.
//!
//! `GAMETRIGGERS_TEST_KILL_ROUNDS` sets the number of rounds. `GAMETRIGGERS_TEST_KILL_SEED` repeats the moments of an earlier
//! run, although the machine may still do other things at these moments.

mod checker;
mod deceived;
mod faulty;
mod load;
mod log;
mod moment;
mod stage;
mod state;

use std::time::Duration;

use futures_util::future::join;
use gametriggers::SystemClock;
use gametriggers_services::Clock;
use tokio::time::sleep;

use self::{
    checker::violations,
    load::Load,
    log::{Log, Totals},
    moment::Moment,
    stage::Stage,
    state::State,
};
use super::{
    clients::{chance, number, seed, serve},
    process::{Folder, Running},
    serving::Server,
};
use crate::support::{TestServer, TestStore};

const ROUNDS: usize = 4;
/// A second server is killed within this time of its start, before it gets any request.
const STARTED_WITHIN: Duration = Duration::from_millis(100);
/// The number of steps of each client at the end, when no server is killed any more.
const LAST_STEPS: usize = 12;
/// A number so small that the index of ids is refilled again and again.
const LATE_IDS: u32 = 16;
const VIOLATIONS_SHOWN: usize = 20;

/// Kills one server while it starts and another one under load.
async fn kill_two(folder: &Folder, stage: &Stage, log: &mut Log, round: usize, seed: u64, moment: &Moment) {
    let mut starting = Running::start(serve(folder));
    sleep(STARTED_WITHIN.mul_f64(chance(seed, round, "starting"))).await;
    starting.kill();
    let ended = starting.wait();
    assert_eq!(ended.code, None, "{}", ended.stderr);

    let mut server = Server::of(Running::start(serve(folder)));
    let load = Load::new(stage, log, server.url(""), &format!("round {round}"));
    let killing = async {
        moment.comes(&load).await;
        load.expect_the_end();
        server.kill();
    };
    join(load.until_the_end(), killing).await;
    server.gone();
}

async fn assert_as_acknowledged(folder: &Folder, stage: &Stage, log: &Log) {
    let stored = State::read(&folder.store().repositories().await, stage, log).await;
    let found = violations(log, &stored);
    let shown = found.iter().take(VIOLATIONS_SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} violations:\n{shown}", found.len());
}

/// After a crash, every acknowledged event is stored once, with the verdict that was told, for the participation that was on
/// screen, and no campaign paid more than it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_kill_at_any_moment_and_counts_once() {
    let rounds = number("GAMETRIGGERS_TEST_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.try_into().unwrap());
    let seed = seed("GAMETRIGGERS_TEST_KILL_SEED");
    println!("GAMETRIGGERS_TEST_KILL_SEED={seed} repeats these moments");

    // A killed process may leave a transaction open, which must not block other tests.
    let server = TestServer::start_on(TestStore::create_on_its_own().await).await;
    server.clock.set(&SystemClock.now().to_string());
    let stage = Stage::set_by(&server).await;
    let mut log = Log::default();
    Load::new(&stage, &mut log, server.url(""), "before").look_at_what_soon_has_no_money().await;
    let folder = Folder::with(server.ended().await);
    folder.store().index_all_ids_but(LATE_IDS);
    for round in 0..rounds {
        let moment = Moment::of(seed, round, rounds);
        kill_two(&folder, &stage, &mut log, round, seed, &moment).await;
        println!("killed {moment:.0?}: {}", Totals::of(&log));
        assert_as_acknowledged(&folder, &stage, &log).await;
        folder.assert_reconciled();
    }

    let server = Server::of(Running::start(serve(&folder)));
    let load = Load::new(&stage, &mut log, server.url(""), "last round");
    load.to_its_end(LAST_STEPS).await;
    load.send_everything_again().await;
    drop(load);
    server.stop();
    assert_as_acknowledged(&folder, &stage, &log).await;
    folder.assert_reconciled();

    let totals = Totals::of(&log);
    println!("in the end: {totals}");
    totals.assert_enough();
}
