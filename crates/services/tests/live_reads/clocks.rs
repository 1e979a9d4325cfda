//! Instances whose clocks do not agree.

use std::{
    io,
    sync::{Arc, Mutex},
};

use gametriggers_domain::decision::Decision;
use gametriggers_services::OnScreen;
use gametriggers_types::SignedDuration;

use super::{Clock, Instance, Noon, ScreenToken, Stage, Timestamp};

/// A clock that is ahead of noon by this much.
pub(super) struct Ahead(pub(super) SignedDuration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Noon.now() + self.0
    }
}

/// What is logged on this thread while its guard lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn keep() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(lines))
    }

    /// What was logged since the last time.
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

/// The decision that is in force on the screen; made, if none is.
pub(super) async fn decided(instance: &Instance, token: &ScreenToken) -> Decision {
    let screen = instance.services.overlay.decide(token.expose()).await.unwrap();
    let OnScreen::Campaign(shown) = screen.on_screen else { panic!("nothing is on screen") };
    shown.decision
}

/// Both instances log it, each once: the one that supersedes at once, and the one that was superseded when it next reads the
/// store.
#[tokio::test]
async fn a_decision_by_a_clock_far_ahead_is_superseded_and_both_instances_log_it() {
    let (log, _kept) = Log::keep();
    let stage = Stage::set().await;
    let ahead = stage.instance_by(Arc::new(Ahead(SignedDuration::from_hours(24)))).await;
    let right = stage.plain_instance().await;
    let (_, [token, _]) = stage.streamer().await;

    let future = decided(&ahead, &token).await;
    assert_eq!((future.id.ordinal, future.from), (1, Noon.now() + SignedDuration::from_hours(24)));
    assert_eq!(log.taken(), "");

    let now = decided(&right, &token).await;
    assert_eq!((now.id, now.from), (future.id.successor(), Noon.now()));
    let said = log.taken();
    let first = "a decision begins in the future and is superseded";
    assert!(said.contains(first) && said.contains("seconds=86400"), "{said}");

    decided(&ahead, &token).await;
    let said = log.taken();
    let second = "a decision of this instance was superseded by one that begins before it";
    assert!(said.contains(second) && said.contains("seconds=86400"), "{said}");

    // However often the two supersede each other, neither fills its log.
    for _ in 0..3 {
        assert_eq!(decided(&right, &token).await.from, Noon.now());
        decided(&ahead, &token).await;
    }
    assert_eq!(log.taken(), "");
}

/// Clocks that are synchronised still differ a little.
#[tokio::test]
async fn clocks_that_differ_by_two_minutes_share_a_decision_and_log_nothing() {
    let (log, _kept) = Log::keep();
    let stage = Stage::set().await;
    let ahead = stage.instance_by(Arc::new(Ahead(SignedDuration::from_mins(2)))).await;
    let right = stage.plain_instance().await;
    let (_, [token, _]) = stage.streamer().await;
    let decision = decided(&ahead, &token).await;
    assert_eq!(decided(&right, &token).await, decision);
    assert_eq!(decided(&ahead, &token).await, decision);
    assert_eq!(log.taken(), "");
}
