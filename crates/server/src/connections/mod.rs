//! The side of HTTP that is about connections: how many there are, and how long each may keep the server waiting.
//!
//! Actix limits the head of a connection's first request and idle time, and nothing else: a body that comes byte by byte,
//! an answer that nobody reads, and a second request that never ends would each be held for ever. So every connection is
//! a [`DeadlineStream`] here, every body that is left unread ends its connection, the slowest connection makes room where
//! there are nearly too many ([`Crowd`]), and no address has more than its share of the places ([`Places`]).
//! `docs/adr/0017-limits.md` has the reasons.

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

/// How long an idle connection stays open: a page polls every 5 seconds and pings every 30 over the same one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection that is being closed still takes what its peer sends, so that the peer reads the answer first.
const CLOSING: Duration = Duration::from_secs(1);
/// Threads of each worker for what blocks: as many as SQLite has readers, and hardly anything else does. Another is
/// started whenever none is idle yet, so that without a limit there were about a hundred, each with memory of its own.
const BLOCKING_THREADS: usize = 8;
/// File handles that are not for connections: those of the store, of the log, of the runtime. A quarter where handles are
/// few.
const OTHER_HANDLES: u64 = 256;

/// How long a connection may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// For the head of a request, from its first byte. Zero: for ever.
    pub(crate) head: Duration,
    /// For each 64 KiB of an answer, or what there is of it, to be taken. Zero: for ever.
    pub(crate) write: Duration,
}

/// How a server is run, beside its application.
pub(crate) struct Running {
    pub(crate) limits: LimitSettings,
    /// Whether connections come from proxies, which are many clients each.
    pub(crate) behind_proxy: bool,
    pub(crate) keep_alive: bool,
    pub(crate) workers: usize,
    /// Seconds that running requests have after the signal to stop.
    pub(crate) shutdown_seconds: u64,
    pub(crate) counts: Arc<ConnectionCounts>,
}

impl Running {
    /// As a server runs that does its work.
    pub(crate) fn at_work(limits: LimitSettings, behind_proxy: bool, shutdown_seconds: u64) -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { limits, behind_proxy, keep_alive: true, workers, shutdown_seconds, counts: Arc::default() }
    }
}

/// Serves an application, one per worker thread, on an address that was taken before. The process's signals are for the
/// caller to listen to. To be called within a Tokio runtime.
///
/// # Errors
/// If the address cannot be listened to.
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

/// How many connections there may be at once: what is asked for, as far as the system gives this process handles for it.
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

/// How many of them may come from one address, if that is limited.
fn share_of_one_address(limits: &LimitSettings, connections: usize, behind_proxy: bool) -> Option<usize> {
    let wanted = limits.connections_per_address.limit().filter(|_| !behind_proxy)?;
    Some(usize::try_from(wanted).unwrap_or(usize::MAX).min(connections / 4).max(1))
}
