//! Input that no honest client sends. Each request gets its status, its code and an understandable message. Nothing of it is
//! stored, no internals are shown, and the server continues to work.

mod accounts;
mod bodies;
mod receipts;
mod script;
mod settings;
mod tokens;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use gametriggers_domain::model::Participation;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::support::{Everything, Reply, Streamer, TestServer};

/// The reason why a request is refused: status, code, and a part of the message.
type Refusal<'a> = (u16, &'a str, &'a str);

/// Words that no answer may contain: names from Rust, from the store and from the machine.
const INSIDE: &[&str] = &[
    "serde",
    "deserialize",
    "struct ",
    "enum ",
    " f64",
    " u8",
    " u32",
    "::",
    "Some(",
    "sqlite",
    "mongo",
    "E11000",
    "SELECT",
    "UPDATE",
    "panicked",
    ".rs",
    ".db",
    "/tmp",
    "/home",
    "/root",
];

/// A streamer whose overlay is loaded and shows a campaign, so that accepted input would leave a trace, and the whole content of
/// the store before the bad input.
struct Stage {
    server: TestServer,
    streamer: Streamer,
    joined: Vec<Participation>,
    shown: Value,
    before: Everything,
}

impl Stage {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let (streamer, joined) = server.streamer_in(2).await;
        let ping = server.post(&format!("/api/v1/overlay/{}/ping", streamer.token), Value::Null).await;
        assert_eq!(ping.status, 201, "{}", ping.body);
        let shown = server.data(&streamer.token).await;
        let before = server.store.everything().await;
        Self { server, streamer, joined, shown, before }
    }

    /// Fails unless the reply is this refusal and shows no internals.
    #[track_caller]
    fn assert_refused(&self, case: &str, reply: &Reply, (status, code, hint): Refusal<'_>) {
        let case: String = case.chars().take(200).collect();
        assert_eq!(reply.status, status, "{case}: {}", reply.body);
        reply.assert_error(status, code);
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(hint), "{case}: expected \"{hint}\" in \"{message}\"");
        assert!(message.chars().count() <= 401, "{case}: too long: {message}");
        self.assert_tells_nothing(&case, reply);
        for word in INSIDE {
            assert!(!reply.body.contains(word), "{case}: tells \"{word}\": {}", reply.body);
        }
    }

    /// Fails if the reply holds a token or a receipt of the streamer.
    #[track_caller]
    fn assert_tells_nothing(&self, case: &str, reply: &Reply) {
        let participations = self.joined.iter().map(|joined| joined.browser_source_token.expose());
        let receipt = self.shown["receipt"].as_str().unwrap();
        for secret in participations.chain([self.streamer.token.as_str(), receipt]) {
            assert!(!reply.body.contains(secret), "{case}: tells a token: {}", reply.body);
        }
    }

    /// Fails if the content of the store has changed, or if the server does not work any more.
    async fn assert_untouched(&self) {
        assert_eq!(self.server.store.everything().await, self.before);
        assert_eq!(self.server.data(&self.streamer.token).await, self.shown);
        self.server.click(&self.streamer.token, &self.shown).await.assert_event("counted", None);
        self.server.assert_reconciled().await;
    }

    /// Sends a click with this body, which need not be JSON.
    async fn click_with(&self, body: impl Into<reqwest::Body>) -> Reply {
        let url = self.server.url(&format!("/api/v1/overlay/{}/click", self.streamer.token));
        Reply::of(self.server.client.post(url).body(body)).await
    }

    /// Sends a request of the streamer with this body, which need not be JSON.
    async fn send_as(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let request = self.server.client.request(method.parse().unwrap(), self.server.url(path));
        self.server.as_user(&self.streamer, request.body(body)).await
    }
}

/// Sends a request with exactly this target, because HTTP clients normalise paths.
async fn send_raw(server: &TestServer, method: &str, target: &str) -> Reply {
    exchange(server, &format!("{method} {target}"), "Content-Length: 0", b"").await
}

/// Sends a request with exactly these bytes, and reads the whole answer.
async fn exchange(server: &TestServer, start: &str, headers: &str, body: &[u8]) -> Reply {
    let address = server.url("").trim_start_matches("http://").to_owned();
    let head = format!("{start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\r\n");
    let body = body.to_owned();
    // The client of the server's store may run on this thread and must not be blocked.
    spawn_blocking(move || exchange_blocking(&address, &head, &body)).await.unwrap()
}

fn exchange_blocking(address: &str, head: &str, body: &[u8]) -> Reply {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    // The server may close the connection early. It sends its answer before it does.
    let _ = socket.write_all(body);
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    Reply { status, headers, bytes: body.as_bytes().to_vec(), body: body.to_owned() }
}
