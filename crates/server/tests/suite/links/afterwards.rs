//! Viewers who follow a link do not wait for the store.

use std::time::Duration;

use tokio::time::sleep;

use super::{assert_leads, follow, joined, link, visits};
use crate::support::{TestServer, TestStore};

#[tokio::test]
async fn while_the_store_is_away_a_known_link_leads_on_and_the_visits_count_afterwards() {
    let server = TestServer::start_on(TestStore::create_on_its_own().await).await;
    let (_, campaign, joined) = joined(&server, |_| {}).await;
    // What is read is kept as soon as the store is listened to.
    for _ in 0..10 {
        follow(&server, &link(&joined), "203.0.113.7", "browser").await;
        sleep(Duration::from_millis(100)).await;
    }
    server.visits.settled().await;
    server.store.go_away().await;
    for visitor in 0..5 {
        let address = format!("203.0.113.{visitor}");
        assert_leads(&follow(&server, &link(&joined), &address, "another").await, &campaign);
        sleep(Duration::from_millis(500)).await;
    }
    server.store.come_back().await;
    assert_eq!(visits(&server, &joined).await, 6);
    server.assert_reconciled().await;
}
