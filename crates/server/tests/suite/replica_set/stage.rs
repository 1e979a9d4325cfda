//! Instances on one replica set, and clients that send events to them while something happens to the replica set.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use futures_util::future::{join, join_all};
use gametriggers_domain::model::{Campaign, Participation};
use gametriggers_fixtures::{cpc, eventually};
use gametriggers_test_mongod::TestDatabase;
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    clients::{CLIENTS, SCREENS},
    events::Events,
};
use crate::support::{Reply, Streamer, TestServer, TestStore};

/// The price of a visit.
pub(super) const RATE: f64 = 1.66;
/// The money suffices for all visits.
pub(super) const BUDGET: f64 = 100_000.0;
/// The number of events that every instance acknowledges before something happens, and again afterwards.
const ACKNOWLEDGED: usize = CLIENTS;
/// The time that a busy machine may need until every instance works again after the store has come back. A test that waits
/// longer fails.
pub(super) const BACK_WITHIN: Duration = Duration::from_mins(2);

/// The screen of one streamer. All screens show the same campaign.
pub(super) struct Screen {
    pub(super) streamer: Streamer,
    pub(super) participation: Participation,
    /// What was on the screen when the test began.
    pub(super) shown: Value,
}

/// What the clients have achieved in the current round.
pub(super) struct Round {
    /// The number of events that each instance has acknowledged.
    acknowledged: Vec<usize>,
    /// The clients that were never refused.
    unrefused: BTreeSet<usize>,
    is_over: bool,
}

pub(super) struct Stage {
    pub(super) instances: Vec<TestServer>,
    pub(super) campaign: Campaign,
    pub(super) screens: Vec<Screen>,
    events: Mutex<Events>,
    round: watch::Sender<Round>,
}

impl Stage {
    /// Starts this many instances on the replica set with this connection string.
    pub(super) async fn on(replica_set: &str, instances: usize) -> Self {
        let database = TestDatabase::create_on(replica_set).await;
        let mut instances_on_it = vec![TestServer::start_on(TestStore::mongodb(database)).await];
        while instances_on_it.len() < instances {
            instances_on_it.push(instances_on_it[0].beside().await);
        }
        let first = &instances_on_it[0];
        let campaign = first.campaign_paying(cpc(RATE), BUDGET).await;
        let mut screens = Vec::new();
        for _ in 0..SCREENS {
            let streamer = first.streamer().await;
            let participation = first.join(&streamer, &campaign).await;
            let shown = first.data(&streamer.token).await;
            screens.push(Screen { streamer, participation, shown });
        }
        let events = Mutex::default();
        let round = watch::Sender::new(Round::of(instances));
        Self { instances: instances_on_it, campaign, screens, events, round }
    }

    pub(super) fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap()
    }

    /// Lets all clients send events until every instance has acknowledged some of them, `incident` is over, and every instance
    /// has acknowledged some more. Fails unless the store then agrees with all answers. `name` is unique.
    pub(super) async fn round<T>(&self, name: &str, incident: impl Future<Output = T>) -> T {
        self.round.send_replace(Round::of(self.instances.len()));
        let clients = join_all((0..CLIENTS).map(|number| self.send_events(name, number)));
        let incident = async {
            self.acknowledge_more().await;
            let outcome = incident.await;
            self.are_ready().await;
            self.acknowledge_more().await;
            self.round.send_modify(|round| round.is_over = true);
            outcome
        };
        let (_, outcome) = join(clients, incident).await;
        self.assert_as_acknowledged().await;
        outcome
    }

    /// Waits until every instance has acknowledged some more events.
    pub(super) async fn acknowledge_more(&self) {
        let mut round = self.round.subscribe();
        let goals: Vec<_> = round.borrow().acknowledged.iter().map(|count| count + ACKNOWLEDGED).collect();
        let is_reached =
            |round: &Round| round.acknowledged.iter().zip(&goals).all(|(count, goal)| count >= goal);
        let reached = timeout(BACK_WITHIN, round.wait_for(is_reached)).await;
        reached.expect("more events are acknowledged").unwrap();
    }

    /// Waits until every client was refused.
    pub(super) async fn refuse_everybody(&self) {
        self.round.subscribe().wait_for(|round| round.unrefused.is_empty()).await.unwrap();
    }

    pub(super) fn is_round_over(&self) -> bool {
        self.round.borrow().is_over
    }

    pub(super) fn note_acknowledgement(&self, instance: usize) {
        self.round.send_modify(|round| round.acknowledged[instance] += 1);
    }

    pub(super) fn note_refusal(&self, client: usize) {
        self.round.send_modify(|round| {
            round.unrefused.remove(&client);
        });
    }

    /// Sends a request. An answer must come within the time limit of the instance's client, whether or not the store is
    /// reachable.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Reply {
        let began = Instant::now();
        let reply = Reply::of(request).await;
        self.events().answered(reply.status, began.elapsed());
        reply
    }

    /// Requests the same path from all instances.
    pub(super) async fn get(&self, path: &str) -> Vec<Reply> {
        let requests = self.instances.iter().map(|instance| instance.client.get(instance.url(path)));
        join_all(requests.map(|request| self.answer(request))).await
    }

    /// Fails unless all instances say that they themselves are well.
    pub(super) async fn assert_live(&self) {
        assert!(self.get("/health/live").await.iter().all(|reply| reply.status == 200));
    }

    /// Waits until all instances are ready.
    async fn are_ready(&self) {
        eventually("all instances are ready", async || {
            self.get("/health/ready").await.iter().all(|reply| reply.status == 200).then_some(())
        })
        .await;
    }
}

/// Fails unless the answer says that the store is away for now.
pub(super) fn assert_away(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
    // A viewer who follows a link gets a page.
    if !reply.header("content-type").starts_with("text/html") {
        reply.assert_error(503, "STORE_UNAVAILABLE");
    }
}

impl Round {
    fn of(instances: usize) -> Self {
        Self { acknowledged: vec![0; instances], unrefused: (0..CLIENTS).collect(), is_over: false }
    }
}
