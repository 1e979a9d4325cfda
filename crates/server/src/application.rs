//! The server, wired and bound, ready to run.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{HttpServer, dev::Server, rt, web::ServiceConfig};
use gametriggers_http::{ApiState, JwtKeys};
use gametriggers_services::{Clock, PendingVisits, Secrets, Services, Storage};
use gametriggers_types::{InvalidWebUrl, WebUrl};
use tokio::{net::TcpSocket, time::timeout};

use crate::HttpSettings;

/// Connections that may wait to be accepted, as when all overlays come back at once after a restart.
const BACKLOG: u32 = 2_048;
/// How long an idle connection stays open: a page polls every 5 seconds and pings every 30 over the same one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Seconds that running requests have after the signal to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 10;
/// How long visits that were led on have to be recorded after the last request was answered.
const VISITS_RECORDED_WITHIN: Duration = Duration::from_secs(5);
/// Threads of each worker for what blocks: as many as SQLite has readers, and hardly anything else does. Another is
/// started whenever none is idle yet, so that without a limit there were about a hundred, each with memory of its own.
const BLOCKING_THREADS: usize = 8;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The address cannot be had.
    #[error(
        "cannot listen on {0}: is another server running there? Choose another address with GAMETRIGGERS__HTTP__BIND"
    )]
    Bind(SocketAddr, #[source] std::io::Error),
    /// The address that viewers use cannot be made from the one to listen on.
    #[error("http.public_url is needed")]
    PublicUrl(#[from] InvalidWebUrl),
}

/// A server that is bound to its port.
pub struct Application {
    address: SocketAddr,
    public_url: WebUrl,
    server: Server,
    pending_visits: PendingVisits,
}

impl Application {
    /// Binds and wires a server, and begins to follow the store's changes. `extra` adds routes beside the API's. To be
    /// called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ApplicationError`].
    pub fn build(
        settings: &HttpSettings,
        secret: &[u8],
        storage: Storage,
        clock: Arc<dyn Clock>,
        extra: fn(&mut ServiceConfig),
    ) -> Result<Self, ApplicationError> {
        Self::build_on(Self::bind(settings)?, settings, secret, storage, clock, extra)
    }

    /// Takes the address. To be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ApplicationError::Bind`].
    pub fn bind(settings: &HttpSettings) -> Result<TcpListener, ApplicationError> {
        listen(settings.bind).map_err(|error| ApplicationError::Bind(settings.bind, error))
    }

    /// Wires a server on an address that was [taken](Self::bind) before; otherwise as [`build`](Self::build).
    ///
    /// # Errors
    /// [`ApplicationError`].
    pub fn build_on(
        listener: TcpListener,
        settings: &HttpSettings,
        secret: &[u8],
        storage: Storage,
        clock: Arc<dyn Clock>,
        extra: fn(&mut ServiceConfig),
    ) -> Result<Self, ApplicationError> {
        let cannot_bind = |error| ApplicationError::Bind(settings.bind, error);
        let address = listener.local_addr().map_err(cannot_bind)?;
        let public_url = match &settings.public_url {
            Some(url) => url.clone(),
            None if address.ip().is_unspecified() => {
                tracing::warn!(
                    "http.public_url is not set: QR codes and tracking links lead viewers to localhost, their own machine"
                );
                WebUrl::parse(&format!("http://localhost:{}", address.port()))?
            }
            None => WebUrl::parse(&format!("http://{address}"))?,
        };
        let services = Services::new(storage, clock.clone(), Secrets::derive(secret), &public_url);
        services.spawn_live_reads();
        let pending_visits = services.pending_visits();
        let state =
            ApiState { services, clock, jwt: JwtKeys::new(secret), settings: Arc::new(settings.into()) };
        let app = move || {
            let (services, handing_out) = state.services.for_thread();
            rt::spawn(handing_out);
            gametriggers_http::app(ApiState { services, ..state.clone() }, extra)
        };
        let server = HttpServer::new(app)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(SHUTDOWN_TIMEOUT_SECONDS)
            .worker_max_blocking_threads(BLOCKING_THREADS)
            .listen(listener)
            .map_err(cannot_bind)?
            .run();
        Ok(Self { address, public_url, server, pending_visits })
    }

    /// Where the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where viewers reach it.
    #[must_use]
    pub const fn public_url(&self) -> &WebUrl {
        &self.public_url
    }

    /// The visits that were led on and are not recorded yet.
    #[must_use]
    pub fn pending_visits(&self) -> PendingVisits {
        self.pending_visits.clone()
    }

    /// The server, to be awaited; it ends after SIGINT or SIGTERM, when running requests are answered. Then
    /// [`record`](Self::record) what it took.
    pub fn server(self) -> Server {
        self.server
    }
}

impl Application {
    /// Waits until the visits that were led on are recorded, but no longer than five seconds. To be called when the server
    /// has ended and nothing more comes.
    pub async fn record(visits: &PendingVisits) {
        if timeout(VISITS_RECORDED_WITHIN, visits.settled()).await.is_err() {
            tracing::warn!(
                visits = visits.count(),
                "the server ends before the store has taken these visits"
            );
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library has it: the port of a server that has just ended can be had on Unix.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

impl From<&HttpSettings> for gametriggers_http::HttpSettings {
    fn from(settings: &HttpSettings) -> Self {
        Self {
            allowed_origins: settings.allowed_origins.clone(),
            trusted_proxies: settings.trusted_proxies,
            forwarded_header: settings.forwarded_header,
            uploads: settings.uploads.clone(),
        }
    }
}
