//! The moment at which a server is killed. It is random, and the same for the same seed.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{super::clients::chance, load::Load};

/// The server is killed within this time of the first request, or of the time at which it records events.
const KILLED_WITHIN: Duration = Duration::from_millis(300);
/// Or the server is killed together with one of this many acknowledgements. At that moment it must have no work left for what it
/// has acknowledged.
const KILLED_AMONG: u128 = 100;
/// A server that has acknowledged this many new events records all events. Before that, it may wait for the store to find out
/// that the previous server is dead.
const RECORDING: usize = 20;
const RECORDED_WITHIN: Duration = Duration::from_mins(1);

/// The moment at which a server is killed.
#[derive(Debug)]
pub(super) enum Moment {
    AfterFirstRequest(Duration),
    OnceRecording(Duration),
    /// Within microseconds of the acknowledgement with this number.
    WithAcknowledgement(usize),
}

impl Moment {
    /// A random moment. The rounds take their moments from successive parts of the time.
    pub(super) fn of(seed: u64, round: usize, rounds: usize) -> Self {
        let chance = chance(seed, round, "under load");
        let part = KILLED_WITHIN / u32::try_from(rounds).unwrap();
        let time = part * u32::try_from(round).unwrap() + part.mul_f64(chance);
        match round % 4 {
            0 => Self::AfterFirstRequest(time),
            1 => Self::OnceRecording(time),
            _ => {
                let number = KILLED_AMONG * time.as_micros() / KILLED_WITHIN.as_micros();
                Self::WithAcknowledgement(RECORDING + usize::try_from(number).unwrap())
            }
        }
    }

    pub(super) async fn comes(&self, load: &Load<'_>) {
        let recorded =
            async |count| timeout(RECORDED_WITHIN, load.recorded(count)).await.expect("new events in time");
        match *self {
            Self::AfterFirstRequest(time) => sleep(time).await,
            Self::OnceRecording(time) => {
                recorded(RECORDING).await;
                sleep(time).await;
            }
            Self::WithAcknowledgement(number) => recorded(number).await,
        }
    }
}
