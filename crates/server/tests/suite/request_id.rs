//! The header `X-Request-Id`.

use crate::support::{Reply, TestServer};

#[tokio::test]
async fn every_answer_names_its_request() {
    let server = TestServer::start().await;
    let (streamer, _) = server.streamer_in(1).await;
    let data = format!("/api/v1/overlay/{}/data", streamer.token);
    let mut made = Vec::new();
    for path in [data.as_str(), "/api/v1/users/me", "/nowhere", "/c/unknown", "/health/ready"] {
        let id = server.get(path).await.header("x-request-id").to_owned();
        assert!(!id.is_empty() && !made.contains(&id), "{path}: {id}");
        made.push(id);
    }
}

#[tokio::test]
async fn a_well_formed_id_of_the_caller_is_kept_and_another_is_replaced() {
    let server = TestServer::start().await;
    let longest = "x".repeat(64);
    let too_long = "x".repeat(65);
    for (given, is_kept) in
        [("A-1_b.2", true), (longest.as_str(), true), (too_long.as_str(), false), ("a b", false), ("", false)]
    {
        for path in ["/health/live", "/nowhere"] {
            let request = server.client.get(server.url(path)).header("X-Request-Id", given);
            let reply = Reply::of(request).await;
            let answered = reply.header("x-request-id");
            assert_eq!(answered == given, is_kept, "{given}: {answered}");
            assert!(!answered.is_empty());
        }
    }
}
