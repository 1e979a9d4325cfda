//! The MongoDB server is killed during the events, as by a crash or a power failure, and comes back. Every acknowledged event is
//! stored once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use gametriggers_domain::{
    ledger::{EntryId, Verdict},
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{cpc, eventually, units};
use gametriggers_test_mongod::{Server, TestDatabase};
use gametriggers_types::ClickKind;
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::documents;
use crate::support::{Reply, Streamer, TestServer, TestStore, address_of};

const CLIENTS: usize = 32;
const EVENTS: usize = 6;
const ROUNDS: usize = 4;
/// The round in which the MongoDB server stays away until every client was refused. In the other rounds it is restarted at once.
const LONG_ROUND: usize = 1;
/// The number of events of a round that are acknowledged before the MongoDB server is killed.
const ACKNOWLEDGED_BEFORE: usize = CLIENTS * EVENTS / 4;
/// The time within which every request is answered, even while the store is away.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// The time within which a restarted MongoDB server is used again.
const BACK_WITHIN: Duration = Duration::from_secs(30);
const RATE: f64 = 1.66;
const BUDGET: f64 = 100_000.0;

#[derive(Clone, Copy, PartialEq)]
enum Client {
    /// Sends each click until it is acknowledged.
    Persistent,
    /// Sends no click again.
    Fickle,
    /// Follows the tracking link, each time as a new visitor, until it leads to the sponsor.
    Visitor,
}

const fn client(number: usize) -> Client {
    match number % 4 {
        0 | 1 => Client::Persistent,
        2 => Client::Fickle,
        _ => Client::Visitor,
    }
}

#[derive(Deserialize)]
struct LedgerDocument {
    #[serde(rename = "_id")]
    id: String,
    kind: String,
}

/// The events of the current round.
struct Round {
    acknowledged: usize,
    /// The clients that still have events to send and were not refused yet.
    unrefused: BTreeSet<usize>,
}

impl Default for Round {
    fn default() -> Self {
        Self { acknowledged: 0, unrefused: (0..CLIENTS).collect() }
    }
}

/// The events of all clients and their answers.
#[derive(Default)]
struct Events {
    sent: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<BTreeSet<String>>,
    visits: AtomicUsize,
    refused: AtomicUsize,
    this_round: watch::Sender<Round>,
    /// The longest time of an answer, by status.
    longest: Mutex<BTreeMap<u16, Duration>>,
}

struct Stage {
    server: TestServer,
    streamer: Streamer,
    shown: Value,
    campaign: Campaign,
    participation: Participation,
    events: Events,
}

impl Stage {
    async fn on(mongod: &Server) -> Self {
        let database = TestDatabase::create_on(&mongod.uri()).await;
        let server = TestServer::start_on(TestStore::mongodb(database)).await;
        let streamer = server.streamer().await;
        let payment = cpc(RATE);
        let campaign = server.campaign_paying(payment, BUDGET).await;
        let participation = server.join(&streamer, &campaign).await;
        let shown = server.data(&streamer.token).await;
        Self { server, streamer, shown, campaign, participation, events: Events::default() }
    }

    fn click(&self, id: &str) -> RequestBuilder {
        let url = self.server.url(&format!("/api/v1/overlay/{}/click", self.streamer.token));
        self.server.client.post(url).json(&json!({"receipt": self.shown["receipt"], "eventId": id}))
    }

    fn visit(&self, visitor: &str) -> RequestBuilder {
        let url = self.server.url(&format!("/c/{}?src=qr", self.participation.id));
        let from = address_of(visitor);
        self.server.client.get(url).header("User-Agent", visitor).header("X-Forwarded-For", from)
    }

    /// Sends a request. The answer must come in time, whether or not the store is reachable.
    async fn answer(&self, request: RequestBuilder) -> Reply {
        let began = Instant::now();
        let reply = timeout(ANSWERED_WITHIN, Reply::of(request)).await.expect("an answer in time");
        let took = began.elapsed();
        let mut longest = self.events.longest.lock().unwrap();
        let longest = longest.entry(reply.status).or_default();
        *longest = took.max(*longest);
        reply
    }

    /// Sends the events of a client in a round.
    async fn send(&self, round: usize, number: usize) {
        for event in 0..EVENTS {
            let id = format!("round {round} client {number} event {event}");
            let mut is_acknowledged = false;
            while !is_acknowledged {
                is_acknowledged = match client(number) {
                    Client::Visitor => self.send_visit(&id).await,
                    Client::Persistent | Client::Fickle => self.send_click(&id).await,
                };
                self.events.this_round.send_modify(|round| {
                    if is_acknowledged {
                        round.acknowledged += 1;
                    } else {
                        round.unrefused.remove(&number);
                    }
                });
                if client(number) == Client::Fickle {
                    break;
                }
            }
        }
        self.events.this_round.send_modify(|round| {
            round.unrefused.remove(&number);
        });
    }

    /// Sends a click and returns whether it is acknowledged.
    async fn send_click(&self, id: &str) -> bool {
        let again = !self.events.sent.lock().unwrap().insert(id.to_owned());
        let reply = self.answer(self.click(id)).await;
        if reply.status != 201 {
            self.assert_away(&reply);
            return false;
        }
        // A click that was refused before may have been stored, so it may be a duplicate. A click that is sent the first time
        // cannot be.
        if !(again && reply.json()["outcome"] == "duplicate") {
            reply.assert_event("counted", None);
        }
        assert_eq!(reply.json()["participationId"], self.shown["participationId"]);
        self.events.acknowledged.lock().unwrap().insert(id.to_owned());
        true
    }

    /// Sends a visit and returns whether it is acknowledged. The redirect to the sponsor is the only acknowledgement.
    async fn send_visit(&self, visitor: &str) -> bool {
        let reply = self.answer(self.visit(visitor)).await;
        let is_acknowledged = reply.status == 302;
        assert!(is_acknowledged || reply.status == 503, "{}: {}", reply.status, reply.body);
        self.events.visits.fetch_add(usize::from(is_acknowledged), Ordering::SeqCst);
        is_acknowledged
    }

    fn assert_away(&self, reply: &Reply) {
        reply.assert_error(503, "STORE_UNAVAILABLE");
        assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
        self.events.refused.fetch_add(1, Ordering::SeqCst);
    }

    async fn health(&self, path: &str) -> Reply {
        self.answer(self.server.client.get(self.server.url(path))).await
    }

    /// Kills the MongoDB server during the round and starts it again.
    async fn interrupt(&self, mut mongod: Server, round: usize) -> Server {
        let mut this_round = self.events.this_round.subscribe();
        this_round.wait_for(|round| round.acknowledged >= ACKNOWLEDGED_BEFORE).await.unwrap();
        let killed = spawn_blocking(move || {
            mongod.kill();
            mongod
        });
        let mut mongod = killed.await.unwrap();
        assert_eq!(self.health("/health/live").await.status, 200, "the process itself is well");
        if round == LONG_ROUND {
            let click = self.send_click("while the store is away");
            let (ready, click) = join(self.health("/health/ready"), click).await;
            self.assert_away(&ready);
            assert!(!click);
            this_round.wait_for(|round| round.unrefused.is_empty()).await.unwrap();
        }
        let mongod = spawn_blocking(move || mongod.restart().map(|()| mongod)).await.unwrap().unwrap();
        let ready = eventually("the server is ready", async || {
            (self.health("/health/ready").await.status == 200).then_some(())
        });
        timeout(BACK_WITHIN, ready).await.unwrap();
        mongod
    }

    /// Fails unless every acknowledged event is stored once and everything stored was sent.
    async fn assert_as_acknowledged(&self) {
        // Viewers are redirected before their visits are recorded.
        self.server.visits.settled().await;
        let visits = self.events.visits.load(Ordering::SeqCst);
        let (mut stored, mut stored_visits) = (BTreeSet::new(), 0);
        for LedgerDocument { id, kind } in documents(&self.server.store, "ledger").await {
            match kind.as_str() {
                "opening" => {}
                "visit.qr" => stored_visits += 1,
                kind => {
                    assert_eq!(kind, "click.overlay", "{id}");
                    stored.insert(id);
                }
            }
        }
        assert_eq!(stored_visits, visits, "visits stored, and visits acknowledged");
        let entry_id = |id: &String| EntryId::click(self.streamer.user.id, ClickKind::Overlay, id);
        let stored_ids = |ids: &BTreeSet<String>| -> BTreeSet<_> {
            ids.iter().map(|id| entry_id(id).as_str().to_owned()).collect()
        };
        let acknowledged = self.events.acknowledged.lock().unwrap().clone();
        let lost: Vec<_> = stored_ids(&acknowledged).difference(&stored).cloned().collect();
        assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
        let unknown: Vec<_> =
            stored.difference(&stored_ids(&self.events.sent.lock().unwrap())).cloned().collect();
        assert!(unknown.is_empty(), "stored and never sent: {unknown:?}");

        for id in &acknowledged {
            let entry = self.server.storage.ledger.find_entry(&entry_id(id)).await.unwrap().unwrap();
            assert_eq!((&entry.entry.id, entry.entry.participation), (&entry_id(id), self.participation.id));
            assert!(matches!(entry.verdict, Verdict::Counted(_)), "{entry:?}");
        }
        let again =
            stream::iter(&acknowledged).map(|id| self.answer(self.click(id))).buffer_unordered(CLIENTS);
        again.for_each(async |reply| reply.assert_event("duplicate", None)).await;

        let counters = self.server.stored_participation(self.participation.id).await.counters;
        let [clicks, visits] = [stored.len() + visits, visits].map(|count| u64::try_from(count).unwrap());
        assert_eq!((counters.clicks, counters.visits, counters.qr_scans), (clicks, visits, visits));
        let paid = counters.earnings;
        assert_eq!(paid.micros(), units(RATE).micros() * i64::try_from(visits).unwrap());
        assert_eq!(
            self.server.stored_campaign(self.campaign.id).await.remaining_budget,
            units(BUDGET) - paid
        );
        self.server.assert_reconciled().await;
    }
}

/// Every acknowledged event survives a kill of the MongoDB server. While that server is away, every client is told in time to try
/// again later. When it is back, nobody needs to intervene.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_that_was_answered_outlives_a_kill_of_the_stores_server_and_counts_once() {
    let mut mongod = spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let stage = Stage::on(&mongod).await;
    for round in 0..ROUNDS {
        stage.events.this_round.send_replace(Round::default());
        let clients = join_all((0..CLIENTS).map(|number| stage.send(round, number)));
        (_, mongod) = join(clients, stage.interrupt(mongod, round)).await;
        stage.assert_as_acknowledged().await;
    }
    println!(
        "{} clicks and {} visits were acknowledged, {} requests were refused; the longest answers: {:?}",
        stage.events.acknowledged.lock().unwrap().len(),
        stage.events.visits.load(Ordering::SeqCst),
        stage.events.refused.load(Ordering::SeqCst),
        stage.events.longest.lock().unwrap(),
    );
}
