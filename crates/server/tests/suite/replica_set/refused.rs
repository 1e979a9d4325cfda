//! Stores that cannot be used, and the messages that the operator gets.

use std::{net::TcpListener, time::Duration};

use futures_util::future::join_all;
use gametriggers::Store;
use gametriggers_test_mongod::Server;
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};

const PASSWORD: &str = "correct-horse-battery-staple";
/// The longest time that an operator should wait for the message.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// Collects everything that the operator and the log are told about an unusable store.
async fn told(url: &str) -> String {
    let began = Instant::now();
    let opened = timeout(2 * TOLD_WITHIN, Store::open(url)).await.unwrap();
    assert!(began.elapsed() < TOLD_WITHIN, "it took {:?}", began.elapsed());
    let Err(error) = opened else { panic!("it was opened") };
    format!("{error:#}\n{error:?}")
}

/// A standalone server has no transactions, so counters and money would not be safe on it.
#[tokio::test]
async fn a_standalone_server_is_refused_with_what_to_do_about_it() {
    let standalone = spawn_blocking(|| Server::start_standalone().unwrap()).await.unwrap();
    // If a replica set is named, the driver ignores a standalone server.
    for url in [standalone.uri(), format!("{}?replicaSet=rs0", standalone.uri())] {
        let told = told(&url).await;
        for word in ["standalone", "`--replSet rs0`", "`rs.initiate()`"] {
            assert!(told.contains(word), "`{word}` is not in: {told}");
        }
    }
}

/// A replica set may be initiated at any moment. So a command that can wait does, and the others say what is missing.
#[tokio::test]
async fn a_replica_set_that_was_not_initiated_is_named_with_what_to_do_about_it() {
    let uninitiated = spawn_blocking(|| Server::start_uninitiated().unwrap()).await.unwrap();
    let uri = uninitiated.uri();
    let (without_set, _) = uri.split_once('?').unwrap();
    join_all([uri.as_str(), without_set].map(async |url| {
        let error = Store::open(url).await.err().unwrap();
        let told = format!("{error:#}");
        assert!(told.contains("`rs.initiate()`") && told.contains("not initiated"), "{told}");
        assert!(Store::may_come(url, &error), "{told}");
    }))
    .await;
}

/// Addresses without a server, with a server that does not answer, and invalid addresses.
#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_of_in_time_and_without_the_password() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let addresses = [
        format!("{PASSWORD}@{nobody}/game?replicaSet=rs0&authSource=admin"),
        format!("{PASSWORD}@{silent}/game?replicaSet=rs0&authSource=admin"),
        format!("{PASSWORD}@{nobody},{silent}/game?replicaSet=rs0&authSource=admin"),
        format!("{PASSWORD}@no-such-host.invalid/game"),
        format!("{PASSWORD}@{nobody}/game?w=-1"),
        format!("{PASSWORD}@127.0.0.1:port/game"),
        // Characters that must be written as %40, %2F and so on.
        format!("{PASSWORD}@@{nobody}/game"),
        format!("{PASSWORD}/@{nobody}/game"),
        format!("{PASSWORD}:@{nobody}/game"),
        format!("{PASSWORD}%@{nobody}/game"),
        format!("{PASSWORD}?x@{nobody}/game"),
    ];
    join_all(addresses.map(async |address| {
        let told = told(&format!("mongodb://game:{address}")).await;
        assert!(told.contains("storage.url"), "{address}: {told}");
        assert!(!told.contains(PASSWORD), "{address}: {told}");
    }))
    .await;
}
