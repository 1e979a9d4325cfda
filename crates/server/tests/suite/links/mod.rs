//! QR codes, chat commands, and the tracking links in them.

mod afterwards;
mod leading;
mod offered;
mod paid;
mod visits;

use gametriggers_domain::{
    ledger::Counters,
    model::{Campaign, Participation},
};
use reqwest::RequestBuilder;

use crate::support::{Reply, Streamer, TestServer};

fn link(participation: &Participation) -> String {
    format!("/c/{}", participation.id)
}

/// The request of a viewer who follows a link.
fn visit(server: &TestServer, path: &str, address: &str, agent: &str) -> RequestBuilder {
    server.client.get(server.url(path)).header("X-Forwarded-For", address).header("User-Agent", agent)
}

async fn follow(server: &TestServer, path: &str, address: &str, agent: &str) -> Reply {
    Reply::of(visit(server, path, address, agent)).await
}

#[track_caller]
fn assert_leads(reply: &Reply, campaign: &Campaign) {
    assert_eq!((reply.status, reply.header("location")), (302, campaign.click_url.as_deref().unwrap()));
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[track_caller]
fn assert_page(reply: &Reply, status: u16) {
    assert_eq!((reply.status, reply.header("content-type")), (status, "text/html; charset=utf-8"));
    assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(reply.body.contains("<h1>"), "{}", reply.body);
}

async fn counters(server: &TestServer, participation: &Participation) -> Counters {
    server.stored_participation(participation.id).await.counters
}

async fn visits(server: &TestServer, participation: &Participation) -> u64 {
    counters(server, participation).await.visits
}

/// Stores a streamer with one campaign that `change` has changed.
async fn joined(
    server: &TestServer,
    change: impl FnOnce(&mut Campaign),
) -> (Streamer, Campaign, Participation) {
    let (streamer, campaign) = (server.streamer().await, server.campaign_with(change).await);
    let participation = server.join(&streamer, &campaign).await;
    (streamer, campaign, participation)
}
