//! `demo`: runs a server with a streamer and campaigns to try.

mod content;
mod media;

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::{Context, ensure};
use gametriggers_http::{JwtKeys, TokenSubject};
use gametriggers_services::Clock;

use crate::{
    Application, Settings, Store, SystemClock,
    secret::{self, Secret},
    stop::Stop,
};

/// The defaults of the demo alone: its own file, so that it never touches a real store, and warnings only, so that log
/// lines do not mix with its output.
pub(super) const DEFAULTS: &[(&str, &str)] =
    &[("storage.url", "sqlite://data/demo.db"), ("log.filter", "warn")];

pub(super) async fn run(settings: &Settings, allow_remote: bool) -> anyhow::Result<ExitCode> {
    let file = settings.storage.url.sqlite_path().context(
        "the demo keeps to an embedded store, so that it never touches a real one: set GAMETRIGGERS__STORAGE__URL to \
         sqlite://data/demo.db for it",
    )?;
    ensure!(
        allow_remote || settings.http.bind.ip().is_loopback(),
        "http.bind is {}, so that others could reach the demo, whose data are an example and whose accounts are known: \
         listen on 127.0.0.1, or say that you mean it by --allow-remote",
        settings.http.bind
    );
    // The secret is kept beside the store: tokens and receipts of the first start are good after the second.
    let secret = if settings.auth.is_unset() {
        kept_secret(&Path::new(file).with_extension("secret"))?
    } else {
        settings.auth.secret()?
    };
    let store = Store::open(settings.storage.url.expose()).await?;
    store.migrate().await?;
    let streamer = content::fill(&store.repositories(), SystemClock.now()).await?;

    let clock = Arc::new(SystemClock);
    let application = Application::build(
        &settings.application(),
        &secret,
        store.repositories(),
        clock.clone(),
        media::configure,
    )?;
    application.log_connections();
    let subject = TokenSubject { id: streamer.id, email: streamer.email.clone(), role: streamer.role };
    let bearer = JwtKeys::new(&secret).issue(&subject, clock.now()).context("cannot sign a bearer token")?;
    let token = streamer.overlay_token.as_ref().context("the demo streamer has no overlay token")?;
    let api = format!("{}/api/v1", application.public_url().as_str().trim_end_matches('/'));
    let overlay = format!("{api}/overlay/{}", token.expose());
    println!(
        "GameTriggers demo: {name} has joined four campaigns, one of which is on screen for a minute at a time.\n\n\
         Overlay (open it in a browser, or add it to OBS as a browser source):\n  {overlay}\n\n\
         Bearer token of {name}, good for 24 hours:\n  {bearer}\n\n\
         Three commands to try:\n  \
         curl -s {overlay}/data\n  \
         curl -s -X POST {overlay}/click\n  \
         curl -s -H 'Authorization: Bearer {bearer}' {api}/campaigns/streamer/active\n\n\
         Ctrl-C ends the demo; its store, {store}, keeps what happened.",
        name = streamer.name,
        store = settings.storage.url.expose(),
    );
    application.run_until(Stop::listen()?).await?;
    println!("The demo has ended.");
    Ok(ExitCode::SUCCESS)
}

fn kept_secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    secret::make_unless_present(path)?;
    let kept = Secret::read(path).context("the demo keeps its secret in a file; deleted, it is made anew")?;
    Ok(kept.into_bytes())
}
