//! Two busy instances, with campaigns whose money runs out meanwhile.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all, join3};
use gametriggers_domain::{
    ledger::Counters,
    model::{Campaign, Participation},
};
use gametriggers_fixtures::{payment, units};
use gametriggers_test_mongod::TestDatabase;
use gametriggers_types::{DecisionId, Money, ParticipationId, PaymentType, Timestamp};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::documents;
use crate::support::{Reply, Streamer, TestServer, TestStore, address_of};

/// The number of clients on each of the two instances.
const CLIENTS: usize = 64;
const STREAMERS: usize = 16;
/// The length of a slot with the default settings.
const SLOT_SECONDS: i64 = 180;
const ROUNDS: usize = 5;
/// The number of rounds after which all money that can be spent must be spent.
const ROUNDS_AT_MOST: usize = 10;

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// The payment type, the rate, the price of a unit and the budget of each campaign. The last campaign never runs out of money, so
/// that something is always on screen. The others suffice for a few units. The timetable of `time-rotation` shows the first one
/// when spending begins.
const PURSES: [(PaymentType, f64, f64, f64); 4] = [
    (PaymentType::Cpm, 1_660.0, 1.66, 6.0),
    (PaymentType::Cpc, 0.333_333, 0.333_333, 20.0),
    // The rate is paid in total for all expected displays.
    (PaymentType::Fixed, 2.0, 0.25, 1.3),
    (PaymentType::Cpm, 1_000.0, 1.0, 100_000.0),
];
const SMALL: usize = PURSES.len() - 1;
const EXPECTED_IMPRESSIONS: u64 = 8;
/// Half of the streamers have a timetable. All but three of those find no money for their first display.
const REJECTED_AT_LEAST: usize = STREAMERS / 2 - 3;

struct Stage {
    servers: [TestServer; 2],
    campaigns: Vec<Campaign>,
    /// The streamers with their participations, in the order of the campaigns.
    streamers: Vec<(Streamer, Vec<Participation>)>,
    credited: RefCell<BTreeMap<ParticipationId, Counters>>,
    /// The first answer about each decision.
    decisions: RefCell<BTreeMap<DecisionId, Value>>,
    /// The number of rejected displays.
    rejected: AtomicUsize,
    /// The number of visits to campaigns that pay for visits.
    paid_visits_sent: AtomicUsize,
    over: AtomicBool,
}

impl Stage {
    async fn set() -> Self {
        let server = TestServer::start_on(TestStore::mongodb(TestDatabase::create().await)).await;
        let mut campaigns = Vec::new();
        for (kind, rate, _, budget) in PURSES {
            let payment = payment(kind, rate, EXPECTED_IMPRESSIONS);
            campaigns.push(server.campaign_paying(payment, budget).await);
        }
        let mut streamers = Vec::new();
        for number in 0..STREAMERS {
            let streamer = server.streamer().await;
            // Half of the streamers show the same campaign at the same time. What the others show depends on every click.
            let strategy = ["time-rotation", "performance"][number % 2];
            server.choose(&streamer, json!({"campaignSelectionStrategy": strategy})).await;
            let joined = join_all(campaigns.iter().map(|campaign| server.join(&streamer, campaign))).await;
            streamers.push((streamer, joined));
        }
        let servers = [server.beside().await, server];
        let (credited, decisions, rejected, paid_visits_sent, over) = <_>::default();
        Self { servers, campaigns, streamers, credited, decisions, rejected, paid_visits_sent, over }
    }

    /// Assigns an instance and a streamer to each client. All pairs occur equally often.
    fn at(&self, client: usize) -> (&TestServer, &(Streamer, Vec<Participation>)) {
        (&self.servers[client % 2], &self.streamers[client / 2 % STREAMERS])
    }

    /// Requests the content of the screen. It must be the same for all clients while the decision is the same.
    async fn data(&self, client: usize) -> Value {
        let (server, (streamer, _)) = self.at(client);
        let data = server.data(&streamer.token).await;
        assert_eq!(data["kind"], "campaign", "{data}");
        let id = data["decisionId"].as_str().unwrap().parse().unwrap();
        let mut decisions = self.decisions.borrow_mut();
        let first = decisions.entry(id).or_insert_with(|| data.clone());
        assert_eq!(*first, data);
        data
    }

    /// All clients ask at once, and each answer moves the clock by one slot. So instances that decide next disagree about what to
    /// decide.
    async fn ask_while_time_goes_by(&self) {
        join_all((0..2 * CLIENTS).map(async |client| {
            self.data(client).await;
            self.servers[0].clock.advance_seconds(SLOT_SECONDS);
        }))
        .await;
    }

    /// All clients ask at once while the clock stands. Clients of the same screen must see the same content.
    async fn ask(&self) -> Vec<Value> {
        let seen = join_all((0..2 * CLIENTS).map(|client| self.data(client))).await;
        for (client, data) in seen.iter().enumerate() {
            assert_eq!(*data, seen[client % (2 * STREAMERS)]);
        }
        for streamer in seen[..2 * STREAMERS].chunks(2) {
            assert_eq!(streamer[0], streamer[1]);
        }
        seen
    }

    /// Does everything that a client can do with the content of the screen.
    async fn spend(&self, round: usize, client: usize, data: &Value) {
        join3(self.display(client, data), self.click(round, client, data), self.visit(round, client)).await;
        // Less money may be left than before, so this may be another decision.
        self.data(client).await;
    }

    async fn display(&self, client: usize, data: &Value) {
        let (server, (streamer, joined)) = self.at(client);
        let reply = server.display(&streamer.token, data).await;
        let answer = reply.json();
        assert_eq!(answer["participationId"], data["participationId"], "{answer}");
        if answer["outcome"] == "counted" {
            reply.assert_event("counted", None);
            let number = joined.iter().position(|it| data["participationId"] == it.id.to_string()).unwrap();
            let (kind, _, unit, _) = PURSES[number];
            let mut display = Counters { impressions: 1, ..Counters::default() };
            if kind != PaymentType::Cpc && answer["unpaidReason"].is_null() {
                (display.paid_units, display.earnings) = (1, units(unit));
            }
            self.credit(joined[number].id, &display);
        } else {
            // The answer to a duplicate has the reason of the first one.
            let reason = answer["reason"].as_str();
            assert!(matches!(reason, None | Some("budget-exhausted")), "{answer}");
            let outcome = if reason.is_some() { ["duplicate", "rejected"] } else { ["duplicate"; 2] };
            assert!(outcome.contains(&answer["outcome"].as_str().unwrap()), "{answer}");
            self.rejected.fetch_add(usize::from(answer["outcome"] == "rejected"), Ordering::SeqCst);
        }
    }

    /// Clicks cost nothing, so they count whether or not money is left.
    async fn click(&self, round: usize, client: usize, data: &Value) {
        let (server, (streamer, _)) = self.at(client);
        let path = format!("/api/v1/overlay/{}/click/chat", streamer.token);
        let event = json!({"receipt": data["receipt"], "eventId": format!("{round}/{client}")});
        let reply = server.post(&path, event).await;
        reply.assert_event("counted", None);
        assert_eq!(reply.json()["participationId"], data["participationId"]);
        let id = data["participationId"].as_str().unwrap().parse().unwrap();
        self.credit(id, &Counters { clicks: 1, chat_clicks: 1, ..Counters::default() });
    }

    /// Lets a new visitor follow one of the streamer's links. The redirect says that the visit was accepted and not whether it is
    /// paid.
    async fn visit(&self, round: usize, client: usize) {
        let (server, (_, joined)) = self.at(client);
        let number = (round + client / (2 * STREAMERS)) % PURSES.len();
        let visitor = format!("{round}/{client}");
        let url = server.url(&format!("/c/{}?src=link", joined[number].id));
        let visit = server.client.get(url).header("X-Forwarded-For", address_of(&visitor));
        let reply = Reply::of(visit.header("User-Agent", visitor)).await;
        assert_eq!(reply.status, 302, "{}", reply.body);
        if PURSES[number].0 == PaymentType::Cpc {
            self.paid_visits_sent.fetch_add(1, Ordering::SeqCst);
        } else {
            let visit = Counters { visits: 1, clicks: 1, link_clicks: 1, ..Counters::default() };
            self.credit(joined[number].id, &visit);
        }
    }

    fn credit(&self, id: ParticipationId, change: &Counters) {
        self.credited.borrow_mut().entry(id).or_default().add(change);
    }

    /// Reads all budgets, through both instances in turn, until the test is over. No budget may grow or become negative. Returns
    /// the number of reads.
    async fn watch(&self) -> usize {
        let mut last = PURSES.map(|(.., budget)| units(budget));
        for look in 0.. {
            for (campaign, last) in self.campaigns.iter().zip(&mut last) {
                let now = self.servers[look % 2].stored_campaign(campaign.id).await.remaining_budget;
                assert!((Money::ZERO..=*last).contains(&now), "{}: {now:?} after {last:?}", campaign.title);
                *last = now;
            }
            if self.over.load(Ordering::SeqCst) {
                return look;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        unreachable!()
    }

    /// Whether no small budget suffices for another unit.
    async fn is_spent(&self) -> bool {
        for (campaign, (_, _, unit, _)) in self.campaigns.iter().zip(PURSES).take(SMALL) {
            if self.servers[0].stored_campaign(campaign.id).await.remaining_budget >= units(unit) {
                return false;
            }
        }
        true
    }

    async fn assert_exact(&self) {
        // Viewers are redirected before their visits are recorded.
        join_all(self.servers.iter().map(|server| server.visits.settled())).await;
        for (number, (kind, _, unit, budget)) in PURSES.into_iter().enumerate() {
            let (mut paid_units, mut paid) = (0, Money::ZERO);
            for (_, joined) in &self.streamers {
                let id = joined[number].id;
                let stored = self.servers[0].stored_participation(id).await.counters;
                let mut expected = self.credited.borrow().get(&id).copied().unwrap_or_default();
                if kind == PaymentType::Cpc {
                    // The ledger decides which visits are paid: those for which it found money.
                    let visits = stored.visits;
                    let earnings = times(units(unit), visits);
                    expected.add(&Counters {
                        visits,
                        clicks: visits,
                        link_clicks: visits,
                        paid_units: visits,
                        earnings,
                        ..Counters::default()
                    });
                }
                assert_eq!(stored, expected);
                paid_units += stored.paid_units;
                paid += stored.earnings;
            }
            assert_eq!(paid, times(units(unit), paid_units));
            let remaining = self.servers[1].stored_campaign(self.campaigns[number].id).await.remaining_budget;
            assert_eq!(paid, units(budget) - remaining);
            if kind == PaymentType::Cpc {
                let sent = self.paid_visits_sent.load(Ordering::SeqCst);
                let payable = units(budget).micros() / units(unit).micros();
                assert_eq!(i64::try_from(paid_units).unwrap(), payable.min(i64::try_from(sent).unwrap()));
            }
        }
        self.servers[0].assert_reconciled().await;
    }

    /// Fails unless every decision is stored as clients were told, and no two decisions have the same ordinal.
    async fn assert_one_decision_each(&self) {
        let (told, mut stored) = (self.decisions.borrow().clone(), 0);
        for (streamer, _) in &self.streamers {
            let decisions = &self.servers[0].storage.decisions;
            let latest = decisions.find_latest(streamer.user.id).await.unwrap().unwrap().id;
            stored += latest.ordinal;
            for ordinal in 1..=latest.ordinal {
                let id = DecisionId { ordinal, ..latest };
                let decision = decisions.find(id).await.unwrap().unwrap().decision;
                let Some(data) = told.get(&id) else { continue };
                let (campaign, participation) = decision.shown().unwrap();
                assert_eq!(data["campaignId"], campaign.to_string());
                assert_eq!(data["participationId"], participation.to_string());
                for (field, time) in [("slotStart", decision.slot_start), ("slotEnd", decision.until)] {
                    let told: Timestamp = data[field].as_str().unwrap().parse().unwrap();
                    assert_eq!(told, time, "{field} of {id}");
                }
            }
            assert!(
                told.keys()
                    .filter(|id| id.streamer == latest.streamer)
                    .all(|id| id.ordinal <= latest.ordinal)
            );
        }
        let documents: Vec<IgnoredAny> = documents(&self.servers[0].store, "decisions").await;
        assert_eq!(u64::try_from(documents.len()).unwrap(), stored);
    }
}

fn times(price: Money, count: u64) -> Money {
    Money::from_micros(price.micros() * i64::try_from(count).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_decide_alike_count_exactly_and_spend_no_more_than_there_is() {
    let stage = Stage::set().await;
    let work = async {
        for round in 0..ROUNDS_AT_MOST {
            stage.ask_while_time_goes_by().await;
            let seen = stage.ask().await;
            let spending = seen.iter().enumerate().map(|(client, data)| stage.spend(round, client, data));
            join_all(spending).await;
            stage.assert_exact().await;
            if round + 1 >= ROUNDS && stage.is_spent().await {
                break;
            }
        }
        stage.over.store(true, Ordering::SeqCst);
    };
    let ((), looks) = join(work, stage.watch()).await;
    stage.assert_one_decision_each().await;
    assert!(stage.is_spent().await);
    let (told, rejected) = (stage.decisions.borrow().len(), stage.rejected.load(Ordering::SeqCst));
    println!("{told} decisions, {rejected} displays rejected, {looks} looks at the budgets");
    assert!(told >= ROUNDS * STREAMERS && rejected >= REJECTED_AT_LEAST && looks >= 10 * ROUNDS);
}
