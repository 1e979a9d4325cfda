//! Runs in stores whose campaigns pay, over one or several instances of the server.

use std::time::Duration;

use anyhow::Context;
use gametriggers::SystemClock;
use gametriggers_services::Clock;
use gametriggers_types::{RotationInterval, Slot};
use tokio::{
    sync::oneshot,
    task::spawn_blocking,
    time::{sleep, sleep_until},
};

use super::{
    Measured, Rotation,
    runs::{clicks, explain, fetch, logs, send_before, with_receipts},
};
use crate::{
    load::{Expected, Lasting, Load, Outcome},
    process::Server,
    request::Request,
    results::paying::{Cache, Paying, Receipts, Sent},
    scope::CLICKERS,
    stage::{Event, LIVE, ROTATION_MINUTES, Stage, Tally, Transactions, overlay_token, participation_id},
};

/// No run begins when less than this is left of the slot. A run takes a part of it.
const SLOT_LEFT: Duration = Duration::from_secs(45);

/// What an instance logs when it answers visits that it will not count.
const UNCOUNTED: &str = "led on and not counted";

impl Rotation<'_> {
    /// Sends events to one or several instances. The rate of visits is that of the recorded and paid ones.
    pub(super) async fn pay(&mut self, paying: Paying) -> anyhow::Result<Outcome> {
        within_a_slot().await?;
        let measured = Measured::Paying(paying);
        let (program, displays) = (&self.scope.server, self.scope.effort.displays);
        let is_timed = paying.cache == Cache::Warm && !paying.needs_fresh_screens();
        let lasts = if is_timed { self.lasting() } else { Lasting::OneRound };
        let stage = self.stages.get_mut(&measured.store().context("a store")?).context("a filled store")?;
        let url = stage.url();
        let serve = |count: u32| -> anyhow::Result<Vec<Server>> {
            (0..count).map(|_| Server::serve(program, &url)).collect()
        };
        let (servers, requests) = match paying.sent {
            Sent::Visits => {
                let servers = match paying.cache {
                    Cache::Warm => {
                        let servers = serve(paying.instances)?;
                        visit_each_once(stage, &servers).await?;
                        servers
                    }
                    Cache::Cold => {
                        if stage.is_untouched() {
                            visit_each_once(stage, &serve(1)?).await?;
                        }
                        serve(paying.instances)?
                    }
                };
                (servers, visits(stage))
            }
            Sent::Clicks(_) | Sent::Displays(_) => {
                let streamers: Vec<_> = if paying.needs_fresh_screens() {
                    stage.fresh_screens(displays)?.collect()
                } else {
                    (0..LIVE).collect()
                };
                match paying.cache {
                    Cache::Warm => {
                        let servers = serve(paying.instances)?;
                        let requests = open(stage, &servers, &streamers, paying.sent).await?;
                        (servers, requests)
                    }
                    Cache::Cold => {
                        let requests = open(stage, &serve(1)?, &streamers, paying.sent).await?;
                        (serve(paying.instances)?, requests)
                    }
                }
            }
        };
        send(stage, paying.sent, &servers, requests, lasts).await
    }
}

/// Waits for the next slot if this one ends soon. Then screens show nothing until a page asks again, and events without
/// receipts are refused.
async fn within_a_slot() -> anyhow::Result<()> {
    let (now, interval) = (SystemClock.now(), RotationInterval::try_from(ROTATION_MINUTES)?);
    let left = Duration::try_from(Slot::containing(now, interval).end().duration_since(now))?;
    if left < SLOT_LEFT {
        sleep(left).await;
    }
    Ok(())
}

/// A visit of each participation.
fn visits(stage: &Stage) -> Vec<Request> {
    (0..stage.shape.participations()).map(|number| Request::visit(participation_id(number))).collect()
}

/// Follows each participation's link on every instance, which then has the link in memory. Waits until the visits are
/// recorded.
async fn visit_each_once(stage: &mut Stage, servers: &[Server]) -> anyhow::Result<()> {
    for server in servers {
        let requests = visits(stage);
        send_before(stage, Event::Visit, server, requests, Expected::REDIRECTED).await?;
    }
    settle_visits(stage, servers).await?;
    Ok(())
}

/// Waits until the visits are recorded, because visitors are redirected before that. Notes visits that the servers said
/// they do not count.
async fn settle_visits(stage: &mut Stage, servers: &[Server]) -> anyhow::Result<Tally> {
    let settled = stage.settled().await?;
    if servers.iter().any(|server| server.log().contains(UNCOUNTED)) {
        stage.note_uncounted_visits(&settled);
    }
    Ok(settled)
}

/// Requests the screens on every instance, which then has them in memory. Sends one click for each screen, because the
/// first entry of a participation costs more than later ones. Returns the events that are to be measured.
async fn open(
    stage: &mut Stage,
    servers: &[Server],
    streamers: &[u32],
    sent: Sent,
) -> anyhow::Result<Vec<Request>> {
    let (first, others) = servers.split_first().context("a server")?;
    let opening = clicks(first, streamers).await?;
    send_before(stage, Event::Click, first, opening, Expected::COUNTED).await?;
    for other in others {
        fetch(other, streamers, Expected::DATA).await?;
    }
    match sent {
        Sent::Visits => Ok(visits(stage)),
        Sent::Clicks(Receipts::Given) => clicks(first, streamers).await,
        Sent::Displays(Receipts::Given) => {
            with_receipts(first, streamers, |token, receipt| Request::display(token, Some(receipt))).await
        }
        Sent::Clicks(Receipts::Missing) => Ok(without_receipts(streamers, Request::click)),
        Sent::Displays(Receipts::Missing) => Ok(without_receipts(streamers, Request::display)),
    }
}

fn without_receipts(streamers: &[u32], request: impl Fn(&str, Option<&str>) -> Request) -> Vec<Request> {
    streamers.iter().map(|streamer| request(overlay_token(*streamer).expose(), None)).collect()
}

/// What a store has recorded up to a moment.
struct Reading {
    /// Only for visits: summing up counters takes the store's time, and other events are answered when they are
    /// recorded.
    tally: Option<Tally>,
    transactions: Option<Transactions>,
}

async fn read(stage: &Stage, sent: Sent) -> anyhow::Result<Reading> {
    let tally = if sent == Sent::Visits { Some(stage.tally().await?) } else { None };
    Ok(Reading { tally, transactions: stage.transactions().await })
}

/// Sends the events over connections that are spread evenly over the instances.
async fn send(
    stage: &mut Stage,
    sent: Sent,
    servers: &[Server],
    requests: Vec<Request>,
    lasts: Lasting,
) -> anyhow::Result<Outcome> {
    let (event, expected) = match sent {
        Sent::Clicks(_) => (Event::Click, Expected::COUNTED),
        Sent::Visits => (Event::Visit, Expected::REDIRECTED),
        Sent::Displays(_) => (Event::Display, Expected::COUNTED),
    };
    let addresses = servers.iter().map(Server::address).collect();
    let load = Load { addresses, requests, expected, connections: CLICKERS, lasts };
    let (begins, begun) = oneshot::channel();
    let mut before = read(stage, sent).await?;
    let loading = spawn_blocking(move || load.run_and_tell(begins));
    let mut after = None;
    // If the load fails before it begins, it tells nothing, and its error follows.
    if let (Lasting::For { measured, .. }, Ok(begin)) = (lasts, begun.await) {
        sleep_until(begin.into()).await;
        before = read(stage, sent).await?;
        sleep_until((begin + measured).into()).await;
        after = Some(read(stage, sent).await?);
    }
    let mut outcome = loading.await?.with_context(|| logs(servers))?;
    stage.note(event, outcome.right);
    let after = match after {
        Some(after) => after,
        None => read(stage, sent).await?,
    };
    if let (Some(earlier), Some(later)) = (before.tally, after.tally) {
        // The servers are killed after this.
        let settled = settle_visits(stage, servers).await?;
        // A short measured period may end within the first batch.
        let is_over = matches!(lasts, Lasting::For { .. }) && later.paid_units > earlier.paid_units;
        let later = if is_over { later } else { settled };
        outcome.run.per_second = later.paid_per_second_since(&earlier);
    }
    outcome.run.aborted = Transactions::aborted_between(before.transactions, after.transactions);
    explain(&mut outcome, servers);
    Ok(outcome)
}
