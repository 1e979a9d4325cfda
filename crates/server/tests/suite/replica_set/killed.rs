//! The MongoDB server is killed during the events, as by a crash or a power failure, and comes back. Every acknowledged event is
//! stored once.

use futures_util::future::join;
use gametriggers_test_mongod::Server;
use tokio::task::spawn_blocking;

use super::{
    blocking,
    stage::{Stage, assert_away},
};

const ROUNDS: usize = 4;
/// The round in which the MongoDB server stays away until every client was refused. In the other rounds it is restarted at once.
const LONG_ROUND: usize = 1;

/// Every acknowledged event survives a kill of the MongoDB server. While that server is away, every client is told in time to try
/// again later. When it is back, nobody needs to intervene.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_that_was_answered_outlives_a_kill_of_the_stores_server_and_counts_once() {
    let mut mongod = spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let stage = Stage::on(&mongod.uri(), 1).await;
    for round in 0..ROUNDS {
        let kill = async |mongod| {
            let killed = |mongod: &mut Server| {
                mongod.kill();
                Ok(())
            };
            let mongod = blocking(mongod, killed).await;
            stage.assert_live().await;
            if round == LONG_ROUND {
                let (ready, ()) =
                    join(stage.get("/health/ready"), stage.click_in_vain("while the store is away")).await;
                assert_away(&ready[0]);
                stage.refuse_everybody().await;
            }
            blocking(mongod, Server::restart).await
        };
        mongod = stage.round(&format!("round {round}"), kill(mongod)).await;
    }
    println!("{}", stage.events());
}
