//! The store is unreachable, fails, or does not run yet.

use serde_json::{Value, json};

use super::{assert_page, data_of, page_of, state_of};
use crate::support::{Documents, TestServer, TestStore};

/// Defect O3: `/data` answered errors with 200, and the page reloaded itself forever.
#[tokio::test]
async fn o3_while_the_store_is_away_nothing_answers_200_and_then_all_is_as_before() {
    let other = TestServer::start_on(TestStore::create_on_its_own().await).await;
    let (streamer, _) = other.streamer_in(2).await;
    let before = other.data(&streamer.token).await;
    // A server that has not read from the store yet.
    let server = other.beside().await;
    server.store.go_away().await;
    // The requests run at once, because each may wait for the store for a while.
    let (data_path, page_path) = (data_of(&streamer.token), page_of(&streamer.token));
    let (data, page, ready, live) = tokio::join!(
        server.get(&data_path),
        server.get(&page_path),
        server.get("/health/ready"),
        server.get("/health/live"),
    );
    server.store.come_back().await;
    for refused in [data, ready] {
        refused.assert_error(503, "STORE_UNAVAILABLE");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    assert_page(&page, 503);
    assert_eq!(state_of(&page), Value::Null);
    assert_eq!(live.status, 200, "the process itself is well");
    assert_eq!(server.data(&streamer.token).await, before);
    assert_eq!(server.get("/health/ready").await.status, 200);
}

/// A fault of the store is an error, too, and the answer shows nothing of it.
#[tokio::test]
async fn o3_a_fault_of_the_store_is_500_and_shows_nothing_of_it() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    // Nothing is on the screen yet, because a screen in memory would be answered without the store.
    server.store.make_unreadable(Documents::Decisions).await;
    let data = server.get(&data_of(&streamer.token)).await;
    data.assert_error(500, "INTERNAL");
    let page = server.get(&page_of(&streamer.token)).await;
    assert_page(&page, 500);
    assert_eq!(state_of(&page), Value::Null);
    let click = server.post(&format!("{}/click", page_of(&streamer.token)), json!({})).await;
    click.assert_error(500, "INTERNAL");
    for reply in [data, click] {
        let body = reply.body.to_lowercase();
        for inside in ["decisions", "table", "sql", "select", "mongo", "query", "backend", ".rs"] {
            assert!(!body.contains(inside), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_store_that_was_not_migrated_is_alive_and_not_ready() {
    let server = TestServer::start().await;
    for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.json()), (200, json!({"status": status})));
    }
    server.store.forget_migrations().await;
    assert_eq!(server.get("/health/live").await.status, 200);
    let ready = server.get("/health/ready").await;
    ready.assert_error(503, "STORE_UNAVAILABLE");
    assert!(!ready.body.contains("users") && !ready.body.contains("migrat"), "{}", ready.body);
}
