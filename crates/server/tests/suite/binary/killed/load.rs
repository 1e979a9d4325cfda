//! Clients of all kinds that act at once. Each client notes what it does.

use std::{
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use gametriggers_domain::ledger::EntryId;
use gametriggers_types::{ClickKind, DecisionId, ParticipationId};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    super::clients::{Answer, Connection, Event, Gone, Told},
    log::Log,
    stage::{OnAir, Stage},
};
use crate::support::address_of;

/// The number of clicks of a viewer between two looks at the screen.
const CLICKS_PER_LOOK: usize = 4;
/// A viewer sends one of this many clicks twice.
const SENT_TWICE: usize = 7;
const SENT_AGAIN_AT_ONCE: usize = 16;
/// A viewer is redirected before their visit is recorded. The visit is recorded within this time.
const RECORDED_WITHIN: Duration = Duration::from_secs(1);
const STRATEGIES: [&str; 3] = ["weighted", "performance", "fair-rotation"];
/// With this strategy, all screens of a stage show the same campaign, the best-paying one that still has money.
const BEST_PAYING: &str = "revenue-optimized";

/// The clients of each streamer.
const ROLES: [Role; 7] =
    [Role::Director, Role::Page, Role::Viewer, Role::Viewer, Role::Viewer, Role::Visitor, Role::Visitor];

#[derive(Debug, Clone, Copy)]
enum Role {
    /// The streamer, whose changes of the settings end one decision after another.
    Director,
    /// The overlay.
    Page,
    /// Clicks on what is on screen.
    Viewer,
    /// Follows tracking links.
    Visitor,
}

/// What is on screen.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    decision_id: DecisionId,
    participation_id: ParticipationId,
    receipt: String,
}

pub(super) struct Load<'a> {
    stage: &'a Stage,
    log: Mutex<&'a mut Log>,
    server: Connection,
    /// The beginning of the ids of this load's events.
    name: String,
    recorded: watch::Sender<usize>,
    /// The recent visits, which may not be recorded yet. `None` once the server may be gone.
    led_on: Mutex<Option<Vec<(Instant, ParticipationId)>>>,
}

impl<'a> Load<'a> {
    /// A load on the server at this address. Each load needs its own name.
    pub(super) fn new(stage: &'a Stage, log: &'a mut Log, base: String, name: &str) -> Self {
        let (server, name) = (Connection::to(base), name.to_owned());
        let led_on = Mutex::new(Some(Vec::new()));
        Self { stage, log: Mutex::new(log), server, name, recorded: watch::Sender::default(), led_on }
    }

    /// Waits until this many new events are acknowledged.
    pub(super) async fn recorded(&self, count: usize) {
        self.recorded.subscribe().wait_for(|recorded| *recorded >= count).await.unwrap();
    }

    /// Allows the server to be gone from now on, together with the visits that are not recorded yet.
    pub(super) fn expect_the_end(&self) {
        self.server.expect_the_end();
        let led_on = self.led_on.lock().unwrap().take().unwrap_or_default();
        for (at, joined) in led_on {
            if at.elapsed() < RECORDED_WITHIN {
                self.log().visits.entry(joined).or_default().acknowledged -= 1;
            }
        }
    }

    /// All screens show the one campaign whose money suffices for fewer displays than there are screens. The next load reports
    /// these displays before all others, and one of them is rejected.
    pub(super) async fn look_at_what_soon_has_no_money(&self) {
        for streamer in &self.stage.streamers {
            // Only a killed server would not answer.
            self.choose(streamer, BEST_PAYING).await.ok();
            self.look(streamer).await.ok();
        }
    }

    /// Continues until the server is gone.
    pub(super) async fn until_the_end(&self) {
        self.run(usize::MAX).await;
    }

    /// Sends every event again that had no answer, and takes this many steps of each client.
    pub(super) async fn to_its_end(&self, steps: usize) {
        self.run(steps).await;
    }

    /// Sends every event once more.
    pub(super) async fn send_everything_again(&self) {
        let all = self.log().events.keys().cloned().collect();
        self.send_again(all).await;
    }

    async fn run(&self, steps: usize) {
        let unanswered = |(id, event): (&EntryId, &Event)| event.answers.is_empty().then(|| id.clone());
        let left_over = self.log().events.iter().filter_map(unanswered).collect();
        let roles = |(screen, streamer)| {
            (0..).zip(ROLES).map(move |(number, role)| (streamer, role, format!("{screen}/{number}")))
        };
        let clients = (0..).zip(&self.stage.streamers).flat_map(roles);
        let acting = clients.map(async |(streamer, role, client): (&OnAir, Role, String)| {
            let client = format!("{} {client}", self.name);
            for step in 0..steps {
                if let Err(Gone) = self.step(streamer, role, &client, step).await {
                    return;
                }
            }
        });
        // A streamer's first display of a minute is the one that is paid. It must be the one that ends a campaign's money.
        self.send_again(left_over).await;
        join_all(acting).await;
        self.log().refused += self.server.refused();
    }

    async fn step(&self, streamer: &OnAir, role: Role, client: &str, step: usize) -> Result<(), Gone> {
        match role {
            Role::Director => {
                let mut decisions = Vec::new();
                for strategy in STRATEGIES {
                    self.choose(streamer, strategy).await?;
                    decisions.push(self.look(streamer).await?.0);
                }
                let displays = decisions.iter().map(|display| self.send(display));
                join_all(displays).await.into_iter().collect()
            }
            Role::Page => {
                let (display, _) = self.look(streamer).await?;
                self.send(&display).await?;
                self.ping(streamer).await
            }
            Role::Viewer => {
                let (_, shown) = self.look(streamer).await?;
                for number in 0..CLICKS_PER_LOOK {
                    let number = step * CLICKS_PER_LOOK + number;
                    self.click(streamer, &shown, &format!("{client}/{number}"), number).await?;
                }
                Ok(())
            }
            Role::Visitor => {
                let joined = &streamer.joined[step % streamer.joined.len()];
                self.visit(joined.id, &format!("{client}/{step}")).await
            }
        }
    }

    async fn choose(&self, streamer: &OnAir, strategy: &str) -> Result<(), Gone> {
        let url = self.server.url("/api/v1/users/me/campaign-selection");
        let settings = json!({"campaignSelectionStrategy": strategy});
        let put = || self.server.http.put(&url).bearer_auth(&streamer.bearer).json(&settings);
        self.server.insist(StatusCode::OK, put).await?;
        Ok(())
    }

    /// Looks at the screen, which always shows a campaign, and notes the display to report.
    async fn look(&self, streamer: &OnAir) -> Result<(EntryId, Shown), Gone> {
        let url = self.server.url(&format!("/api/v1/overlay/{}/data", streamer.token));
        let data = self.server.insist(StatusCode::OK, || self.server.http.get(&url)).await?;
        let shown: Shown = serde_json::from_slice(&data).unwrap();
        self.log().shown.insert((shown.decision_id, shown.participation_id));
        let path = format!("/api/v1/campaigns/impression/{}", streamer.token);
        let display = EntryId::display(shown.decision_id);
        self.note(&display, path, json!({"receipt": shown.receipt}), &shown);
        Ok((display, shown))
    }

    async fn ping(&self, streamer: &OnAir) -> Result<(), Gone> {
        let url = self.server.url(&format!("/api/v1/overlay/{}/ping", streamer.token));
        self.server.insist(StatusCode::CREATED, || self.server.http.post(&url)).await?;
        self.log().pings += 1;
        Ok(())
    }

    async fn click(&self, streamer: &OnAir, shown: &Shown, event: &str, number: usize) -> Result<(), Gone> {
        let kind = [ClickKind::Overlay, ClickKind::Chat][number % 2];
        let path = format!("/api/v1/overlay/{}/click/{kind}", streamer.token);
        let id = EntryId::click(streamer.id, kind, event);
        self.note(&id, path, json!({"receipt": shown.receipt, "eventId": event}), shown);
        self.send(&id).await?;
        if number.is_multiple_of(SENT_TWICE) { self.send(&id).await } else { Ok(()) }
    }

    /// Lets a new viewer follow the link. The redirect is the only answer that the viewer gets.
    async fn visit(&self, joined: ParticipationId, visitor: &str) -> Result<(), Gone> {
        let request = self.server.http.get(self.server.url(&format!("/c/{joined}?src=qr")));
        self.log().visits.entry(joined).or_default().sent += 1;
        let request = request.header("User-Agent", visitor).header("X-Forwarded-For", address_of(visitor));
        if self.server.ask(StatusCode::FOUND, request).await?.is_some() {
            if let Some(led_on) = &mut *self.led_on.lock().unwrap() {
                led_on.push((Instant::now(), joined));
                self.log().visits.entry(joined).or_default().acknowledged += 1;
            }
            self.recorded.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn note(&self, id: &EntryId, path: String, body: Value, shown: &Shown) {
        let new = Event::new(path, body, shown.participation_id);
        self.log().events.entry(id.clone()).or_insert(new);
    }

    async fn send_again(&self, ids: Vec<EntryId>) {
        let send = async |id| {
            self.send(&id).await.ok();
        };
        stream::iter(ids).for_each_concurrent(SENT_AGAIN_AT_ONCE, send).await;
    }

    /// Sends a noted event until it is acknowledged.
    async fn send(&self, id: &EntryId) -> Result<(), Gone> {
        let post = || {
            let mut log = self.log();
            let event = log.events.get_mut(id).unwrap();
            event.times_sent += 1;
            self.server.http.post(self.server.url(&event.path)).json(&event.body)
        };
        let body = self.server.insist(StatusCode::CREATED, post).await?;
        let answer: Answer = serde_json::from_slice(&body).unwrap();
        if answer.outcome != Told::Duplicate {
            self.recorded.send_modify(|count| *count += 1);
        }
        self.log().events.get_mut(id).unwrap().answers.push(answer);
        Ok(())
    }

    fn log(&self) -> MutexGuard<'_, &'a mut Log> {
        self.log.lock().unwrap()
    }
}
