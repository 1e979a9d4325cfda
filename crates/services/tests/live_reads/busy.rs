//! Changes of other streamers cause no read of an unchanged screen.

use std::time::Duration;

use super::{Instance, Instant, OverlaySize, ScreenToken, Stage, TRUSTED_FOR, UserId, change_size, sleep};

/// Changes the settings of this streamer repeatedly, with this pause, until the test ends.
async fn is_changed_every(stage: &Stage, id: UserId, pause: Duration) -> tokio::task::JoinHandle<()> {
    let storage = stage.store().await;
    tokio::spawn(async move {
        loop {
            for size in [OverlaySize::Small, OverlaySize::Large] {
                change_size(&storage, id, size).await;
                sleep(pause).await;
            }
        }
    })
}

impl Instance {
    /// The number of reads while the screen is shown for longer than [`TRUSTED_FOR`].
    async fn reads_while_showing(&self, token: &ScreenToken) -> usize {
        let (before, until) = (self.reads(), Instant::now() + TRUSTED_FOR + Duration::from_secs(1));
        while Instant::now() < until {
            self.shows(token).await;
            sleep(Duration::from_millis(20)).await;
        }
        self.reads() - before
    }
}

/// Another streamer changes 20 times a second, and then 100 times a second.
#[tokio::test]
async fn somebody_elses_changes_cost_an_unchanged_screen_no_read() {
    let stage = Stage::set().await;
    let instance = stage.instance().await;
    let ((_, [token, _]), (busy, _)) = (stage.streamer().await, stage.streamer().await);
    for pause in [Duration::from_millis(50), Duration::from_millis(10)] {
        let changing = is_changed_every(&stage, busy, pause).await;
        instance.keeps_in_memory(&token).await;
        assert_eq!(instance.reads_while_showing(&token).await, 0, "a change every {pause:?}");
        changing.abort();
    }
}
