//! `serve`: a running server, and how it ends.

use futures_util::future::join_all;
use gametriggers::SystemClock;
use gametriggers_fixtures::eventually;
use gametriggers_http::{JwtKeys, TokenSubject};
use gametriggers_services::Clock;
use gametriggers_types::{Role, UserId};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::process::{Finished, Folder, Running, SECRET};
use crate::support::{Documents, Field, Reply, TestServer};

/// A server in its own process.
pub(super) struct Server {
    process: Running,
    pub(super) client: Client,
    address: String,
}

impl Server {
    /// Starts `serve` and reads its address from the log.
    #[track_caller]
    pub(super) fn start(folder: &Folder) -> Self {
        Self::of(Running::start(folder.command(&["serve"])))
    }

    #[track_caller]
    pub(super) fn of(process: Running) -> Self {
        Self::once_logged(process, "listening address=")
    }

    /// Starts a server whose store is unreachable. The server waits for the store.
    #[track_caller]
    pub(super) fn waiting(folder: &Folder) -> Self {
        Self::once_logged(
            Running::start(folder.command(&["serve"])),
            "answering 503 until the store is open address=",
        )
    }

    #[track_caller]
    fn once_logged(mut process: Running, text: &str) -> Self {
        let address = process.logged(|log| {
            let line = log.lines().find(|line| line.contains(text) && log.ends_with('\n'))?;
            line.split_once("address=")?.1.split(' ').next().map(str::to_owned)
        });
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { process, client, address }
    }

    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Whether the server takes no new connections, because it is about to end.
    async fn refuses(&self) -> bool {
        TcpStream::connect(&self.address).await.is_err()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(self.url(path))).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.client.post(self.url(path)).json(&body)).await
    }

    /// Requests the content of the screen with this token. The answer must be 200.
    pub(super) async fn data(&self, token: &str) -> Value {
        let reply = self.get(&format!("/api/v1/overlay/{token}/data")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    pub(super) async fn click(&self, token: &str, body: Value) -> Reply {
        self.post(&format!("/api/v1/overlay/{token}/click"), body).await
    }

    /// Sends a request of a user with a bearer token that is signed like those of the previous system's sign-in.
    pub(super) async fn as_user(&self, id: &str, request: RequestBuilder) -> Reply {
        let id: UserId = id.parse().unwrap();
        let subject = TokenSubject { id, email: "who@example.com".to_owned(), role: Role::Streamer };
        let bearer = JwtKeys::new(SECRET.as_bytes()).issue(&subject, SystemClock.now()).unwrap();
        Reply::of(request.bearer_auth(bearer)).await
    }

    pub(super) async fn get_as(&self, id: &str, path: &str) -> Reply {
        self.as_user(id, self.client.get(self.url(path))).await
    }

    /// Removes the streamer's blackout periods, because these tests use the real clock.
    pub(super) async fn end_blackouts(&self, id: &str) {
        let change = json!({"campaignRotationSettings": {"blackoutPeriods": []}});
        let request = self.client.put(self.url("/api/v1/users/me/campaign-selection")).json(&change);
        let reply = self.as_user(id, request).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Stops the server like a service manager does.
    #[track_caller]
    pub(super) fn stop(self) -> Finished {
        let ended = self.process.end("TERM");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        ended
    }

    /// Kills the server immediately.
    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until a killed server has ended.
    #[track_caller]
    pub(super) fn gone(self) {
        let ended = self.process.wait();
        assert_eq!(ended.code, None, "{}", ended.stderr);
    }
}

/// Both signals end the server with exit code 0, even if a browser keeps its connection open, and every answered write is stored.
#[tokio::test]
async fn serve_ends_cleanly_when_it_is_told_to() {
    let folder = Folder::with_previous_database().await;
    let token = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
    for (clicks, signal) in [(1, "TERM"), (2, "INT")] {
        let server = Server::start(&folder);
        assert_eq!(server.get("/health/ready").await.status, 200);
        let shown = server.data(token).await;
        server.click(token, json!({"receipt": shown["receipt"]})).await.assert_event("counted", None);
        let client = server.client.clone();
        let ended = server.process.end(signal);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        drop(client);
        assert_eq!(folder.stored_counters(token).await.clicks, clicks);
    }
}

/// Viewers are redirected before their visits are recorded. The server is told to stop while the visits wait for the store.
#[tokio::test]
async fn visits_are_recorded_before_serve_ends() {
    const VISITS: usize = 200;
    let stage = TestServer::start().await;
    stage.clock.set(&SystemClock.now().to_string());
    let (_, joined) = stage.streamer_in(1).await;
    let folder = Folder::with(stage.ended().await);
    let server = Server::start(&folder);
    let link = server.url(&format!("/c/{}?src=qr", joined[0].id));
    let visit = |visitor: usize| server.client.get(&link).header("User-Agent", format!("browser {visitor}"));
    let held = folder.store().hold_writes();
    for reply in join_all((0..VISITS).map(|visitor| Reply::of(visit(visitor)))).await {
        assert_eq!(reply.status, 302, "{}", reply.body);
    }
    server.process.signal("TERM");
    eventually("the server takes no more connections", async || server.refuses().await.then_some(())).await;
    drop(held);
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let counters = folder.stored_counters(joined[0].browser_source_token.expose()).await;
    assert_eq!(counters.visits, u64::try_from(VISITS).unwrap());
    folder.assert_reconciled();
}

/// An instance that must leave the migrations to others waits for them.
#[tokio::test]
async fn serve_refuses_a_store_that_was_not_migrated() {
    let folder = Folder::with_store().await;
    let mut command = folder.command(&["serve"]);
    command.env("GAMETRIGGERS__STORAGE__MIGRATE_ON_START", "false");
    let ended = Running::start(command).wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("run `gametriggers migrate` first"), "{}", ended.stderr);
}

/// Defects O29 and A25: the previous system logged overlay tokens and bearer tokens. Every process of these tests is checked for
/// them when it ends; this test adds requests that fail.
#[tokio::test]
async fn o29_no_log_line_holds_a_token() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    let token = "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc6";
    let unknown = "0123456789abcdef".repeat(4);
    let early_bird = "6864d4187d06a675f2abb716";
    let answer_all = async || {
        let mut statuses = Vec::new();
        for path in [
            format!("/api/v1/overlay/{token}"),
            format!("/api/v1/overlay/{token}/data/"),
            format!("/api/v1/overlay/{token}/qr"),
            format!("/api/v1/overlay/{token}/nothing"),
            format!("/api/v1/overlay/{unknown}/chat-command?token={token}"),
            format!("/{token}"),
            "/c/686511bdf5a1848d4e973390?src=qr".to_owned(),
            format!("/c/{token}"),
        ] {
            statuses.push(server.get(&path).await.status);
        }
        for path in [
            "/api/v1/users/me".to_owned(),
            format!("/api/v1/users/me/overlay/status?overlayToken={token}"),
            "/api/v1/campaigns/streamer/active?page=who@example.com".to_owned(),
        ] {
            statuses.push(server.get_as(early_bird, &path).await.status);
        }
        let body = json!({"receipt": token, "eventId": "who@example.com"});
        statuses.push(server.click(token, body).await.status);
        statuses.push(server.click(token, json!([token])).await.status);
        let forged =
            server.client.get(server.url("/api/v1/users/me")).bearer_auth("eyJhbGciOiJub25lIn0.e30.");
        statuses.push(Reply::of(forged).await.status);
        statuses
    };
    let statuses = answer_all().await;
    assert!([200, 400, 401, 403, 404].iter().all(|status| statuses.contains(status)), "{statuses:?}");
    let fault = folder.store().make_unreadable(Documents::Users).await;
    let statuses = answer_all().await;
    assert!(statuses.iter().filter(|status| **status == 500).count() > 5, "{statuses:?}");
    let ended = server.stop();
    for line in ["route=\"/api/v1/overlay/{token}/qr\"", "a request failed", &fault] {
        assert!(ended.stderr.contains(line), "no `{line}` in {}", ended.stderr);
    }
}

/// One id connects an answer with its log lines: the line of the request and the line of a fault.
#[tokio::test]
async fn log_lines_name_the_request_by_the_id_of_its_answer() {
    let folder = Folder::with_previous_database().await;
    let server = Server::start(&folder);
    let (early_bird, path) = ("6864d4187d06a675f2abb716", "/api/v1/users/me");
    folder.store().make_unreadable(Documents::Users).await;
    let request = server.client.get(server.url(path)).header("X-Request-Id", "given-by-the-caller");
    let given = server.as_user(early_bird, request).await;
    let made = server.get_as(early_bird, path).await;
    assert_eq!((given.status, made.status), (500, 500));
    assert_eq!(given.header("x-request-id"), "given-by-the-caller");
    let ended = server.stop();
    for id in ["given-by-the-caller", made.header("x-request-id")] {
        let id = format!("request_id=\"{id}\"");
        for text in ["route=\"/api/v1/users/me\"", "a request failed"] {
            let is_named = ended.stderr.lines().any(|line| line.contains(&id) && line.contains(text));
            assert!(is_named, "no line with {id} and {text} in {}", ended.stderr);
        }
    }
}

/// Lists are requested every few seconds and a broken document stays broken for long, so its fault must not be logged each time.
#[tokio::test]
async fn what_cannot_be_read_is_left_out_of_lists_named_once_in_the_log_and_counted() {
    let folder = Folder::with_previous_database().await;
    let early_bird = "6864d4187d06a675f2abb716";
    let campaign = "68626579d05bf40ec8267ffd";
    let server = Server::start(&folder);
    let listed = async || {
        let reply = server.get_as(early_bird, "/api/v1/campaigns/streamer/active").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body.contains(campaign)
    };
    assert!(listed().await);
    folder.store().set_one(Field::CAMPAIGN_MEDIA_TYPE, campaign, "hologram").await;
    for _ in 0..3 {
        assert!(!listed().await);
    }
    let ended = server.stop();
    let named = format!("left out of lists: campaign {campaign} is corrupt in field ");
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains(&named)).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    assert!(lines[0].ends_with("unreadable=1"), "{}", lines[0]);
}
