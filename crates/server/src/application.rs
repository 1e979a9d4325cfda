//! The server: wired, bound to its address, and ready to run.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{dev::Server, middleware::from_fn, rt, web::ServiceConfig};
use gametriggers_http::{ApiState, JwtKeys, RateLimits};
use gametriggers_persistence::Repositories;
use gametriggers_services::{
    Clock, LinkSettings, PendingVisits, Secrets, ServiceSettings, Services,
    tasks::{Next, Tasks, Work},
};
use gametriggers_types::{InvalidWebUrl, WebUrl};
use tokio::{
    net::TcpSocket,
    time::{Interval, interval},
};

use crate::{
    ApplicationSettings, ConnectionCounts, HttpSettings,
    connections::{self, Running},
    stop::Stop,
};

/// The number of connections that may wait to be accepted, for example when all overlays connect again after a restart.
const BACKLOG: u32 = 2_048;
/// How many seconds the running requests have after the signal to stop.
const SHUTDOWN_TIMEOUT_SECONDS: u64 = 10;
/// How often the server logs how many connections ended badly.
const COUNTED_FOR: Duration = Duration::from_mins(1);
/// How long the background tasks may take to end after the last request was answered.
const TASKS_END_WITHIN: Duration = Duration::from_secs(5);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The server cannot listen on the address.
    #[error(
        "cannot listen on {0}: is another server running there? Choose another address with GAMETRIGGERS__HTTP__BIND"
    )]
    Bind(SocketAddr, #[source] io::Error),
    /// The public URL cannot be made from the address to listen on.
    #[error("http.public_url is needed")]
    PublicUrl(#[from] InvalidWebUrl),
}

/// A server that is bound to its port.
pub struct Application {
    address: SocketAddr,
    public_url: WebUrl,
    server: Server,
    counts: Arc<ConnectionCounts>,
    pending_visits: PendingVisits,
    tasks: Tasks,
}

impl Application {
    /// Binds and wires a server, and begins to follow the store's changes. `extra` adds routes to those of the API.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ApplicationError`].
    pub fn build(
        settings: &ApplicationSettings,
        secret: &[u8],
        storage: Repositories,
        clock: Arc<dyn Clock>,
        extra: fn(&mut ServiceConfig),
    ) -> Result<Self, ApplicationError> {
        Self::build_on(Self::bind(&settings.http)?, settings, secret, storage, clock, extra)
    }

    /// Binds the address. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`ApplicationError::Bind`].
    pub fn bind(settings: &HttpSettings) -> Result<TcpListener, ApplicationError> {
        listen(settings.bind).map_err(|error| ApplicationError::Bind(settings.bind, error))
    }

    /// Wires a server on an address that was [bound](Self::bind) before. Otherwise as [`build`](Self::build).
    ///
    /// # Errors
    /// [`ApplicationError`].
    pub fn build_on(
        listener: TcpListener,
        settings: &ApplicationSettings,
        secret: &[u8],
        storage: Repositories,
        clock: Arc<dyn Clock>,
        extra: fn(&mut ServiceConfig),
    ) -> Result<Self, ApplicationError> {
        let ApplicationSettings { http: settings, limits, visits, decisions } = settings;
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
        let links =
            LinkSettings { public_url: public_url.clone(), paid_visits_per_address: visits.paid_per_address };
        let service_settings = ServiceSettings { links, exploration: decisions.exploration };
        let services = Services::new(storage, clock.clone(), Secrets::derive(secret), &service_settings);
        services.spawn_live_reads();
        let (pending_visits, tasks) = (services.pending_visits(), services.tasks());
        let http =
            gametriggers_http::HttpSettings { body_within: limits.body_seconds.limit(), ..settings.into() };
        let state = ApiState {
            services,
            clock,
            jwt: JwtKeys::new(secret),
            settings: Arc::new(http),
            limits: Arc::new(RateLimits::new(limits.into())),
        };
        let app = move || {
            let (services, handing_out) = state.services.for_thread();
            rt::spawn(handing_out);
            gametriggers_http::app(ApiState { services, ..state.clone() }, extra)
                .wrap(from_fn(connections::close_after_unread_body))
        };
        let running = Running::at_work(*limits, settings.trusted_proxies > 0, SHUTDOWN_TIMEOUT_SECONDS);
        let counts = running.counts.clone();
        let server = connections::serve(listener, app, running).map_err(cannot_bind)?;
        Ok(Self { address, public_url, server, counts, pending_visits, tasks })
    }

    /// The address on which the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL under which viewers reach the server.
    #[must_use]
    pub const fn public_url(&self) -> &WebUrl {
        &self.public_url
    }

    /// The visits whose viewers were redirected and that are not recorded yet.
    #[must_use]
    pub fn pending_visits(&self) -> PendingVisits {
        self.pending_visits.clone()
    }

    /// The server, which must be awaited. It ends when its handle stops it.
    pub fn server(self) -> Server {
        self.server
    }

    /// The background tasks, among them those of the services.
    pub(crate) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Runs the server until the process is told to stop. Then ends everything in order: first the running requests are
    /// answered, then the background tasks do their remaining work, for which the store may take five seconds.
    pub(crate) async fn run_until(self, mut stop: Stop) -> io::Result<()> {
        let handle = self.server.handle();
        tokio::spawn(async move {
            stop.told().await;
            handle.stop(true).await;
        });
        self.server.await?;
        self.tasks.shut_down(TASKS_END_WITHIN).await;
        let visits = self.pending_visits.count();
        if visits > 0 {
            tracing::warn!(visits, "the server ends before the store has taken these visits");
        }
        Ok(())
    }

    /// Logs how many connections ended badly, every minute and when the tasks are shut down.
    pub fn log_connections(&self) {
        let minute = interval(COUNTED_FOR);
        self.tasks.start_until_stopped(ConnectionLog { counts: self.counts.clone(), minute });
    }
}

/// Logs connections that ended badly.
struct ConnectionLog {
    counts: Arc<ConnectionCounts>,
    minute: Interval,
}

impl Work for ConnectionLog {
    const NAME: &'static str = "connection log";

    async fn step(&mut self) -> Next {
        self.minute.tick().await;
        self.counts.log();
        Next::Step
    }
}

impl Drop for ConnectionLog {
    fn drop(&mut self) {
        self.counts.log();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The standard library does this, too: a new server can then bind the port of a server that has just ended, on
    // Unix.
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
            body_within: None,
            uploads: settings.uploads.clone(),
        }
    }
}
