//! A server on a port and a store of its own, at a time that the test sets, and a browser to look at it.

mod browser;
#[allow(dead_code)] // the other suite needs all of it, here and below
#[path = "../../suite/support/clock.rs"]
mod clock;
#[allow(dead_code)]
#[path = "../../suite/support/documents.rs"]
mod documents;
#[path = "../../suite/support/front_end.rs"]
mod front_end;
pub(crate) mod media;
#[allow(dead_code)]
#[path = "../../suite/support/reply.rs"]
mod reply;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::dev::ServerHandle;
use gametriggers::{Application, ApplicationSettings, HttpSettings, LimitSettings, Store, VisitSettings};
use gametriggers_domain::{ledger::Counters, model::Participation};
use gametriggers_http::{ForwardedHeader, JwtKeys, TokenSubject};
use gametriggers_persistence::Repositories;
use gametriggers_services::{Clock, PendingVisits};
use gametriggers_types::{MediaType, Timestamp};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

use self::clock::TestClock;
pub(crate) use self::{
    browser::{Browser, Sight},
    documents::Streamer,
    front_end::FrontEnd,
};

/// The server's time stands until a test moves it, while the `Date` of its answers, by which the page sets its clock,
/// is the machine's. Slots of this time are long to end for the page …
const AHEAD: &str = "2036-05-02T10:00:30Z";
/// … and slots of this time have long ended.
const BEHIND: &str = "2016-05-06T10:00:30Z";
const SECRET: &[u8] = b"a secret of the tests, long enough";
/// Longer than any wait of the page, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub(crate) struct TestServer {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) storage: Repositories,
    client: Client,
    address: SocketAddr,
    handle: ServerHandle,
    visits: PendingVisits,
    folder: TempDir,
}

/// A server that is down; its store, its port and its time stay.
pub(crate) struct StoppedServer {
    pub(crate) clock: Arc<TestClock>,
    address: SocketAddr,
    folder: TempDir,
}

impl StoppedServer {
    pub(crate) async fn start(self) -> TestServer {
        TestServer::on(self.folder, self.clock, self.address).await
    }
}

impl TestServer {
    /// A server on an empty store, whose slots are yet to end.
    pub(crate) async fn start() -> Self {
        Self::start_at(AHEAD).await
    }

    /// A server on an empty store; for the page, its slots have ended when they begin.
    pub(crate) async fn start_behind() -> Self {
        Self::start_at(BEHIND).await
    }

    async fn start_at(time: &str) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::on(TempDir::new().unwrap(), Arc::new(TestClock::at(time)), any_port).await
    }

    pub(crate) async fn stop(self) -> StoppedServer {
        self.handle.stop(false).await;
        StoppedServer { clock: self.clock, address: self.address, folder: self.folder }
    }

    async fn on(folder: TempDir, clock: Arc<TestClock>, bind: SocketAddr) -> Self {
        let store = Store::open(&format!("sqlite://{}", database(&folder).display())).await.unwrap();
        store.migrate().await.unwrap();
        let storage = store.repositories();
        let http = HttpSettings {
            bind,
            public_url: None,
            allowed_origins: vec![],
            trusted_proxies: 0,
            forwarded_header: ForwardedHeader::default(),
            uploads: None,
        };
        let (limits, visits) = (LimitSettings::default(), VisitSettings::default());
        let settings = ApplicationSettings { http, limits, visits };
        let application =
            Application::build(&settings, SECRET, storage.clone(), clock.clone(), media::configure).unwrap();
        let address = application.address();
        let visits = application.pending_visits();
        let server = application.server();
        let handle = server.handle();
        tokio::spawn(server);
        // Between two requests the page may wait for as long as the server keeps a connection open.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { clock, storage, client, address, handle, visits, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The file that the store is.
    pub(crate) fn database(&self) -> PathBuf {
        database(&self.folder)
    }

    /// The address of a path, which begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the streamer adds to OBS.
    pub(crate) fn overlay(&self, token: &str) -> String {
        self.url(&format!("/api/v1/overlay/{token}"))
    }

    /// Lets the streamer join a new campaign with this media.
    pub(crate) async fn join_with(&self, streamer: &Streamer, media_url: &str) -> Participation {
        let campaign = self.campaign_with(|campaign| {
            media_url.clone_into(&mut campaign.media_url);
            if [media::ORBIT_VIDEO, media::SECOND_TRY_VIDEO].contains(&media_url) {
                campaign.media_type = MediaType::Video;
            }
        });
        self.join(streamer, &campaign.await).await
    }

    pub(crate) async fn get_as(&self, streamer: &Streamer, path: &str) -> Value {
        self.as_user(streamer, self.client.get(self.url(path))).await
    }

    pub(crate) async fn post_as(&self, streamer: &Streamer, path: &str, body: Value) -> Value {
        self.as_user(streamer, self.client.post(self.url(path)).json(&body)).await
    }

    pub(crate) async fn put_as(&self, streamer: &Streamer, path: &str, body: Value) -> Value {
        self.as_user(streamer, self.client.put(self.url(path)).json(&body)).await
    }

    /// A request in a user's name, which must succeed.
    async fn as_user(&self, streamer: &Streamer, request: RequestBuilder) -> Value {
        let user = &streamer.user;
        let subject = TokenSubject { id: user.id, email: user.email.clone(), role: user.role };
        let bearer = JwtKeys::new(SECRET).issue(&subject, self.now()).unwrap();
        let reply = reply::Reply::of(request.bearer_auth(bearer)).await;
        assert!(reply.status < 300, "{}: {}", reply.status, reply.body);
        reply.json()
    }

    /// What has been credited to the participation.
    pub(crate) async fn credited(&self, participation: &Participation) -> Counters {
        self.stored_participation(participation.id).await.counters
    }

    /// Waits until this many displays have been credited to the participation.
    pub(crate) async fn until_displays(&self, participation: &Participation, displays: u64) {
        eventually(&format!("{displays} displays credited"), async || {
            (self.credited(participation).await.impressions == displays).then_some(())
        })
        .await;
    }

    /// Fails if any counter, budget or rollup is not what the ledger adds up to.
    pub(crate) async fn assert_reconciled(&self) {
        assert_eq!(self.storage.ledger.reconcile(false).await.unwrap(), []);
    }
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("test.db")
}

/// Tries until there is something.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
