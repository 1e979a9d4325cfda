//! Screens in memory: they cost no read and are never older than allowed. Decisions read the store.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot set its stage fails, and says where

mod busy;
mod clocks;
mod deciding;
mod doubles;
mod screens;
mod visits;

use std::{path::PathBuf, sync::Arc, time::Duration};

use gametriggers_domain::{
    access::Actor,
    model::{Campaign, Participation, User},
    selection::ExplorationShare,
};
use gametriggers_fixtures::{
    ManualClock, NOON, campaign, cpc, eventually, interval, next_number, noon, participation, soon,
    store_campaign, store_participation, store_user, user_with_token,
};
use gametriggers_persistence::{OverlayPatch, Repositories};
use gametriggers_persistence_sqlite::SqliteStore;
use gametriggers_services::{
    Clock, LinkSettings, OnScreen, Rendering, Screen, ScreenOwner, Secrets, SelectionPatch, ServiceError,
    ServiceSettings, Services, new_token,
};
use gametriggers_types::{OverlaySize, ScreenToken, UserId, WebUrl};
use tempfile::TempDir;
use tokio::time::{Instant, advance, pause, sleep};

use self::doubles::{AwayLedger, CountedParticipations, DisturbedFeed, Line, WatchedDecisions, WatchedUsers};

/// The time for which an instance answers from memory without an answer of the change feed.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// A store that several instances share.
struct Stage {
    folder: TempDir,
}

/// One of several instances that share a store.
struct Instance {
    services: Services,
    users: Arc<WatchedUsers>,
    decisions: Arc<WatchedDecisions>,
    participations: Arc<CountedParticipations>,
    feed: Arc<DisturbedFeed>,
    ledger: Arc<AwayLedger>,
}

impl Stage {
    async fn set() -> Self {
        let stage = Self { folder: TempDir::new().unwrap() };
        SqliteStore::open(&stage.file()).await.unwrap().migrate().await.unwrap();
        stage
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// Opens the store without the doubles of any instance.
    async fn store(&self) -> Repositories {
        SqliteStore::open(&self.file()).await.unwrap().repositories()
    }

    /// An instance that reads the store for each request.
    async fn plain_instance(&self) -> Instance {
        self.instance_by(Arc::new(ManualClock::at(NOON))).await
    }

    /// An instance that reads the store for each request and uses this clock.
    async fn instance_by(&self, clock: Arc<dyn Clock>) -> Instance {
        let mut storage = self.store().await;
        let users = Arc::new(WatchedUsers::new(storage.users));
        let feed = Arc::new(DisturbedFeed::new(storage.changes));
        let decisions = Arc::new(WatchedDecisions::new(storage.decisions));
        let participations = Arc::new(CountedParticipations::new(storage.participations));
        (storage.users, storage.changes) = (users.clone(), feed.clone());
        (storage.decisions, storage.participations) = (decisions.clone(), participations.clone());
        let ledger = Arc::new(AwayLedger::new(storage.ledger));
        storage.ledger = ledger.clone();
        let public_url = WebUrl::parse("http://localhost").unwrap();
        let paid_visits_per_address = LinkSettings::PAID_VISITS_PER_ADDRESS;
        let links = LinkSettings { public_url, paid_visits_per_address };
        let settings = ServiceSettings { links, exploration: ExplorationShare::default() };
        let services = Services::new(storage, clock, Secrets::derive(b"of a test"), &settings);
        Instance { services, users, decisions, participations, feed, ledger }
    }

    /// An instance that keeps screens in memory.
    async fn instance(&self) -> Instance {
        let instance = self.plain_instance().await;
        instance.services.spawn_live_reads();
        instance
    }

    /// Stores an active streamer who joined one campaign before noon. Returns the streamer and the tokens of the user and the
    /// participation.
    async fn streamer(&self) -> (UserId, [ScreenToken; 2]) {
        let user = User { overlay_last_seen: Some(noon()), ..user_with_token(next_number()) };
        let (id, token) = (user.id, user.overlay_token.clone().unwrap());
        store_user(&self.store().await, user).await;
        let source = self.join(id).await.browser_source_token;
        (id, [token, source])
    }

    /// Stores a new campaign and the streamer's participation in it, joined before noon.
    async fn join(&self, streamer: UserId) -> Participation {
        let (number, storage) = (next_number(), self.store().await);
        let campaign = Campaign {
            title: "Campaign".to_owned(),
            click_url: Some("https://brand.example.com".to_owned()),
            payment: cpc(400.0),
            ..campaign(number)
        };
        store_campaign(&storage, campaign).await;
        let participation = Participation { streamer_id: streamer, ..participation(number, number, 0) };
        store_participation(&storage, participation.clone()).await;
        participation
    }
}

impl Instance {
    async fn resolve(&self, token: &ScreenToken) -> Result<ScreenOwner, ServiceError> {
        self.services.overlay.resolve(token.expose()).await
    }

    /// The streamer as the actor of a change.
    async fn actor(&self, id: UserId) -> Actor {
        self.services.streamers.actor(id, None).await.unwrap()
    }

    /// The number of reads that the look-up of this token's streamer costs.
    async fn reads_for(&self, token: &ScreenToken) -> usize {
        let before = self.users.reads();
        self.resolve(token).await.unwrap();
        self.users.reads() - before
    }

    /// Waits until the streamer and the content of their screen are in memory.
    async fn has_in_memory(&self, token: &ScreenToken) {
        eventually("the screen is in memory", async || {
            self.size(token).await;
            (self.reads_for(token).await == 0).then_some(())
        })
        .await;
    }

    /// The size of the overlay in the content of the screen.
    async fn size(&self, token: &ScreenToken) -> OverlaySize {
        let render = |screen: Screen| {
            let size = screen.user.overlay.size.to_string();
            Ok::<_, ServiceError>(Rendering { version: size.clone().into(), body: size.into() })
        };
        let rendering = self.services.overlay.render(token.expose(), render).await.unwrap();
        str::from_utf8(&rendering.body).unwrap().parse().unwrap()
    }

    async fn is_unknown(&self, token: &ScreenToken) -> bool {
        match self.resolve(token).await {
            Err(ServiceError::UnknownToken) => true,
            answer => {
                answer.unwrap();
                false
            }
        }
    }
}

fn sized(size: OverlaySize) -> OverlayPatch {
    OverlayPatch { size: Some(size), ..OverlayPatch::default() }
}

async fn change_size(storage: &Repositories, id: UserId, size: OverlaySize) {
    storage.users.update_overlay(id, &sized(size), noon()).await.unwrap();
}

#[tokio::test]
async fn a_known_token_of_either_kind_costs_no_read() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, tokens) = stage.streamer().await;
    for token in &tokens {
        instance.has_in_memory(token).await;
        for _ in 0..10 {
            assert_eq!(instance.reads_for(token).await, 0);
        }
        assert_eq!(instance.resolve(token).await.unwrap().id, id);
    }
}

#[tokio::test]
async fn unless_told_to_keep_them_every_instance_reads_the_store() {
    let stage = Stage::set().await;
    let instance = stage.plain_instance().await;
    let (_, [token, source]) = stage.streamer().await;
    for _ in 0..10 {
        assert_eq!(instance.reads_for(&token).await, 1);
        assert_eq!(instance.reads_for(&source).await, 2);
    }
}

/// An instance sees its own change as soon as the change is answered.
#[tokio::test]
async fn an_instance_sees_its_own_changes_at_once() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, [token, source]) = stage.streamer().await;
    let streamers = &instance.services.streamers;
    for size in [OverlaySize::Small, OverlaySize::Large, OverlaySize::Medium] {
        instance.has_in_memory(&token).await;
        streamers.update_overlay(&instance.actor(id).await, &sized(size)).await.unwrap();
        assert_eq!(instance.size(&token).await, size);
    }
    instance.has_in_memory(&token).await;
    instance.has_in_memory(&source).await;
    let renewed = streamers.regenerate_overlay_token(&instance.actor(id).await).await.unwrap();
    assert!(instance.is_unknown(&token).await && instance.is_unknown(&source).await);
    assert_eq!(instance.resolve(&renewed).await.unwrap().id, id);
}

#[tokio::test]
async fn another_instance_sees_a_change_within_a_second() {
    let stage = Stage::set().await;
    let (one, other) = (stage.instance().await, stage.instance().await);
    let (id, [token, source]) = stage.streamer().await;
    for size in [OverlaySize::Small, OverlaySize::Large] {
        other.has_in_memory(&token).await;
        one.services.streamers.update_overlay(&one.actor(id).await, &sized(size)).await.unwrap();
        soon("the size that was set", async || other.size(&token).await == size).await;
    }
    other.has_in_memory(&source).await;
    let renewed = one.services.streamers.regenerate_overlay_token(&one.actor(id).await).await.unwrap();
    let are_unknown = async || other.is_unknown(&token).await && other.is_unknown(&source).await;
    soon("the old tokens are unknown", are_unknown).await;
    assert_eq!(other.resolve(&renewed).await.unwrap().id, id);
}

/// Every instance decides by the store and not by its memory.
#[tokio::test]
async fn a_screen_is_as_the_store_has_it_without_delay() {
    let stage = Stage::set().await;
    let (one, other) = (stage.instance().await, stage.instance().await);
    let (id, [token, source]) = stage.streamer().await;
    let shown = async |instance: &Instance| {
        let screen = instance.services.overlay.decide(token.expose()).await.unwrap();
        let OnScreen::Campaign(shown) = screen.on_screen else { panic!("nothing is on screen") };
        (shown.decision, screen.user.overlay.size)
    };
    for (minutes, size) in [(1, OverlaySize::Small), (5, OverlaySize::Large), (1, OverlaySize::Medium)] {
        other.has_in_memory(&token).await;
        let before = shown(&other).await;
        let patch = SelectionPatch { interval: Some(interval(minutes)), ..SelectionPatch::default() };
        one.services.streamers.update_selection(&one.actor(id).await, &patch).await.unwrap();
        one.services.streamers.update_overlay(&one.actor(id).await, &sized(size)).await.unwrap();
        let after = shown(&other).await;
        assert_eq!((after.0.id, after.1), (before.0.id.successor(), size));
        assert_eq!(shown(&one).await, after);
    }
    other.has_in_memory(&source).await;
    one.services.streamers.regenerate_overlay_token(&one.actor(id).await).await.unwrap();
    for revoked in [&token, &source] {
        let refused = other.services.overlay.decide(revoked.expose()).await;
        assert!(matches!(refused, Err(ServiceError::UnknownToken)));
        let refused = other.services.links.qr_url(revoked.expose()).await;
        assert!(matches!(refused, Err(ServiceError::UnknownToken)));
    }
}

/// A read that began before a change and ended after it does not put the old state into memory.
#[tokio::test]
async fn a_read_that_a_change_overtook_is_not_kept() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (_, [known, _]) = stage.streamer().await;
    instance.has_in_memory(&known).await;
    let (id, [token, _]) = stage.streamer().await;

    // A change by this instance.
    let (is_read, let_go) = instance.users.hold_next_read();
    let overtaken = async {
        is_read.await.unwrap();
        instance
            .services
            .streamers
            .update_overlay(&instance.actor(id).await, &sized(OverlaySize::Small))
            .await
            .unwrap();
        let_go.send(()).unwrap();
    };
    let (read, ()) = tokio::join!(instance.size(&token), overtaken);
    assert_eq!(read, OverlaySize::Medium, "it was read before the change");
    assert_eq!(instance.size(&token).await, OverlaySize::Small);

    // A change by another instance, which the feed has told.
    instance
        .services
        .streamers
        .update_overlay(&instance.actor(id).await, &sized(OverlaySize::Medium))
        .await
        .unwrap();
    let (is_read, let_go) = instance.users.hold_next_read();
    let overtaken = async {
        is_read.await.unwrap();
        change_size(&stage.store().await, id, OverlaySize::Large).await;
        sleep(Duration::from_secs(1)).await;
        let_go.send(()).unwrap();
    };
    let (read, ()) = tokio::join!(instance.size(&token), overtaken);
    assert_eq!(read, OverlaySize::Medium, "it was read before the change");
    assert_eq!(instance.size(&token).await, OverlaySize::Large);
}

/// A token that was unknown a moment ago works as soon as somebody has it.
#[tokio::test]
async fn that_a_token_is_unknown_is_not_remembered() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, [known, _]) = stage.streamer().await;
    instance.has_in_memory(&known).await;
    let renewed = new_token().unwrap();
    assert!(instance.is_unknown(&renewed).await);
    stage.store().await.users.regenerate_overlay_token(id, &renewed, noon()).await.unwrap();
    assert_eq!(instance.resolve(&renewed).await.unwrap().id, id);
}

/// The memory is used for two seconds after the last answer of the change feed.
#[tokio::test]
async fn after_two_seconds_of_silence_the_store_is_read_again() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, [token, _]) = stage.streamer().await;
    instance.has_in_memory(&token).await;
    instance.feed.set(Line::Silent);
    let silent = Instant::now();
    change_size(&stage.store().await, id, OverlaySize::Small).await;
    pause();
    assert_eq!(instance.size(&token).await, OverlaySize::Medium, "nobody has told of the change");
    advance(TRUSTED_FOR.saturating_sub(silent.elapsed())).await;
    assert_eq!(instance.size(&token).await, OverlaySize::Small);
    assert_eq!(instance.reads_for(&token).await, 1, "nor is anything believed that was read since");

    // The feed answers again. An entry whose change it has not told yet is not used.
    tokio::time::resume();
    instance.feed.set(Line::Up);
    eventually("the screen is in memory again", async || {
        assert_eq!(instance.size(&token).await, OverlaySize::Small);
        (instance.reads_for(&token).await == 0).then_some(())
    })
    .await;
}

/// A lost subscription is noticed at once and renewed. Entries from before are not used again.
#[tokio::test]
async fn without_a_subscription_the_store_is_read_and_after_it_nothing_old_is_left() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let (id, [token, _]) = stage.streamer().await;
    instance.has_in_memory(&token).await;
    instance.feed.set(Line::Broken);
    soon("the loss is noticed", async || instance.feed.subscriptions() == 0).await;
    for size in [OverlaySize::Small, OverlaySize::Large] {
        change_size(&stage.store().await, id, size).await;
        assert_eq!(instance.size(&token).await, size);
    }
    instance.feed.set(Line::Up);
    eventually("the screen is in memory again", async || {
        assert_eq!(instance.size(&token).await, OverlaySize::Large);
        (instance.reads_for(&token).await == 0).then_some(())
    })
    .await;
    change_size(&stage.store().await, id, OverlaySize::Small).await;
    soon("the size that was set", async || instance.size(&token).await == OverlaySize::Small).await;
}

#[tokio::test]
async fn the_subscription_ends_with_the_services() {
    let stage = Stage::set().await;
    let Instance { services, feed, .. } = stage.instance().await;
    soon("the store is listened to", async || feed.subscriptions() == 1).await;
    let clone = services.clone();
    drop(services);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(feed.subscriptions(), 1);
    drop(clone);
    soon("nobody listens to the store", async || feed.subscriptions() == 0).await;
}
