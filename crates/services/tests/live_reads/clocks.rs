//! Instances whose clocks disagree.

use std::{
    io,
    sync::{Arc, Mutex},
};

use gametriggers_domain::decision::Decision;
use gametriggers_fixtures::{ManualClock, NOON, minutes, noon};
use gametriggers_services::OnScreen;
use gametriggers_types::SignedDuration;

use super::{Instance, ScreenToken, Stage};

/// A clock that is `duration` ahead of noon.
pub(super) fn ahead(duration: SignedDuration) -> Arc<ManualClock> {
    let clock = ManualClock::at(NOON);
    clock.advance(duration);
    Arc::new(clock)
}

/// Collects the log lines of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn keep() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(lines))
    }

    /// Returns the lines since the last call.
    fn taken(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The decision in force on the screen. If none is in force, one is made.
pub(super) async fn decided(instance: &Instance, token: &ScreenToken) -> Decision {
    let screen = instance.services.overlay.decide(token.expose()).await.unwrap();
    let OnScreen::Campaign(shown) = screen.on_screen else { panic!("nothing is on screen") };
    shown.decision
}

/// Both instances log it once: the one that supersedes the decision does so at once, and the other one when it next reads the
/// store.
#[tokio::test]
async fn a_decision_by_a_clock_far_ahead_is_superseded_and_both_instances_log_it() {
    let (log, _kept) = Log::keep();
    let stage = Stage::set().await;
    let ahead = stage.instance_by(ahead(SignedDuration::from_hours(24))).await;
    let right = stage.plain_instance().await;
    let (_, [token, _]) = stage.streamer().await;

    let future = decided(&ahead, &token).await;
    assert_eq!((future.id.ordinal, future.from), (1, noon() + SignedDuration::from_hours(24)));
    assert_eq!(log.taken(), "");

    let now = decided(&right, &token).await;
    assert_eq!((now.id, now.from), (future.id.successor(), noon()));
    let said = log.taken();
    let first = "a decision begins in the future and is superseded";
    assert!(said.contains(first) && said.contains("seconds=86400"), "{said}");

    decided(&ahead, &token).await;
    let said = log.taken();
    let second = "a decision of this instance was superseded by one that begins before it";
    assert!(said.contains(second) && said.contains("seconds=86400"), "{said}");

    // However often the instances supersede each other's decisions, neither fills its log.
    for _ in 0..3 {
        assert_eq!(decided(&right, &token).await.from, noon());
        decided(&ahead, &token).await;
    }
    assert_eq!(log.taken(), "");
}

/// Synchronised clocks still differ a little.
#[tokio::test]
async fn clocks_that_differ_by_two_minutes_share_a_decision_and_log_nothing() {
    let (log, _kept) = Log::keep();
    let stage = Stage::set().await;
    let ahead = stage.instance_by(ahead(minutes(2))).await;
    let right = stage.plain_instance().await;
    let (_, [token, _]) = stage.streamer().await;
    let decision = decided(&ahead, &token).await;
    assert_eq!(decided(&right, &token).await, decision);
    assert_eq!(decided(&ahead, &token).await, decision);
    assert_eq!(log.taken(), "");
}
