//! Viewers who follow a link do not wait for the store.

use std::time::Duration;

use gametriggers_fixtures::SOON;
use tokio::time::sleep;

use super::{assert_leads, follow, joined, link, visits};
use crate::support::{TestServer, TestStore};

/// A time longer than the memory is trusted without an answer of the store.
const LONG: Duration = Duration::from_secs(3);

#[tokio::test]
async fn while_the_store_is_away_a_known_link_leads_on_and_the_visits_count_afterwards() {
    let server = TestServer::start_on(TestStore::create_on_its_own().await).await;
    let (_, campaign, joined) = joined(&server, |_| {}).await;
    // The server keeps a link that it reads after the store has told it of changes for the first time. No answer of the server
    // shows whether that has happened, so the test waits as long as a change may take.
    sleep(SOON).await;
    follow(&server, &link(&joined), "203.0.113.7", "browser").await;
    server.visits.settled().await;
    server.store.go_away().await;
    // The last viewer comes when the memory is not trusted any more. The link must still lead them on.
    for visitor in 0..5 {
        let address = format!("203.0.113.{visitor}");
        assert_leads(&follow(&server, &link(&joined), &address, "another").await, &campaign);
        sleep(LONG / 5).await;
    }
    server.store.come_back().await;
    assert_eq!(visits(&server, &joined).await, 6);
    server.assert_reconciled().await;
}
