//! A server on its own port and its own store, with a clock that the test sets.

mod documents;
mod front_end;
mod reply;
mod store;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use actix_web::dev::ServerHandle;
use gametriggers::{
    Application, ApplicationSettings, DecisionSettings, HttpSettings, LimitSettings, Store, VisitSettings,
};
use gametriggers_fixtures::ManualClock;
use gametriggers_http::{ForwardedHeader, JwtKeys, TokenSubject};
use gametriggers_persistence::{Ledger, Repositories};
use gametriggers_services::{Clock, PendingVisits};
use gametriggers_types::{Timestamp, UserId};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

pub(crate) use self::{
    documents::Streamer,
    front_end::FrontEnd,
    reply::Reply,
    store::{Documents, Everything, Field, TestStore},
};

/// The time at which servers start. It is a Friday.
pub(crate) const START: &str = "2026-11-20T10:00:30Z";
/// The limit for a request. It lets a test with a hanging request fail instead of blocking the run.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
/// An export of the previous system's database with all its oddities.
pub(crate) const PREVIOUS_DATABASE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../services/tests/previous-database");
const SECRET: &[u8] = b"a secret of the tests, long enough";

/// A network address that only this visitor has.
pub(crate) fn address_of(visitor: &str) -> String {
    let mut hasher = DefaultHasher::new();
    visitor.hash(&mut hasher);
    let [.., a, b, c, d] = hasher.finish().to_be_bytes();
    format!("2001:db8:{a:x}{b:02x}:{c:x}{d:02x}::1")
}

/// A running server. Several servers may share one store ([`beside`](Self::beside)), like instances in production.
pub(crate) struct TestServer {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) storage: Repositories,
    pub(crate) client: Client,
    address: SocketAddr,
    handle: ServerHandle,
    /// The visits that were redirected and are not recorded yet.
    pub(crate) visits: PendingVisits,
    /// The store itself, for changes that no service would make.
    pub(crate) store: Arc<TestStore>,
}

impl TestServer {
    /// A server on an empty store, at [`START`].
    pub(crate) async fn start() -> Self {
        Self::start_on(TestStore::create().await).await
    }

    /// A server on this store, at [`START`].
    pub(crate) async fn start_on(store: TestStore) -> Self {
        Self::start_with(store, |_| {}).await
    }

    /// A server on this store, at [`START`], with changed settings.
    pub(crate) async fn start_with(store: TestStore, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let change = |settings: &mut ApplicationSettings| change(&mut settings.http);
        Self::with(Arc::new(store), Arc::new(ManualClock::at(START)), change, |ledger| ledger).await
    }

    /// A server on an empty store, at [`START`]. It uses the ledger that `wrap` makes of the real one. Its
    /// [`storage`](Self::storage) has the real ledger.
    pub(crate) async fn start_behind(wrap: impl FnOnce(Arc<dyn Ledger>) -> Arc<dyn Ledger>) -> Self {
        let store = Arc::new(TestStore::create().await);
        Self::with(store, Arc::new(ManualClock::at(START)), |_| {}, wrap).await
    }

    /// A server on an empty store, at [`START`], with these limits.
    pub(crate) async fn start_limited(limits: LimitSettings) -> Self {
        let store = Arc::new(TestStore::create().await);
        let change = |settings: &mut ApplicationSettings| settings.limits = limits;
        Self::with(store, Arc::new(ManualClock::at(START)), change, |ledger| ledger).await
    }

    /// A server on an empty store, at [`START`], that leaves this share of its decisions to chance.
    pub(crate) async fn start_exploring(share: f64) -> Self {
        let store = Arc::new(TestStore::create().await);
        let change = |settings: &mut ApplicationSettings| {
            settings.decisions.exploration = share.try_into().unwrap();
        };
        Self::with(store, Arc::new(ManualClock::at(START)), change, |ledger| ledger).await
    }

    /// Another instance on the same store, with the same clock.
    pub(crate) async fn beside(&self) -> Self {
        Self::on(self.store.clone(), self.clock.clone()).await
    }

    /// Another instance on the same store, whose clock shows this time.
    pub(crate) async fn beside_at(&self, time: &str) -> Self {
        Self::on(self.store.clone(), Arc::new(ManualClock::at(time))).await
    }

    /// Another instance on the same store, with the same clock and changed settings.
    pub(crate) async fn beside_with(&self, change: impl FnOnce(&mut HttpSettings)) -> Self {
        let change = |settings: &mut ApplicationSettings| change(&mut settings.http);
        Self::with(self.store.clone(), self.clock.clone(), change, |ledger| ledger).await
    }

    /// Another instance on the same store, with the same clock, that pays this many visits per hour from one address.
    pub(crate) async fn beside_paying(&self, paid_per_address: u64) -> Self {
        let visits = VisitSettings { paid_per_address: paid_per_address.try_into().unwrap() };
        let change = |settings: &mut ApplicationSettings| settings.visits = visits;
        Self::with(self.store.clone(), self.clock.clone(), change, |ledger| ledger).await
    }

    /// Stops the server and starts it again on the same store.
    pub(crate) async fn restarted(self) -> Self {
        self.handle.stop(true).await;
        let Self { clock, store, .. } = self;
        Self::on(store, clock).await
    }

    /// Stops the server and returns the store.
    pub(crate) async fn ended(self) -> TestStore {
        self.handle.stop(true).await;
        Arc::into_inner(self.store).expect("no other instance")
    }

    async fn on(store: Arc<TestStore>, clock: Arc<ManualClock>) -> Self {
        Self::with(store, clock, |_| {}, |ledger| ledger).await
    }

    async fn with(
        store: Arc<TestStore>,
        clock: Arc<ManualClock>,
        change: impl FnOnce(&mut ApplicationSettings),
        wrap: impl FnOnce(Arc<dyn Ledger>) -> Arc<dyn Ledger>,
    ) -> Self {
        let opened = Store::open(&store.url()).await.unwrap();
        opened.migrate().await.unwrap();
        let storage = opened.repositories();
        let http = HttpSettings {
            bind: "127.0.0.1:0".parse().unwrap(),
            public_url: None,
            allowed_origins: vec!["http://localhost:3000".to_owned()],
            trusted_proxies: 1,
            forwarded_header: ForwardedHeader::XForwardedFor,
            uploads: None,
        };
        // Rate limits use the real clock, and a test may change settings more often than a person does in a minute.
        let limits = LimitSettings { settings_changes_per_minute: 0, ..LimitSettings::default() };
        let visits = VisitSettings::default();
        let mut settings =
            ApplicationSettings { http, limits, visits, decisions: DecisionSettings::default() };
        change(&mut settings);
        let wrapped = Repositories { ledger: wrap(storage.ledger.clone()), ..storage.clone() };
        let application = Application::build(&settings, SECRET, wrapped, clock.clone(), |_| {}).unwrap();
        let address = application.address();
        let visits = application.pending_visits();
        let server = application.server();
        let handle = server.handle();
        tokio::spawn(server);
        let client = Client::builder()
            .timeout(ANSWERED_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { clock, storage, client, address, handle, visits, store }
    }

    /// The address of a path. The path begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(self.client.post(self.url(path)).json(&body)).await
    }

    /// Requests the content of the screen with this token. The answer must be 200.
    pub(crate) async fn data(&self, token: &str) -> Value {
        let reply = self.get(&format!("/api/v1/overlay/{token}/data")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    /// Reports the display of the content that `data` names.
    pub(crate) async fn display(&self, token: &str, data: &Value) -> Reply {
        let body = serde_json::json!({"receipt": data["receipt"]});
        self.post(&format!("/api/v1/campaigns/impression/{token}"), body).await
    }

    /// Sends a click on the content that `data` names.
    pub(crate) async fn click(&self, token: &str, data: &Value) -> Reply {
        let body = serde_json::json!({"receipt": data["receipt"]});
        self.post(&format!("/api/v1/overlay/{token}/click"), body).await
    }

    pub(crate) fn bearer(&self, user: &gametriggers_domain::model::User) -> String {
        let subject = TokenSubject { id: user.id, email: user.email.clone(), role: user.role };
        JwtKeys::new(SECRET).issue(&subject, self.clock.now()).unwrap()
    }

    /// Sends a request of this user.
    pub(crate) async fn as_user(&self, streamer: &Streamer, request: RequestBuilder) -> Reply {
        Reply::of(request.bearer_auth(self.bearer(&streamer.user))).await
    }

    pub(crate) async fn get_as(&self, streamer: &Streamer, path: &str) -> Reply {
        self.as_user(streamer, self.client.get(self.url(path))).await
    }

    pub(crate) async fn post_as(&self, streamer: &Streamer, path: &str, body: Value) -> Reply {
        self.as_user(streamer, self.client.post(self.url(path)).json(&body)).await
    }

    pub(crate) async fn put_as(&self, streamer: &Streamer, path: &str, body: Value) -> Reply {
        self.as_user(streamer, self.client.put(self.url(path)).json(&body)).await
    }

    /// Changes a streamer's selection settings. The answer must be 200.
    pub(crate) async fn choose(&self, streamer: &Streamer, settings: Value) -> Value {
        let reply = self.put_as(streamer, "/api/v1/users/me/campaign-selection", settings).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    /// Reads the user from the store.
    pub(crate) async fn stored_user(&self, id: UserId) -> gametriggers_domain::model::User {
        self.storage.users.find_by_id(id).await.unwrap().unwrap()
    }

    /// Deactivates a user directly in the store, as an operator does.
    pub(crate) async fn deactivate(&self, id: UserId) {
        self.store.set_one(Field::USER_IS_ACTIVE, &id.to_string(), false).await;
    }

    /// Fails if any counter, budget or rollup differs from the sum of the ledger's entries.
    pub(crate) async fn assert_reconciled(&self) {
        self.visits.settled().await;
        assert_eq!(self.storage.ledger.reconcile(false).await.unwrap(), []);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
