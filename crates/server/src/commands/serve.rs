//! `serve`: the server.

use std::{net::TcpListener, process::ExitCode, sync::Arc, time::Duration};

use actix_web::middleware::from_fn;
use gametriggers_http::waiting_app;
use gametriggers_services::shortening;
use tokio::time::{sleep, timeout};

use crate::{
    Application, Settings, Store, SystemClock,
    connections::{self, Running},
    stop::Stop,
};

/// How long the store may take to be opened before whoever asks is told to wait.
const OPENED_WITHIN: Duration = Duration::from_secs(1);
/// How long after one attempt to open the store the next is made.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Seconds that running requests have when the store has come.
const HAND_OVER_SECONDS: u64 = 1;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let secret = settings.auth.secret()?;
    let listener = Application::bind(&settings.http)?;
    // Listened to from here on, so that no moment between two servers is deaf.
    let mut stop = Stop::listen()?;
    let Some(store) = open(settings, &listener, &mut stop).await? else { return Ok(ExitCode::SUCCESS) };
    let clock = Arc::new(SystemClock);
    if let Some(days) = settings.decisions.shorten_after_days {
        tokio::spawn(shortening::run(store.repositories().decisions, clock.clone(), days));
    }
    let (storage, settings) = (store.repositories(), settings.application());
    let application = Application::build_on(listener, &settings, &secret, storage, clock, |_| {})?;
    let _log = application.log_connections();
    tracing::info!(address = %application.address(), public_url = %application.public_url(), "listening");
    application.run_until(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the store, and answers 503 meanwhile if that takes long. `None` if the process was told to stop.
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
    handle.stop(true).await;
    waiting.await??;
    opened
}

/// Opens the store, however long it takes to come.
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
