//! The runs of the real server, each in its own process.

use std::{
    slice::from_ref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use gametriggers::SystemClock;
use gametriggers_http::{JwtKeys, TokenSubject};
use gametriggers_services::Clock;
use gametriggers_types::Role;
use tokio::{task::spawn_blocking, time::sleep};

use super::{Effort, Measured, Rotation};
use crate::{
    load::{Expected, Lasting, Load, Outcome, each_once, steadily},
    process::{SECRET, Server},
    request::Request,
    results::Documents,
    scope::{CLICKERS, SCREENS},
    stage::{Event, Stage, email, overlay_token, participation_id, user_id},
};

/// The interval between changes of settings: twenty changes a second.
const CHANGED_EVERY: Duration = Duration::from_millis(50);
/// Longer than every server needs to notice a change, which is a second.
const KNOWN_AFTER: Duration = Duration::from_millis(1_500);

impl Rotation<'_> {
    pub(super) const fn lasting(&self) -> Lasting {
        let Effort { warm_up, measured, .. } = self.scope.effort;
        Lasting::For { warm_up, measured }
    }

    pub(super) fn stage_of(&mut self, measured: Measured) -> anyhow::Result<&mut Stage> {
        measured.store().and_then(|store| self.stages.get_mut(&store)).context("a store")
    }

    /// Requests the screens of the live streamers.
    pub(super) async fn show(&self, measured: Measured, expected: Expected) -> anyhow::Result<Outcome> {
        let (server, live) = self.serve(measured)?;
        fetch(&server, &live, expected).await?;
        self.ask_for_screens(&server, &live, expected).await
    }

    /// Requests the screens of all live streamers but one, who changes settings all the time.
    pub(super) async fn show_while_settings_change(&self, measured: Measured) -> anyhow::Result<Outcome> {
        let (server, mut live) = self.serve(measured)?;
        fetch(&server, &live, Expected::DATA).await?;
        let restless = live.pop().context("a live streamer")?;
        let subject = TokenSubject { id: user_id(restless), email: email(restless), role: Role::Streamer };
        let bearer = JwtKeys::new(SECRET.as_bytes()).issue(&subject, SystemClock.now())?;
        let intervals = [30, 59].map(|minutes| Request::interval(&bearer, minutes)).into();
        let (address, stop) = (server.address(), Arc::new(AtomicBool::new(false)));
        let told = stop.clone();
        let began = Instant::now();
        let changing =
            spawn_blocking(move || steadily(address, intervals, Expected::SET, CHANGED_EVERY, told));
        let outcome = self.ask_for_screens(&server, &live, Expected::DATA).await;
        stop.store(true, Ordering::Relaxed);
        let changed = changing.await?.with_context(|| server.log())? as f64;
        let wanted = began.elapsed().as_secs_f64() / CHANGED_EVERY.as_secs_f64();
        ensure!(
            changed > 0.8 * wanted,
            "settings were changed {changed} times and were to be {wanted:.0} times"
        );
        outcome
    }

    pub(super) async fn ask_for_screens(
        &self,
        server: &Server,
        live: &[u32],
        expected: Expected,
    ) -> anyhow::Result<Outcome> {
        let load = Load {
            addresses: vec![server.address()],
            requests: live.iter().map(|streamer| Request::data(overlay_token(*streamer).expose())).collect(),
            expected,
            connections: SCREENS,
            lasts: self.lasting(),
        };
        run(from_ref(server), load).await
    }

    pub(super) async fn click(
        &mut self,
        measured: Measured,
        connections: usize,
        clicked: Documents,
    ) -> anyhow::Result<Outcome> {
        let (server, mut live) = self.serve(measured)?;
        let lasts = self.lasting();
        let stage = self.stage_of(measured)?;
        open_with_clicks(stage, &server, &live).await?;
        if clicked == Documents::One {
            live.truncate(1);
        }
        let requests = clicks(&server, &live).await?;
        send(stage, Event::Click, from_ref(&server), requests, Expected::COUNTED, connections, lasts).await
    }

    /// Sends clicks without receipts after pages have requested their screens and each campaign has changed. No page
    /// requests its screen again.
    pub(super) async fn click_without_receipt(&mut self, measured: Measured) -> anyhow::Result<Outcome> {
        let (server, live) = self.serve(measured)?;
        let lasts = self.lasting();
        let stage = self.stage_of(measured)?;
        open_with_clicks(stage, &server, &live).await?;
        fetch(&server, &live, Expected::DATA).await?;
        stage.change_campaigns().await?;
        sleep(KNOWN_AFTER).await;
        let without = |streamer: &u32| Request::click(overlay_token(*streamer).expose(), None);
        let requests = live.iter().map(without).collect();
        send(stage, Event::Click, from_ref(&server), requests, Expected::COUNTED, CLICKERS, lasts).await
    }

    pub(super) async fn visit(&mut self, measured: Measured) -> anyhow::Result<Outcome> {
        let (server, _) = self.serve(measured)?;
        let lasts = self.lasting();
        let stage = self.stage_of(measured)?;
        let visits = |stage: &Stage| -> Vec<_> {
            (0..stage.shape.participations()).map(|number| Request::visit(participation_id(number))).collect()
        };
        let expected = Expected::REDIRECTED;
        if stage.is_untouched() {
            let first = visits(stage);
            send_before(stage, Event::Visit, &server, first, expected).await?;
            stage.settled().await?;
        }
        let requests = visits(stage);
        let outcome =
            send(stage, Event::Visit, from_ref(&server), requests, expected, CLICKERS, lasts).await?;
        // Visitors are redirected before their visits are stored, and the server is killed after this.
        stage.settled().await?;
        Ok(outcome)
    }
}

/// Sends one click for each live streamer, once for each store. The first entry of a participation and of a campaign
/// costs more than later ones.
async fn open_with_clicks(stage: &mut Stage, server: &Server, live: &[u32]) -> anyhow::Result<()> {
    if stage.answered(Event::Click) == 0 {
        let first = clicks(server, live).await?;
        send_before(stage, Event::Click, server, first, Expected::COUNTED).await?;
    }
    Ok(())
}

/// Sends events once, before the measurement.
pub(super) async fn send_before(
    stage: &mut Stage,
    event: Event,
    server: &Server,
    requests: Vec<Request>,
    expected: Expected,
) -> anyhow::Result<()> {
    let outcome =
        send(stage, event, from_ref(server), requests, expected, CLICKERS, Lasting::OneRound).await?;
    ensure!(outcome.wrong.is_empty(), "before the measurement: {:#?}", outcome.wrong);
    Ok(())
}

/// Sends events over connections that are spread evenly over the servers. Notes how many were counted.
async fn send(
    stage: &mut Stage,
    event: Event,
    servers: &[Server],
    requests: Vec<Request>,
    expected: Expected,
    connections: usize,
    lasts: Lasting,
) -> anyhow::Result<Outcome> {
    let addresses = servers.iter().map(Server::address).collect();
    let outcome = run(servers, Load { addresses, requests, expected, connections, lasts }).await?;
    stage.note(event, outcome.right);
    Ok(outcome)
}

/// Runs a load. If there are wrong answers, adds the last lines of the servers' logs.
async fn run(servers: &[Server], load: Load) -> anyhow::Result<Outcome> {
    let mut outcome = spawn_blocking(move || load.run()).await?.with_context(|| logs(servers))?;
    explain(&mut outcome, servers);
    Ok(outcome)
}

/// Adds the last lines of the servers' logs if there are wrong answers.
pub(super) fn explain(outcome: &mut Outcome, servers: &[Server]) {
    if !outcome.wrong.is_empty() {
        outcome.wrong.insert(format!("the last lines of the log:\n{}", logs(servers)), 1);
    }
}

pub(super) fn logs(servers: &[Server]) -> String {
    servers.iter().map(Server::log).collect::<Vec<_>>().join("\n\n")
}

/// The answers about what is on the screens of these streamers.
pub(crate) async fn fetch(
    server: &Server,
    streamers: &[u32],
    expected: Expected,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let requests =
        streamers.iter().map(|streamer| Request::data(overlay_token(*streamer).expose())).collect();
    let address = server.address();
    let fetching = spawn_blocking(move || each_once(address, requests, expected, SCREENS));
    fetching.await?.with_context(|| server.log())
}

/// A click request for each of these streamers' current displays.
pub(super) async fn clicks(server: &Server, streamers: &[u32]) -> anyhow::Result<Vec<Request>> {
    with_receipts(server, streamers, |token, receipt| Request::click(token, Some(receipt))).await
}

/// A request for each of these streamers, made from its token and the receipt of its current display.
pub(super) async fn with_receipts(
    server: &Server,
    streamers: &[u32],
    request: impl Fn(&str, &str) -> Request,
) -> anyhow::Result<Vec<Request>> {
    let bodies = fetch(server, streamers, Expected::DATA).await?;
    let with_receipt = streamers.iter().zip(bodies).map(|(streamer, body)| {
        let json: serde_json::Value = serde_json::from_slice(&body)?;
        let receipt = json["receipt"].as_str().context("an answer of /data without a receipt")?;
        Ok(request(overlay_token(*streamer).expose(), receipt))
    });
    with_receipt.collect()
}
