//! Limits how many connections there are, and how long each may keep the server waiting.
//!
//! Actix only limits how long the head of a connection's first request and idle time may take. It would wait for ever
//! for a body that comes byte by byte, for a client that does not read its answer, and for a second request that never
//! ends. Therefore:
//!
//! - every connection is a [`DeadlineStream`], which has deadlines;
//! - a request body that is not read to its end closes its connection;
//! - the slowest connection is closed when there are nearly too many ([`Crowd`]);
//! - an address may have only its share of the connections ([`Places`]).
//!
//! `docs/adr/0017-limits.md` gives the reasons.

mod counts;
mod crowd;
mod places;
mod progress;
mod stream;
mod unread;

use std::{cell::Cell, convert::Infallible, io, net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Server, fn_factory, fn_service},
    rt::net::TcpStream,
};

pub use self::counts::ConnectionCounts;
pub(crate) use self::unread::close_after_unread_body;
use self::{crowd::Crowd, places::Places, stream::DeadlineStream};
use crate::LimitSettings;

/// How long an idle connection stays open. A page polls every 5 seconds and pings every 30 seconds over the same
/// connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection that is being closed still reads, so that the peer can read the answer before the connection
/// is gone.
const CLOSING: Duration = Duration::from_secs(1);
/// Threads of each worker for blocking calls: as many as SQLite has readers, because hardly anything else blocks. Tokio
/// starts a new thread whenever none is idle. Without this limit there would be about a hundred, each with its own
/// memory.
const BLOCKING_THREADS: usize = 8;
/// File handles reserved for the store, the log and the runtime; a quarter of all handles if there are few.
const OTHER_HANDLES: u64 = 256;

/// The deadlines of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// For the head of a request, from its first byte. Zero means no deadline.
    pub(crate) head: Duration,
    /// For the client to take each 64 KiB of an answer, or the rest of it. Zero means no deadline.
    pub(crate) write: Duration,
}

/// How a server runs, apart from its application.
pub(crate) struct Running {
    pub(crate) limits: LimitSettings,
    /// Whether connections come from proxies. A proxy's connections belong to many clients.
    pub(crate) behind_proxy: bool,
    pub(crate) keep_alive: bool,
    pub(crate) workers: usize,
    /// Seconds that running requests may still take after the signal to stop.
    pub(crate) shutdown_seconds: u64,
    pub(crate) counts: Arc<ConnectionCounts>,
}

impl Running {
    /// The settings for normal operation.
    pub(crate) fn at_work(limits: LimitSettings, behind_proxy: bool, shutdown_seconds: u64) -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { limits, behind_proxy, keep_alive: true, workers, shutdown_seconds, counts: Arc::default() }
    }
}

/// Serves an application on a bound listener, with one instance of the application for each worker thread. The caller
/// has to handle signals. Must be called within a Tokio runtime.
///
/// # Errors
/// If the listener cannot be used.
pub(crate) fn serve<A, S, B>(
    listener: TcpListener,
    app: impl Fn() -> A + Send + Clone + 'static,
    running: Running,
) -> io::Result<Server>
where
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let Running { limits, workers, counts, .. } = running;
    let connections = connections_at_once(limits.connections.limit());
    let of_one_thread = connections.div_ceil(workers);
    let places = Places::new(share_of_one_address(&limits, connections, running.behind_proxy));
    let deadlines = Deadlines {
        head: limits.head_seconds.limit().unwrap_or(Duration::ZERO),
        write: limits.write_seconds.limit().unwrap_or(Duration::ZERO),
    };
    let builder = Server::build()
        .disable_signals()
        .workers(workers)
        .shutdown_timeout(running.shutdown_seconds)
        .worker_max_blocking_threads(BLOCKING_THREADS)
        .max_concurrent_connections(of_one_thread);
    let signal = builder.graceful_shutdown_signal();
    let server = builder.listen(format!("http-{address}"), listener, move || {
        let signal = signal.clone();
        let mut http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let signal = signal.clone();
                async move { signal.notified().await }
            })
            .client_request_timeout(deadlines.head)
            .client_disconnect_timeout(CLOSING)
            .local_addr(address)
            .on_connect_ext(|stream: &DeadlineStream, data| {
                data.insert(stream.progress());
            });
        http = if running.keep_alive {
            http.keep_alive(KEEP_ALIVE)
        } else {
            http.keep_alive(KeepAlive::Disabled)
        };
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = Rc::new(http.h1(map_config(app, |()| AppConfig::default())));
        let (places, counts) = (places.clone(), counts.clone());
        fn_factory(move || {
            let (http, places, counts) = (http.new_service(()), places.clone(), counts.clone());
            let crowd = Crowd::new(of_one_thread);
            async move {
                let http = Rc::new(http.await?);
                let numbers = Cell::new(0);
                Ok::<_, ()>(fn_service(move |io: TcpStream| {
                    let (http, places, counts) = (http.clone(), places.clone(), counts.clone());
                    let (crowd, number) = (crowd.clone(), numbers.replace(numbers.get() + 1));
                    async move {
                        let peer = io.peer_addr().ok();
                        let Some(_place) = places.take(peer) else {
                            counts.note_refused();
                            return Ok::<_, Infallible>(());
                        };
                        let stream = DeadlineStream::new(io, deadlines);
                        let (_member, evicts) = crowd.join(number, stream.progress());
                        if evicts {
                            counts.note_evicted();
                        }
                        if let Err(error) = http.call((stream, peer)).await {
                            counts.note(&error);
                        }
                        Ok(())
                    }
                }))
            }
        })
    })?;
    Ok(server.run())
}

/// How many connections there may be at once: `wanted`, or fewer if the system gives this process too few file handles.
/// `None` means as many as possible.
fn connections_at_once(wanted: Option<u32>) -> usize {
    let wanted = wanted.unwrap_or(u32::MAX);
    let handles = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(handles) => handles,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            1_024
        }
    };
    let possible = handles.saturating_sub(OTHER_HANDLES.min(handles / 4)).max(1);
    if possible < u64::from(wanted) && wanted != u32::MAX {
        tracing::warn!(
            "limits.connections is {wanted}, but {handles} open files leave room for {possible}: raise the limit of open \
             files of this process (`ulimit -Hn`, LimitNOFILE)"
        );
    }
    usize::try_from(possible.min(u64::from(wanted))).unwrap_or(usize::MAX)
}

/// How many connections one address may have; `None` if that is not limited.
fn share_of_one_address(limits: &LimitSettings, connections: usize, behind_proxy: bool) -> Option<usize> {
    let wanted = limits.connections_per_address.limit().filter(|_| !behind_proxy)?;
    Some(usize::try_from(wanted).unwrap_or(usize::MAX).min(connections / 4).max(1))
}
