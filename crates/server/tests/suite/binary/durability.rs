//! Several processes on one store, and processes that are killed.

use std::{cell::RefCell, collections::BTreeSet};

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{process::Folder, serving::Server};
use crate::support::TestStore;

const KARMA: &str = "6864d4187d06a675f2abb714";
const KARMAS_OVERLAY: &str = "0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e";
/// A participation of the previous database whose campaign is always on.
const TOKEN: &str = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
const CLICKS: usize = 200;
const ROUNDS: usize = 3;
const AT_ONCE: usize = 16;
const ACKNOWLEDGED_AT_LEAST: usize = 100;

async fn stored_clicks(folder: &Folder) -> usize {
    usize::try_from(folder.stored_counters(TOKEN).await.clicks).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_store_decide_alike_and_count_exactly() {
    let folder = Folder::with_previous_database().await;
    let servers = [Server::start(&folder), Server::start(&folder)];
    servers[0].end_blackouts(KARMA).await;
    // Asked by many at once, before there is a decision.
    let asked = join_all((0..20).map(|place| servers[place % 2].data(KARMAS_OVERLAY))).await;
    let decisions: BTreeSet<_> = asked.iter().map(|data| data["decisionId"].as_str().unwrap()).collect();
    // A slot may end while they ask; then the next is another one, for both.
    assert!(decisions.len() <= 2, "{decisions:?}");
    for decision in decisions {
        let mut same = asked.iter().filter(|data| data["decisionId"] == decision);
        let first = same.next().unwrap();
        assert!(first["kind"] == "campaign" && same.all(|data| data == first), "{asked:#?}");
    }

    let receipt = &servers[1].data(TOKEN).await["receipt"];
    let click = |place: usize| {
        let body = json!({"receipt": receipt, "eventId": format!("click {place}")});
        servers[place % 2].click(TOKEN, body)
    };
    for reply in join_all((0..CLICKS).map(click)).await {
        reply.assert_event("counted", None);
    }
    // The other server knows each of them.
    for reply in join_all((0..CLICKS).map(|place| {
        let body = json!({"receipt": receipt, "eventId": format!("click {place}")});
        servers[(place + 1) % 2].click(TOKEN, body)
    }))
    .await
    {
        reply.assert_event("duplicate", None);
    }
    folder.assert_reconciled();
    for server in servers {
        server.stop();
    }
    assert_eq!(stored_clicks(&folder).await, CLICKS);
    folder.assert_reconciled();
}

/// Which clicks were sent, and which of them were answered, before the server was killed among them.
#[derive(Default)]
struct Clicks {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

async fn click_and_kill(server: Server, round: usize) -> Clicks {
    let receipt = server.data(TOKEN).await["receipt"].clone();
    let clicks = RefCell::new(Clicks::default());
    let viewer = async |viewer: usize| {
        for number in 0.. {
            let id = format!("round {round} viewer {viewer} click {number}");
            clicks.borrow_mut().sent.insert(id.clone());
            let request = server.client.post(server.url(&format!("/api/v1/overlay/{TOKEN}/click")));
            let Ok(answer) = request.json(&json!({"receipt": receipt, "eventId": id})).send().await else {
                return;
            };
            assert_eq!(answer.status(), StatusCode::CREATED);
            let Ok(body) = answer.json::<Value>().await else { return };
            assert_eq!(body["outcome"], "counted", "{body}");
            let acknowledged = &mut clicks.borrow_mut().acknowledged;
            acknowledged.insert(id);
            if acknowledged.len() == ACKNOWLEDGED_AT_LEAST {
                server.signal("KILL");
            }
        }
    };
    join_all((0..AT_ONCE).map(viewer)).await;
    server.kill();
    clicks.into_inner()
}

/// An answer is given after the commit is durable: whatever was answered is there after a crash, and once.
#[tokio::test]
async fn every_click_that_was_answered_outlives_a_kill_and_counts_once() {
    // A killed process may leave a transaction open, which must not hold up the next one for a minute.
    let folder = Folder::with_previous_database_in(TestStore::create_on_its_own().await);
    let mut total = 0;
    for round in 0..ROUNDS {
        let clicks = click_and_kill(Server::start(&folder), round).await;
        assert!(clicks.acknowledged.len() >= ACKNOWLEDGED_AT_LEAST);
        let stored = stored_clicks(&folder).await - total;
        assert!((clicks.acknowledged.len()..=clicks.sent.len()).contains(&stored), "{stored} are stored");
        folder.assert_reconciled();

        let server = Server::start(&folder);
        let receipt = server.data(TOKEN).await["receipt"].clone();
        let mut duplicates = 0;
        for id in &clicks.sent {
            let again = server.click(TOKEN, json!({"receipt": receipt, "eventId": id})).await;
            let duplicate = again.json()["outcome"] == "duplicate";
            assert!(duplicate || !clicks.acknowledged.contains(id), "{id} is lost");
            duplicates += usize::from(duplicate);
        }
        assert_eq!(duplicates, stored);
        total += clicks.sent.len();
        assert_eq!(stored_clicks(&folder).await, total);
        server.stop();
        folder.assert_reconciled();
    }
}
