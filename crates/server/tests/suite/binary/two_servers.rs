//! Several processes that share one store.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};
use serde_json::json;

use super::{process::Folder, serving::Server};

const KARMA: &str = "6864d4187d06a675f2abb714";
const KARMAS_OVERLAY: &str = "0f44b311d2a3777b161a8c9ab3efe78b3122b03a1ea7de83a7b0fe628d34cb1e";
/// A participation of the previous database whose campaign is always on.
const TOKEN: &str = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
const CLICKS: usize = 200;

async fn stored_clicks(folder: &Folder) -> usize {
    usize::try_from(folder.stored_counters(TOKEN).await.clicks).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_store_decide_alike_and_count_exactly() {
    let folder = Folder::with_previous_database().await;
    let servers = [Server::start(&folder), Server::start(&folder)];
    servers[0].end_blackouts(KARMA).await;
    // Many clients ask at once, before there is a decision.
    let asked = join_all((0..20).map(|place| servers[place % 2].data(KARMAS_OVERLAY))).await;
    let decisions: BTreeSet<_> = asked.iter().map(|data| data["decisionId"].as_str().unwrap()).collect();
    // A slot may end meanwhile. Then both servers show the next decision.
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
    // The other server knows each click.
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

/// Each event is sent to both servers at once, many at a time, so that the servers alternate and the index of ids is refilled
/// again and again. Both servers find every event, whichever stored it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_under_load_find_the_same_ids_whichever_has_stored_them() {
    const AT_ONCE: usize = 16;
    let folder = Folder::with_previous_database().await;
    folder.store().index_all_ids_but(16);
    let servers = [Server::start(&folder), Server::start(&folder)];
    let receipt = &servers[0].data(TOKEN).await["receipt"];
    let click = async |server: usize, number: usize| {
        let body = json!({"receipt": receipt, "eventId": format!("click {number}")});
        let reply = servers[server].click(TOKEN, body).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.json()["outcome"].as_str().unwrap().to_owned()
    };
    let numbers: Vec<_> = (0..CLICKS).collect();
    let mut first = [0; 2];
    for numbers in numbers.chunks(AT_ONCE) {
        let answers = numbers.iter().map(|&number| join(click(0, number), click(1, number)));
        for (one, other) in join_all(answers).await {
            let is_new = [&one, &other].map(|outcome| outcome == "counted");
            assert!(is_new[0] != is_new[1], "{one} and {other}");
            first[usize::from(is_new[1])] += 1;
        }
    }
    println!("{first:?} were new to each");
    for server in 0..2 {
        let again = join_all(numbers.iter().map(|&number| click(server, number))).await;
        assert!(again.iter().all(|outcome| outcome == "duplicate"), "{again:?}");
    }
    // A third process finds every event that the first two stored.
    let third = Server::start(&folder);
    let body = |number: &usize| json!({"receipt": receipt, "eventId": format!("click {number}")});
    for reply in join_all(numbers.iter().map(|number| third.click(TOKEN, body(number)))).await {
        reply.assert_event("duplicate", None);
    }
    for server in servers.into_iter().chain([third]) {
        server.stop();
    }
    assert_eq!(stored_clicks(&folder).await, CLICKS);
    folder.assert_reconciled();
}
