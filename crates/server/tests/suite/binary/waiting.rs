//! `serve` while its MongoDB server does not run yet. These tests always use MongoDB, whatever store the others use.

use gametriggers_fixtures::eventually;
use serde_json::json;

use super::{process::Folder, serving::Server};
use crate::support::TestStore;

const OVERLAY: &str = "/api/v1/overlay/0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e";

/// A folder whose store is on its own server, which does not run.
async fn folder_without_server() -> Folder {
    let store = TestStore::mongodb_on_its_own().await;
    store.go_away().await;
    Folder::with(store)
}

#[tokio::test]
async fn while_its_mongodb_is_away_serve_answers_503_and_goes_to_work_when_it_comes() {
    let folder = folder_without_server().await;
    let server = Server::waiting(&folder);
    assert_eq!(server.get("/health/live").await.status, 200);
    for refused in [
        server.get("/health/ready").await,
        server.get(&format!("{OVERLAY}/data")).await,
        server.post(&format!("{OVERLAY}/click"), json!({})).await,
        server.get("/api/v1/users/me").await,
    ] {
        refused.assert_error(503, "STORE_UNAVAILABLE");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    for overlay in [OVERLAY, &OVERLAY.replace("/v1", "")] {
        let page = server.get(overlay).await;
        assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
        assert!(page.body.contains("<script"), "the page tries again by itself");
    }

    folder.store().come_back().await;
    eventually("the server is ready", async || {
        (server.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
    server.get(&format!("{OVERLAY}/data")).await.assert_error(404, "UNKNOWN_TOKEN");
    server.stop();
    folder.assert_reconciled();
}

#[tokio::test]
async fn serve_ends_when_it_is_told_to_also_while_it_waits() {
    let server = Server::waiting(&folder_without_server().await);
    assert_eq!(server.get("/health/ready").await.status, 503);
    server.stop();
}
