//! The server while another process holds the store's lock. This test always uses SQLite, because MongoDB has no lock that one
//! client could hold against all others.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::{TestServer, TestStore};

/// Five seconds and some reserve for a busy machine. Two requests in turn would take longer.
const IN_TIME: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_is_locked_requests_are_answered_503_in_time_and_the_next_ones_succeed() {
    let server = TestServer::start_on(TestStore::sqlite()).await;
    let (streamer, joined) = server.streamer_in(1).await;
    let data = server.data(&streamer.token).await;
    let change = || server.put_as(&streamer, "/api/v1/users/me/overlay", json!({"size": "small"}));
    let click = || server.click(&streamer.token, &data);

    let lock = server.store.file().locked();
    let began = Instant::now();
    let (changed, clicked) =
        join(join_all((0..20).map(|_| change())), join_all((0..20).map(|_| click()))).await;
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    for refused in changed.iter().chain(&clicked) {
        refused.assert_error(503, "STORE_UNAVAILABLE");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    assert_eq!(server.get_as(&streamer, "/api/v1/users/me").await.status, 200, "reads go on");

    lock.execute_batch("ROLLBACK").unwrap();
    click().await.assert_event("counted", None);
    assert_eq!(change().await.status, 200);
    let stored = server.storage.participations.find_by_id(joined[0].id).await.unwrap().unwrap();
    assert_eq!(stored.counters.clicks, 1, "what was refused is not recorded later");
    server.assert_reconciled().await;
}
