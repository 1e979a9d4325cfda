//! The clients: 200 connections to three servers, which share the events of a run. Each client notes what it does.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use gametriggers::SystemClock;
use gametriggers_domain::ledger::EntryId;
use gametriggers_services::Clock;
use gametriggers_types::{ClickKind, DecisionId, PaymentType};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{
    super::clients::{Connection, Event, Gone},
    log::{Log, Visitor},
    servers::Servers,
    stage::{OnAir, Stage},
};
use crate::support::address_of;

const CONNECTIONS: usize = 200;
/// One of this many events is sent to two servers.
const SENT_TWICE: usize = 5;
/// The time within which every event is acknowledged, although servers are killed and may ask to try again later. A busy machine
/// needs a small part of this time.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_mins(2);

/// An event to send.
enum Sent {
    /// A display or a click. Its sender knows its id.
    Noted(EntryId),
    /// The visit of the visitor with this number.
    Visit(usize),
}

/// What is on screen.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    decision_id: DecisionId,
    receipt: String,
}

pub(super) struct Crowd<'a> {
    servers: &'a Servers<'a>,
    stage: &'a Stage,
    events: Vec<Sent>,
    log: Mutex<Log>,
    /// The servers that led visitors on.
    led_on_by: Mutex<Vec<(usize, Arc<Connection>)>>,
    acknowledged: watch::Sender<usize>,
    unanswered: AtomicUsize,
    longest: Mutex<Duration>,
}

impl<'a> Crowd<'a> {
    /// Looks at all screens, which show the campaign, and prepares this many events for which the campaign pays. After each of
    /// them comes a click, which is never paid.
    pub(super) async fn before(servers: &'a Servers<'a>, stage: &'a Stage, events: usize) -> Self {
        let (log, led_on_by, acknowledged, unanswered, longest) = <_>::default();
        let mut crowd =
            Self { servers, stage, events: vec![], log, led_on_by, acknowledged, unanswered, longest };
        let looking = (0..).zip(&stage.streamers).map(|(server, streamer)| crowd.look(server, streamer));
        let shown: Vec<_> = stream::iter(looking).buffered(CONNECTIONS).collect().await;
        let screens = stage.streamers.iter().zip(&shown).cycle();
        let events = (0..events).zip(screens);
        crowd.events = events
            .flat_map(|(number, (streamer, shown))| {
                [crowd.paid(number, streamer, shown), crowd.click(number, streamer, shown)]
            })
            .collect();
        crowd
    }

    async fn look(&self, server: usize, streamer: &OnAir) -> Shown {
        let path = format!("/api/v1/overlay/{}/data", streamer.token);
        let look = |server: &Connection| server.http.get(server.url(&path));
        let (_, data) = self.ask(server, StatusCode::OK, look).await;
        serde_json::from_slice(&data).unwrap()
    }

    /// An event for which the campaign pays.
    fn paid(&self, number: usize, streamer: &OnAir, shown: &Shown) -> Sent {
        if self.stage.campaign.payment.kind() == PaymentType::Cpm {
            let path = format!("/api/v1/campaigns/impression/{}", streamer.token);
            let body = json!({"receipt": shown.receipt});
            self.note(EntryId::display(shown.decision_id), path, body, streamer)
        } else {
            let visitor = Visitor { joined: streamer.joined, hours: BTreeSet::new(), is_acknowledged: false };
            self.log().visitors.push(visitor);
            Sent::Visit(number)
        }
    }

    fn click(&self, number: usize, streamer: &OnAir, shown: &Shown) -> Sent {
        let kind = ClickKind::Chat;
        let event = format!("click {number}");
        let path = format!("/api/v1/overlay/{}/click/{kind}", streamer.token);
        let body = json!({"receipt": shown.receipt, "eventId": event});
        self.note(EntryId::click(streamer.id, kind, &event), path, body, streamer)
    }

    fn note(&self, id: EntryId, path: String, body: Value, streamer: &OnAir) -> Sent {
        self.log().events.insert(id.clone(), Event::new(path, body, streamer.joined));
        Sent::Noted(id)
    }

    /// The number of events.
    pub(super) fn size(&self) -> usize {
        self.events.len()
    }

    /// Waits until this many events are acknowledged.
    pub(super) async fn acknowledged(&self, count: usize) {
        self.acknowledged.subscribe().wait_for(|acknowledged| *acknowledged >= count).await.unwrap();
    }

    /// Whether all events are acknowledged.
    pub(super) fn has_ended(&self) -> bool {
        *self.acknowledged.borrow() == self.size()
    }

    /// Sends all events. Each connection sends one event after the other.
    pub(super) async fn act(&self) {
        let next = AtomicUsize::new(0);
        let acting = async |server: usize| {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                let Some(event) = self.events.get(number) else { return };
                if number.is_multiple_of(SENT_TWICE) {
                    join(self.send(event, server), self.send(event, server + 1)).await;
                } else {
                    self.send(event, server).await;
                }
                self.acknowledged.send_modify(|count| *count += 1);
            }
        };
        join_all((0..CONNECTIONS).map(acting)).await;
    }

    /// Lets those visitors come again whose visits may be lost, because all servers that led them on were killed. No server may
    /// be killed any more.
    pub(super) async fn come_again(&self) {
        let led_on_by = self.led_on_by.lock().unwrap().clone();
        let lasts = led_on_by.iter().filter(|(_, server)| !server.is_end_expected());
        let certain: BTreeSet<_> = lasts.map(|(visitor, _)| *visitor).collect();
        let visitors = 0..self.log().visitors.len();
        let uncertain = visitors.filter(|visitor| !certain.contains(visitor));
        let coming = stream::iter(uncertain.map(|visitor| self.visit(visitor, visitor)));
        coming.buffer_unordered(CONNECTIONS).collect::<()>().await;
        self.log().visitors.iter_mut().for_each(|visitor| visitor.is_acknowledged = true);
    }

    async fn send(&self, event: &Sent, server: usize) {
        match event {
            Sent::Noted(id) => self.send_noted(id, server).await,
            Sent::Visit(visitor) => self.visit(*visitor, server).await,
        }
    }

    /// Sends a display or a click until it is acknowledged.
    async fn send_noted(&self, id: &EntryId, server: usize) {
        let post = |server: &Connection| {
            let mut log = self.log();
            let event = log.events.get_mut(id).unwrap();
            event.times_sent += 1;
            server.http.post(server.url(&event.path)).json(&event.body)
        };
        let (_, body) = self.ask(server, StatusCode::CREATED, post).await;
        let answer = serde_json::from_slice(&body).unwrap();
        self.log().events.get_mut(id).unwrap().answers.push(answer);
    }

    /// Lets a visitor follow the link until they are led on.
    async fn visit(&self, number: usize, server: usize) {
        let path = format!("/c/{}?src=qr", self.log().visitors[number].joined);
        let visitor = format!("visitor {number}");
        let address = address_of(&visitor);
        let note_the_hour = || {
            let hour = SystemClock.now().as_second().div_euclid(3_600);
            self.log().visitors[number].hours.insert(hour);
        };
        let follow = |server: &Connection| {
            note_the_hour();
            let request = server.http.get(server.url(&path));
            request.header("User-Agent", &visitor).header("X-Forwarded-For", &address)
        };
        let (server, _) = self.ask(server, StatusCode::FOUND, follow).await;
        note_the_hour();
        self.led_on_by.lock().unwrap().push((number, server));
    }

    /// Asks one server after the other until one answers, beginning with this one. Returns the server that has answered.
    async fn ask(
        &self,
        first: usize,
        status: StatusCode,
        request: impl Fn(&Connection) -> RequestBuilder,
    ) -> (Arc<Connection>, Vec<u8>) {
        let began = Instant::now();
        let mut number = first;
        let asking = async {
            loop {
                let server = self.servers.connection(number);
                match server.insist(status, || request(&server)).await {
                    Ok(body) => return (server, body),
                    Err(Gone) => self.unanswered.fetch_add(1, Ordering::SeqCst),
                };
                number += 1;
            }
        };
        let answer = timeout(ACKNOWLEDGED_WITHIN, asking).await.expect("an event is acknowledged in time");
        let mut longest = self.longest.lock().unwrap();
        *longest = began.elapsed().max(*longest);
        answer
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub(super) fn into_log(self) -> Log {
        self.log.into_inner().unwrap()
    }
}

impl fmt::Display for Crowd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.log();
        let twice = log.events.values().filter(|event| event.answers.len() > 1).count();
        let (size, unanswered) = (self.size(), self.unanswered.load(Ordering::SeqCst));
        let longest = *self.longest.lock().unwrap();
        write!(
            f,
            "{size} events acknowledged ({twice} displays and clicks twice), {unanswered} sendings not answered, \
             each event acknowledged within {longest:.0?}"
        )
    }
}
