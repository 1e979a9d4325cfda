//! The failure that was the reason for this project: `E11000 duplicate key error … browserSourceToken_1`. The previous system
//! saved whole documents, including tokens, on every click. These tests make every kind of write about streamers at once, through
//! two servers. No token changes, and every acknowledged write is stored.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use futures_util::future::{join, join_all, join3};
use gametriggers_domain::{
    ledger::Counters,
    model::{Participation, TrackingLinks},
    price::Payment,
    selection,
};
use gametriggers_fixtures::{payment, units};
use gametriggers_types::{Money, PageLimit, PageRequest, ParticipationId, PaymentType};
use serde_json::{Value, json};

use crate::support::{Reply, Streamer, TestServer, address_of};

const PARTICIPATIONS: [usize; 2] = [24, 6];
const ROUNDS: usize = 7;
/// The number of turns of each viewer in a round. Meanwhile, settings change and time passes.
const TURNS: usize = 2;
const SIZES: [&str; 3] = ["small", "large", "medium"];
/// The routes of clicks, each with the kind of its clicks.
const CLICKS: [(&str, &str); 6] = [
    ("overlay/{}/click", "overlay"),
    ("campaigns/click/{}", "overlay"),
    ("overlay/{}/click/overlay", "overlay"),
    ("overlay/{}/click/chat", "chat"),
    ("overlay/{}/click/qr", "qr"),
    ("overlay/{}/click/link", "link"),
];
const SOURCES: [&str; 3] = ["chat", "qr", "link"];
const SELECTION: &str = "/api/v1/users/me/campaign-selection";
const OVERLAY: &str = "/api/v1/users/me/overlay";

/// The strategy that streamers choose in this round: another one in each.
fn strategy_of(round: usize) -> &'static str {
    let all = selection::all();
    all[round % all.len()].name()
}

/// The payment of a streamer's campaign number `number`, and the price of one unit.
fn price(number: usize) -> (Payment, Money) {
    let (kind, rate, unit) = match number % 3 {
        0 => (PaymentType::Cpm, 1_660.0, 1.66),
        1 => (PaymentType::Cpc, 0.333_333, 0.333_333),
        _ => (PaymentType::Fixed, 5_000.0, 0.5),
    };
    (payment(kind, rate, 10_000), units(unit))
}

/// The counters that a click of this kind adds.
fn click_on(what: &str) -> Counters {
    let is = |other| u64::from(what == other);
    Counters {
        clicks: 1,
        chat_clicks: is("chat"),
        qr_scans: is("qr"),
        link_clicks: is("link"),
        ..Counters::default()
    }
}

struct Party {
    streamer: Streamer,
    joined: Vec<Participation>,
}

impl Party {
    async fn of(server: &TestServer, participations: usize) -> Self {
        let streamer = server.streamer().await;
        let mut joined = Vec::new();
        for number in 0..participations {
            let campaign = server.campaign_with(|it| it.payment = price(number).0).await;
            joined.push(server.join(&streamer, &campaign).await);
        }
        Self { streamer, joined }
    }

    /// One of the tokens. All of them address the same screen.
    fn token(&self, viewer: usize) -> &str {
        match viewer % 4 {
            0 => &self.streamer.token,
            _ => self.joined[viewer % self.joined.len()].browser_source_token.expose(),
        }
    }
}

/// The screens, the servers that show them, and the counts that the servers have acknowledged.
struct Stage {
    servers: [TestServer; 2],
    parties: Vec<Party>,
    credited: RefCell<BTreeMap<ParticipationId, Counters>>,
    decisions: RefCell<BTreeSet<String>>,
    /// The participations whose tracking links were requested.
    linked: RefCell<BTreeSet<ParticipationId>>,
}

impl Stage {
    /// Fails unless the store itself keeps tokens unique.
    async fn assert_tokens_are_unique(&self) {
        assert!(self.servers[0].store.keeps_tokens_unique().await);
    }

    async fn set() -> Self {
        let server = TestServer::start().await;
        let mut parties = Vec::new();
        for participations in PARTICIPATIONS {
            parties.push(Party::of(&server, participations).await);
        }
        let servers = [server.beside().await, server];
        let (credited, decisions, linked) = <_>::default();
        Self { servers, parties, credited, decisions, linked }
    }

    /// Adds to the expected counters of a participation. The change is paid if the campaign has one of these payment types.
    fn credit(&self, party: &Party, id: ParticipationId, paying: &[PaymentType], change: Counters) {
        let (payment, unit) = price(party.joined.iter().position(|joined| joined.id == id).unwrap());
        let (paid_units, earnings) =
            if paying.contains(&payment.kind()) { (1, unit) } else { (0, Money::ZERO) };
        let change = Counters { paid_units, earnings, ..change };
        self.credited.borrow_mut().entry(id).or_default().add(&change);
    }

    async fn get(&self, server: usize, path: &str) -> Reply {
        checked(self.servers[server % 2].get(&format!("/api/v1/{path}")).await)
    }

    async fn post(&self, server: usize, path: &str, body: Value) -> Reply {
        checked(self.servers[server % 2].post(&format!("/api/v1/{path}"), body).await)
    }

    /// Does once what a viewer and the page do in a turn.
    async fn view(&self, party: &Party, turn: usize, viewer: usize) {
        let token = party.token(viewer + turn);
        let data = self.get(viewer, &format!("overlay/{token}/data")).await;
        assert_eq!(data.status, 200, "{}", data.body);
        let data = data.json();
        self.decisions.borrow_mut().insert(data["decisionId"].as_str().unwrap().to_owned());
        self.display(party, viewer, token, &data).await;
        join3(
            self.click(party, turn, viewer, &data),
            self.visit(party, turn, viewer),
            self.ask_for_links(viewer, token),
        )
        .await;
        let ping = self.post(viewer, &format!("overlay/{token}/ping"), json!({})).await;
        assert_eq!(ping.status, 201, "{}", ping.body);
    }

    async fn display(&self, party: &Party, viewer: usize, token: &str, data: &Value) {
        let body = json!({"receipt": data["receipt"]});
        let reply = self.post(viewer + 1, &format!("campaigns/impression/{token}"), body).await;
        assert_eq!(reply.json()["participationId"], data["participationId"], "{}", reply.body);
        if reply.json()["outcome"] == "counted" {
            let display = Counters { impressions: 1, ..Counters::default() };
            let paying: &[_] = match reply.json()["unpaidReason"].as_str() {
                None => &[PaymentType::Cpm, PaymentType::Fixed],
                Some(_) => &[],
            };
            self.credit(party, participation(data), paying, display);
        } else {
            reply.assert_event("duplicate", None);
        }
    }

    /// Sends the same click through both servers, and another one without a receipt.
    async fn click(&self, party: &Party, turn: usize, viewer: usize, data: &Value) {
        let (path, what) = CLICKS[(turn + viewer) % CLICKS.len()];
        let path = path.replace("{}", party.token(viewer + 1));
        let event = json!({"receipt": data["receipt"], "eventId": format!("{turn}/{viewer}")});
        let (one, same, other) = join3(
            self.post(0, &path, event.clone()),
            self.post(1, &path, event.clone()),
            self.post(viewer, &path, json!({})),
        )
        .await;
        let (counted, again) = if one.json()["outcome"] == "counted" { (one, same) } else { (same, one) };
        counted.assert_event("counted", None);
        again.assert_event("duplicate", None);
        for reply in [counted, again] {
            assert_eq!(reply.json()["participationId"], data["participationId"]);
        }
        self.credit(party, participation(data), &[], click_on(what));
        if other.json()["outcome"] == "counted" {
            self.credit(party, participation(&other.json()), &[], click_on(what));
        } else {
            // The decision has ended, and nobody has asked for the next one yet.
            other.assert_event("rejected", Some("nothing-on-screen"));
        }
    }

    /// Lets a new viewer follow a tracking link.
    async fn visit(&self, party: &Party, turn: usize, viewer: usize) {
        let (server, source) = (&self.servers[viewer % 2], SOURCES[(turn + viewer) % SOURCES.len()]);
        let joined = &party.joined[viewer];
        let link = server.url(&format!("/c/{}?src={source}", joined.id));
        let visitor = format!("{}/{turn}/{viewer}", party.streamer.user.id);
        let visit = server.client.get(link).header("X-Forwarded-For", address_of(&visitor));
        let reply = checked(Reply::of(visit.header("User-Agent", visitor)).await);
        assert_eq!(reply.status, 302, "{}", reply.body);
        let visit = Counters { visits: 1, ..click_on(source) };
        self.credit(party, joined.id, &[PaymentType::Cpc], visit);
    }

    /// Requests the links through both servers. Each server uses its own address in them, so each changes the links that the
    /// other has stored.
    async fn ask_for_links(&self, viewer: usize, token: &str) {
        let (qr, command) = (format!("overlay/{token}/qr"), format!("overlay/{token}/chat-command"));
        let (qr, command) = join(self.get(viewer, &qr), self.get(viewer + 1, &command)).await;
        for reply in [&qr, &command] {
            if reply.status != 200 {
                reply.assert_error(404, "NOTHING_ON_SCREEN");
            }
        }
        if command.status == 200 {
            let command = command.json()["command"].as_str().unwrap().to_owned();
            let id = command.split_once("/c/").unwrap().1.split_once('?').unwrap().0;
            self.linked.borrow_mut().insert(id.parse().unwrap());
        }
    }

    /// Changes the streamer's settings, half of them through each server.
    async fn set_up(&self, party: &Party, round: usize) {
        let interval = json!({"rotationIntervalMinutes": 1 + round % 4});
        let changes = [
            (0, SELECTION, json!({"campaignSelectionStrategy": strategy_of(round)})),
            (1, SELECTION, json!({"campaignRotationSettings": interval})),
            (0, OVERLAY, json!({"size": SIZES[round % SIZES.len()]})),
            (1, OVERLAY, json!({"opacity": 50 + round})),
        ];
        join_all(changes.map(async |(server, path, change)| {
            let reply = checked(self.servers[server].put_as(&party.streamer, path, change).await);
            assert_eq!(reply.status, 200, "{}", reply.body);
        }))
        .await;
        let read = async |path| checked(self.servers[0].get_as(&party.streamer, path).await).json();
        let (selection, overlay) = (read(SELECTION).await, read(OVERLAY).await);
        assert_eq!(selection["campaignSelectionStrategy"], strategy_of(round));
        assert_eq!(selection["campaignRotationSettings"]["rotationIntervalMinutes"], 1 + round % 4);
        assert_eq!(overlay["size"], SIZES[round % SIZES.len()]);
        assert_eq!(overlay["opacity"], json!(50.0 + f64::from(u8::try_from(round).unwrap())));
        assert_eq!(overlay["overlayToken"], party.streamer.token);
    }

    /// Moves the clocks forward while requests are in progress.
    async fn pass_time(&self) {
        for server in 0..4 {
            assert_eq!(checked(self.servers[server % 2].get("/health/ready").await).status, 200);
            self.servers[0].clock.advance_seconds(15);
        }
    }

    async fn assert_as_acknowledged(&self) {
        // Viewers are redirected before their visits are recorded.
        join_all(self.servers.iter().map(|server| server.visits.settled())).await;
        let storage = &self.servers[0].storage;
        for party in &self.parties {
            let user = &party.streamer.user;
            let stored = storage.users.find_by_id(user.id).await.unwrap().unwrap();
            assert_eq!(stored.overlay_token, user.overlay_token);
            let page = PageRequest::first(PageLimit::default());
            let listed = storage.participations.list_current(user.id, page).await.unwrap();
            let listed: Vec<_> = listed.items.into_iter().map(|(participation, _)| participation).collect();
            assert_eq!(listed.len(), party.joined.len());
            for (stored, joined) in listed.iter().zip(&party.joined) {
                self.assert_only_counted(stored, joined);
                let found = storage.participations.find_by_token(&joined.browser_source_token).await.unwrap();
                assert_eq!(found.as_ref(), Some(stored));
            }
        }
    }

    /// Fails if anything but the acknowledged counters and the tracking links of the participation has changed.
    fn assert_only_counted(&self, stored: &Participation, joined: &Participation) {
        let counters = self.credited.borrow()[&joined.id];
        let tracking = stored.tracking.clone();
        assert_eq!(*stored, Participation { counters, tracking, ..joined.clone() });
        assert_eq!(stored.browser_source_token.expose(), joined.browser_source_token.expose());
        let possible = self.servers.each_ref().map(|server| {
            let link = server.url(&format!("/c/{}", joined.id));
            TrackingLinks {
                qr_code_url: Some(format!("{link}/qr")),
                chat_command: Some(format!("!sponsor Check out our sponsor: {link}?src=chat")),
                tracking_url: Some(link),
            }
        });
        let given_out = self.linked.borrow().contains(&joined.id);
        let none = stored.tracking == TrackingLinks::default();
        assert!(possible.contains(&stored.tracking) || (none && !given_out), "{:?}", stored.tracking);
    }
}

fn participation(answer: &Value) -> ParticipationId {
    answer["participationId"].as_str().unwrap().parse().unwrap()
}

/// Fails if the reply is a server error or mentions the failure of the previous system.
fn checked(reply: Reply) -> Reply {
    assert!(reply.status < 500, "{}: {}", reply.status, reply.body);
    let body = reply.body.to_lowercase();
    for word in ["e11000", "duplicate key", "dup key", "browsersourcetoken", "browser_source_token", "unique"]
    {
        assert!(!body.contains(word), "{}: {}", reply.status, reply.body);
    }
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e11000_under_load_of_every_kind_no_token_is_touched_and_every_acknowledgement_holds() {
    let stage = Stage::set().await;
    for round in 0..ROUNDS {
        let parties = stage.parties.iter().map(async |party| {
            let viewers = (0..party.joined.len()).map(async |viewer| {
                for turn in round * TURNS..(round + 1) * TURNS {
                    stage.view(party, turn, viewer).await;
                }
            });
            join(join_all(viewers), stage.set_up(party, round)).await;
        });
        join3(join_all(parties), stage.pass_time(), stage.assert_tokens_are_unique()).await;
        stage.assert_as_acknowledged().await;
    }
    stage.assert_tokens_are_unique().await;
    let (decisions, linked) = (stage.decisions.borrow().len(), stage.linked.borrow().len());
    assert!(decisions >= 2 * ROUNDS && linked >= ROUNDS, "{decisions} decisions, {linked} were linked to");
    for party in &stage.parties {
        for joined in &party.joined {
            let (token, ping) = (joined.browser_source_token.expose(), json!({}));
            let ping = stage.post(0, &format!("overlay/{token}/ping"), ping).await;
            assert_eq!(ping.status, 201, "the page of each participation still works: {}", ping.body);
        }
    }
    stage.servers[0].assert_reconciled().await;
}
