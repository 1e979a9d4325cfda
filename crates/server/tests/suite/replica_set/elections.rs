//! The members of a replica set elect another primary during the events, again and again. Two instances share the replica set.
//! Every acknowledged event is stored once.

use gametriggers_test_mongod::ReplicaSet;
use tokio::task::spawn_blocking;

use super::{blocking, stage::Stage};

const INSTANCES: usize = 2;
const STEP_DOWNS: usize = 3;
const KILLS: usize = 2;

async fn stage() -> (ReplicaSet, Stage) {
    let set = spawn_blocking(|| ReplicaSet::start().unwrap()).await.unwrap();
    let stage = Stage::on(&set.uri(), INSTANCES).await;
    (set, stage)
}

/// As during the maintenance of a member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_that_was_answered_counts_once_although_the_primary_steps_down() {
    let (mut set, stage) = stage().await;
    for round in 0..STEP_DOWNS {
        let step_down = blocking(set, |set: &mut ReplicaSet| set.step_down());
        set = stage.round(&format!("round {round}"), step_down).await;
    }
    println!("{}", stage.events());
}

/// As by a crash or a power failure. Two of three members are enough. The killed primary had writes that no other member has;
/// none of them was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_that_was_answered_outlives_a_kill_of_the_primary_and_counts_once() {
    let (mut set, stage) = stage().await;
    for round in 0..KILLS {
        let kill = async |set| {
            let set = blocking(set, ReplicaSet::kill_primary).await;
            stage.assert_live().await;
            stage.acknowledge_more().await;
            blocking(set, ReplicaSet::restart_killed).await
        };
        set = stage.round(&format!("round {round}"), kill(set)).await;
    }
    println!("{}", stage.events());
}
