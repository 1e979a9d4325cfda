//! The API gives the same answers for the database as it was left, imported into MongoDB, and imported into SQLite.

use base64::{Engine, engine::general_purpose::STANDARD};
use gametriggers_test_mongod::TestDatabase;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{EARLY_BIRD, account, exported, id_of, start_as_it_was_left, start_imported};
use crate::support::{Reply, START, Streamer, TestServer, TestStore};

/// The routes of an account.
const ACCOUNT_ROUTES: [&str; 7] = [
    "/api/v1/users/me",
    "/api/v1/users/me/overlay",
    "/api/v1/users/me/overlay/status",
    "/api/v1/users/me/campaign-selection",
    "/api/v1/campaigns/streamer/active",
    "/api/v1/campaigns/streamer/active?page=1&limit=1",
    "/api/v1/campaigns/streamer/active?page=2&limit=1",
];
/// The routes of a screen.
const TOKEN_ROUTES: [&str; 6] = ["", "/data", "/qr", "/qr.png", "/qr.svg", "/chat-command"];
/// A Friday by day; the same Friday by night, in a blackout period; the Saturday after it by night; and a Friday a week later.
const TIMES: [&str; 4] = [START, "2026-11-20T23:10:00Z", "2026-11-21T23:10:00Z", "2026-11-27T10:00:00Z"];
/// Replaces the one overlay token that is not in the database: it is made at random when its streamer first needs it.
const MADE: &str = "[made at random]";

/// The headers that depend on stored data.
const HEADERS: [&str; 4] = ["content-type", "etag", "cache-control", "location"];

/// A request and its answer.
#[derive(Debug, PartialEq)]
struct Answer {
    asked: String,
    status: u16,
    headers: Vec<String>,
    body: String,
}

struct Instance {
    server: TestServer,
    accounts: Vec<Streamer>,
    /// The tokens of screens: of streamers and of participations.
    tokens: Vec<String>,
    participations: Vec<String>,
    /// The token that [`MADE`] replaces.
    made: String,
}

impl Instance {
    async fn on(server: TestServer) -> Self {
        let early_bird = account(&server, EARLY_BIRD).await;
        let me = server.get_as(&early_bird, "/api/v1/users/me").await.json();
        let made = me["overlayToken"].as_str().unwrap().to_owned();
        let (mut accounts, mut tokens) = (Vec::new(), vec![made.clone()]);
        for user in exported("users") {
            accounts.push(account(&server, id_of(&user)).await);
            tokens.extend(user["overlayToken"].as_str().map(str::to_owned));
        }
        let participations = exported("campaignparticipations");
        let token = |joined: &Value| joined["browserSourceToken"].as_str().unwrap().to_owned();
        tokens.extend(participations.iter().map(token));
        let participations = participations.iter().map(|joined| id_of(joined).to_owned()).collect();
        Self { server, accounts, tokens, participations, made }
    }

    /// Sends a request, as `whose` if that is given.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        whose: Option<&Streamer>,
        body: Option<&Value>,
    ) -> Answer {
        let request = self.server.client.request(method.clone(), self.server.url(path));
        // The server distinguishes visitors by address and agent.
        let request = request.header("X-Forwarded-For", "203.0.113.7").header("User-Agent", "a browser");
        let request = body.into_iter().fold(request, RequestBuilder::json);
        let reply = match whose {
            Some(streamer) => self.server.as_user(streamer, request).await,
            None => Reply::of(request).await,
        };
        let whose = whose.map_or_else(String::new, |streamer| format!(" by {}", streamer.user.name));
        let asked = format!("{method} {path}{whose} at {}", self.server.now());
        let is_picture = reply.header("content-type") == "image/png";
        let text = if is_picture { STANDARD.encode(&reply.bytes) } else { reply.body.clone() };
        let headers = HEADERS.map(|name| reply.header(name).to_owned()).to_vec();
        Answer {
            asked: asked.replace(&self.made, MADE),
            status: reply.status,
            headers,
            body: text.replace(&self.made, MADE),
        }
    }

    /// Requests everything that can be read.
    async fn read_all(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for streamer in &self.accounts {
            for path in ACCOUNT_ROUTES {
                answers.push(self.ask(Method::GET, path, Some(streamer), None).await);
            }
        }
        for token in &self.tokens {
            for route in TOKEN_ROUTES {
                let path = format!("/api/v1/overlay/{token}{route}");
                answers.push(self.ask(Method::GET, &path, None, None).await);
            }
        }
        for id in &self.participations {
            answers.push(self.ask(Method::GET, &format!("/c/{id}/qr"), None, None).await);
        }
        answers
    }

    /// Reports a display and clicks of every screen, and follows every link. Returns when all visits are recorded.
    async fn visit_all(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for token in &self.tokens {
            let shown = self.server.data(token).await;
            let event = match &shown["receipt"] {
                Value::String(receipt) => json!({"receipt": receipt}),
                _ => json!({}),
            };
            let display = format!("/api/v1/campaigns/impression/{token}");
            answers.push(self.ask(Method::POST, &display, None, Some(&event)).await);
            for kind in ["overlay", "chat", "qr", "link"] {
                let click = format!("/api/v1/overlay/{token}/click/{kind}");
                answers.push(self.ask(Method::POST, &click, None, Some(&event)).await);
            }
        }
        for id in &self.participations {
            for source in ["qr", "chat", "link"] {
                answers.push(self.ask(Method::GET, &format!("/c/{id}?src={source}"), None, None).await);
            }
        }
        self.server.visits.settled().await;
        answers
    }

    /// Changes the settings of every account that has any.
    async fn change_all(&self) -> Vec<Answer> {
        let mut answers = Vec::new();
        let look = json!({"size": "small", "opacity": 33.3});
        let choice = json!({
            "timezone": "Asia/Kolkata",
            "campaignRotationSettings": {"rotationIntervalMinutes": 5, "priorityWeights": {"fairness": 1}},
        });
        for streamer in &self.accounts {
            for (path, settings) in [(ACCOUNT_ROUTES[1], &look), (ACCOUNT_ROUTES[3], &choice)] {
                answers.push(self.ask(Method::PUT, path, Some(streamer), Some(settings)).await);
            }
        }
        answers
    }
}

#[track_caller]
fn assert_alike(asked_at_least: usize, [left, imported, embedded]: [Vec<Answer>; 3]) {
    assert!(left.len() >= asked_at_least && left.len() == imported.len() && left.len() == embedded.len());
    for ((left, imported), embedded) in left.into_iter().zip(imported).zip(embedded) {
        assert_eq!(left, imported, "left as it was, and imported into MongoDB");
        assert_eq!(imported, embedded, "imported into MongoDB, and into SQLite");
        assert_ne!(left.status, 500, "{left:?}");
    }
}

#[tokio::test]
async fn all_answers_are_the_same_wherever_the_database_is() {
    let [left, imported, embedded] = [
        start_as_it_was_left().await,
        start_imported(TestStore::mongodb(TestDatabase::create().await)).await,
        start_imported(TestStore::sqlite()).await,
    ];
    let all = [Instance::on(left).await, Instance::on(imported).await, Instance::on(embedded).await];
    let [left, imported, embedded] = &all;
    for time in TIMES {
        for one in &all {
            one.server.clock.set(time);
        }
        for _ in 0..2 {
            assert_alike(90, [left.read_all().await, imported.read_all().await, embedded.read_all().await]);
            assert_alike(
                60,
                [left.visit_all().await, imported.visit_all().await, embedded.visit_all().await],
            );
            for one in &all {
                one.server.clock.advance_seconds(200);
            }
        }
        assert_alike(12, [left.change_all().await, imported.change_all().await, embedded.change_all().await]);
    }
    assert_alike(90, [left.read_all().await, imported.read_all().await, embedded.read_all().await]);
    for one in all {
        one.server.assert_reconciled().await;
    }
}
