//! A server on its own port and store, with a clock that the test sets, and a browser that shows its page.

mod browser;
#[allow(dead_code)] // the other suite needs all of it, here and below
#[path = "../../suite/support/documents.rs"]
mod documents;
#[path = "../../suite/support/front_end.rs"]
mod front_end;
pub(crate) mod media;
#[allow(dead_code)]
#[path = "../../suite/support/reply.rs"]
mod reply;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use actix_web::dev::ServerHandle;
use gametriggers::{
    Application, ApplicationSettings, DecisionSettings, HttpSettings, LimitSettings, Store, VisitSettings,
};
use gametriggers_domain::{ledger::Counters, model::Participation};
use gametriggers_fixtures::{ManualClock, eventually};
use gametriggers_http::{ForwardedHeader, JwtKeys, TokenSubject};
use gametriggers_persistence::Repositories;
use gametriggers_services::{Clock, PendingVisits};
use gametriggers_types::{MediaType, Timestamp};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use self::{
    browser::{Browser, Sight},
    documents::Streamer,
    front_end::FrontEnd,
};

/// The server's clock stands still until a test moves it. The header `Date` of its answers, by which the page sets its clock, has
/// the machine's time. For the page, slots of this time end in a distant future …
const AHEAD: &str = "2036-05-02T10:00:30Z";
/// … and slots of this time ended long ago.
const BEHIND: &str = "2016-05-06T10:00:30Z";
const SECRET: &[u8] = b"a secret of the tests, long enough";
/// A running server.
pub(crate) struct TestServer {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) storage: Repositories,
    client: Client,
    address: SocketAddr,
    handle: ServerHandle,
    visits: PendingVisits,
    folder: TempDir,
}

/// A stopped server. Its store, its port and its time are kept.
pub(crate) struct StoppedServer {
    pub(crate) clock: Arc<ManualClock>,
    address: SocketAddr,
    folder: TempDir,
}

impl StoppedServer {
    pub(crate) async fn start(self) -> TestServer {
        TestServer::on(self.folder, self.clock, self.address).await
    }
}

impl TestServer {
    /// A server on an empty store, whose slots end in the future for the page.
    pub(crate) async fn start() -> Self {
        Self::start_at(AHEAD).await
    }

    /// A server on an empty store, whose slots have already ended for the page.
    pub(crate) async fn start_behind() -> Self {
        Self::start_at(BEHIND).await
    }

    async fn start_at(time: &str) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::on(TempDir::new().unwrap(), Arc::new(ManualClock::at(time)), any_port).await
    }

    pub(crate) async fn stop(self) -> StoppedServer {
        self.handle.stop(false).await;
        StoppedServer { clock: self.clock, address: self.address, folder: self.folder }
    }

    async fn on(folder: TempDir, clock: Arc<ManualClock>, bind: SocketAddr) -> Self {
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
        let settings = ApplicationSettings { http, limits, visits, decisions: DecisionSettings::default() };
        let application =
            Application::build(&settings, SECRET, storage.clone(), clock.clone(), media::configure).unwrap();
        let address = application.address();
        let visits = application.pending_visits();
        let server = application.server();
        let handle = server.handle();
        tokio::spawn(server);
        // No connection is reused, because the page may wait between two requests until the server closes an idle connection.
        let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { clock, storage, client, address, handle, visits, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The file of the store.
    pub(crate) fn database(&self) -> PathBuf {
        database(&self.folder)
    }

    /// The address of a path. The path begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The address that the streamer adds to OBS.
    pub(crate) fn overlay(&self, token: &str) -> String {
        self.url(&format!("/api/v1/overlay/{token}"))
    }

    /// Stores a new campaign with this media and lets the streamer join it.
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

    /// Sends a request of this user, which must succeed.
    async fn as_user(&self, streamer: &Streamer, request: RequestBuilder) -> Value {
        let user = &streamer.user;
        let subject = TokenSubject { id: user.id, email: user.email.clone(), role: user.role };
        let bearer = JwtKeys::new(SECRET).issue(&subject, self.now()).unwrap();
        let reply = reply::Reply::of(request.bearer_auth(bearer)).await;
        assert!(reply.status < 300, "{}: {}", reply.status, reply.body);
        reply.json()
    }

    /// The counters of the participation.
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

    /// Fails if any counter, budget or rollup differs from the sum of the ledger's entries.
    pub(crate) async fn assert_reconciled(&self) {
        assert_eq!(self.storage.ledger.reconcile(false).await.unwrap(), []);
    }
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("test.db")
}
