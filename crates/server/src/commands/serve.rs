//! `serve`: runs the server.

use std::{net::TcpListener, process::ExitCode, sync::Arc, time::Duration};

use actix_web::middleware::from_fn;
use gametriggers_http::waiting_app;
use gametriggers_services::shortening::ShortenDecisions;
use tokio::time::{sleep, timeout};

use crate::{
    Application, Settings, Store, SystemClock,
    connections::{self, Running},
    stop::Stop,
};

/// How long opening the store may take before requests are answered with 503.
const OPENED_WITHIN: Duration = Duration::from_secs(1);
/// The pause between two attempts to open the store.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many seconds running requests have to get their 503 when the store has been opened.
const HAND_OVER_SECONDS: u64 = 1;
/// How long the waiting server goes on with the connections that it has accepted, after it accepts no more. A worker that is
/// told to stop would reset the connections which it has not looked at yet.
const LAST_CONNECTIONS: Duration = Duration::from_millis(100);

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let secret = settings.auth.secret()?;
    let listener = Application::bind(&settings.http)?;
    // The listener for signals starts before the store is opened, so that a signal is noticed at any time.
    let mut stop = Stop::listen()?;
    let Some(store) = open(settings, &listener, &mut stop).await? else { return Ok(ExitCode::SUCCESS) };
    let clock = Arc::new(SystemClock);
    let (storage, server_settings) = (store.repositories(), settings.application());
    let application =
        Application::build_on(listener, &server_settings, &secret, storage, clock.clone(), |_| {})?;
    if let Some(days) = settings.decisions.shorten_after_days {
        let decisions = store.repositories().decisions;
        application.tasks().start_until_stopped(ShortenDecisions { decisions, clock, days });
    }
    application.log_connections();
    tracing::info!(address = %application.address(), public_url = %application.public_url(), "listening");
    application.run_until(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the store. If that takes long, answers requests with 503 meanwhile. `None` if the process was told to stop.
async fn open(settings: &Settings, listener: &TcpListener, stop: &mut Stop) -> anyhow::Result<Option<Store>> {
    let opening = open_when_it_comes(settings);
    tokio::pin!(opening);
    if let Ok(opened) = timeout(OPENED_WITHIN, &mut opening).await {
        return opened.map(Some);
    }
    let http = gametriggers_http::HttpSettings::from(&settings.http);
    let running = Running {
        keep_alive: false,
        workers: 1,
        ..Running::at_work(settings.limits, settings.http.trusted_proxies > 0, HAND_OVER_SECONDS)
    };
    let app = move || waiting_app(&http).wrap(from_fn(connections::close_after_unread_body));
    let waiting = connections::serve(listener.try_clone()?, app, running)?;
    tracing::info!(address = %listener.local_addr()?, "listening, and answering 503 until the store is open");
    let handle = waiting.handle();
    let waiting = tokio::spawn(waiting);
    let opened = tokio::select! {
        opened = &mut opening => opened.map(Some),
        () = stop.told() => Ok(None),
    };
    handle.pause().await;
    sleep(LAST_CONNECTIONS).await;
    handle.stop(true).await;
    waiting.await??;
    opened
}

/// Opens the store. Tries again until the store can be opened, or fails for a reason that will not pass by itself.
async fn open_when_it_comes(settings: &Settings) -> anyhow::Result<Store> {
    let mut last_reason = String::new();
    loop {
        let error = match super::open_current(settings).await {
            Err(error) if Store::may_come(settings.storage.url.expose(), &error) => error,
            done => return done,
        };
        let reason = format!("{error:#}");
        if reason == last_reason {
            tracing::debug!("still waiting for the store");
        } else {
            tracing::warn!("waiting for the store: {reason}");
            last_reason = reason;
        }
        sleep(TRY_AGAIN_AFTER).await;
    }
}
